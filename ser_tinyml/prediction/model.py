"""A finished model, and what it says of a recording."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable
from typing import IO

import numpy as np

from schemas.errors import UserError
from schemas.front_end import FrontEnd
from ser_tinyml.audio.decode import Acceptance, Undecodable, decode_blocks
from ser_tinyml.audio.features import compute_features
from ser_tinyml.audio.resample import resample
from ser_tinyml.audio.standardise import Heard
from ser_tinyml.judging.votes import vote
from ser_tinyml.prediction.hearing import HeardRecording
from ser_tinyml.prediction.stream import Stream, as_float
from ser_tinyml.runtimes.listener import Listener
from ser_tinyml.runtimes.predictions import Begins
from ser_tinyml.store import files
from ser_tinyml.store.finished_model import Interface

ANY_RECORDING = Acceptance(max_channels=64, max_clipped_fraction=1.0)
_WINDOWS_AT_ONCE = 64


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a model says of one recording: of each of its windows, and, by their vote, of the whole."""

    labels: tuple[str, ...]  # the classes
    seconds: float  # how long the recording is
    window_seconds: float  # how long a window is
    window_starts: np.ndarray  # float64 [windows], s: where each begins; none where nobody speaks
    window_probabilities: np.ndarray  # float32 [windows, classes]
    reject_below: float  # the likeliest class's probability, below which an answer is uncertain
    begins: np.ndarray | None = None  # bool [windows]: where a network that goes on started over; None: it never does

    @property
    def has_speech(self) -> bool:
        """Whether somebody speaks; else nothing is said of an emotion."""
        return len(self.window_starts) > 0

    @property
    def probabilities(self) -> dict[str, float]:
        """Class -> the mean of the windows' probabilities, as the evaluator has it; empty where nobody speaks.

        Of a network that goes on from window to window it is the mean of the utterances' last windows.
        """
        if not self.has_speech:
            return {}
        (mean,) = vote(self.window_probabilities, np.zeros(len(self.window_starts), np.int64), self.begins)
        return dict(zip(self.labels, mean.tolist(), strict=True))

    @property
    def label(self) -> str | None:
        """The likeliest class, of equals the first; None where nobody speaks."""
        probabilities = self.probabilities
        return max(probabilities, key=probabilities.__getitem__) if probabilities else None

    @property
    def uncertain(self) -> bool:
        """Whether the likeliest class's probability is below the model's threshold."""
        return self.has_speech and max(self.probabilities.values()) < self.reject_below

    def to_json(self) -> dict:
        """Returns the prediction as a JSON object: what is said of the whole, then of each window."""
        windows = zip(self.window_starts.tolist(), self.window_probabilities.tolist(), strict=True)
        return {
            "class": self.label,
            "uncertain": self.uncertain,
            "probabilities": {label: round(value, 6) for label, value in self.probabilities.items()},
            "seconds": round(self.seconds, 3),
            "windows": [
                {"start": round(start, 3), "probabilities": [round(value, 6) for value in probabilities]}
                for start, probabilities in windows
            ],
        }


class Model:
    """A finished model on one of its runtimes; `ser_tinyml.load` makes one. Only one thread may use it at a time."""

    def __init__(
        self,
        interface: Interface,
        *,
        runtime: str,
        reject_below: float,
        run: Callable[[np.ndarray, Begins], np.ndarray] | None,
        make_listener: Callable[[], Listener],
    ):
        """Puts a model together.

        Args:
          interface: what the model takes and gives.
          runtime: its name.
          reject_below: the likeliest class's probability, below which an answer is uncertain.
          run: float32 [windows, frames, values], standardised, and which of them begin an utterance, to probabilities
            [windows, classes]; None where the device's app decides.
          make_listener: the device's app.
        """
        self._interface = interface
        self._runtime = runtime
        self._reject_below = reject_below
        self._run = run
        self._make_listener = make_listener
        self._speaker: Heard | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in the order of the outputs."""
        return self._interface.labels

    @property
    def front_end(self) -> FrontEnd:
        """What happens to sound before the network: rate, windows, frames, features."""
        return self._interface.front_end

    @property
    def runtime(self) -> str:
        """Where the model runs: keras, float, dynamic, int8, tflm, engine or device."""
        return self._runtime

    def predict(self, samples: np.ndarray, rate: float) -> Prediction:
        """Says what emotion is in a recording.

        Args:
          samples: [samples], or [samples, channels], of which the mean is taken; float in [-1, 1] or int16.
          rate: of the samples, in Hz.

        Raises:
          UserError: the samples are no sound, or fewer than a frame.
        """
        samples = np.asarray(samples)
        if not rate > 0:
            raise UserError(f"the rate is {rate}, expected a positive number of Hz")
        if samples.ndim not in (1, 2):
            raise UserError(f"the samples have {samples.ndim} dimensions, expected [samples] or [samples, channels]")
        channels = samples.T if samples.ndim == 2 else [samples]
        mono = np.mean([as_float(channel) for channel in channels], axis=0, dtype=np.float32)
        try:
            return self._predict([resample(mono, rate, self.front_end.sample_rate)])
        except Undecodable as error:
            raise UserError(str(error)) from error

    def predict_file(self, path: str) -> Prediction:
        """Says what emotion is in a recording, of any length and format that the project reads, in constant memory.

        Of what is longer than a megabyte of samples (half a minute), they are in a temporary file meanwhile.

        Args:
          path: of the recording, on any filesystem.

        Raises:
          UserError: it can't be read, or is no sound; the message has the reason, as the data job's quarantine names it.
        """
        with files.open_binary(str(path)) as stream:
            try:
                return self.predict_opened(stream)
            except UserError as error:
                raise UserError(f"{path}: {error}") from error

    def predict_opened(self, file: IO[bytes]) -> Prediction:
        """Says what emotion is in a recording.

        Args:
          file: the recording, opened, at its beginning; it can be sought in.

        Raises:
          UserError: it can't be read, or is no sound.
        """
        try:
            return self._predict(decode_blocks(file, self.front_end.sample_rate, ANY_RECORDING))
        except Undecodable as error:
            raise UserError(str(error)) from error

    def stream(self, rate: float | None = None) -> Stream:
        """Returns a device that listens, and has heard nothing yet.

        It is the firmware's app with the model's generated C, whatever the runtime.

        Args:
          rate: of the blocks that it will hear, in Hz; by default the front end's.

        Raises:
          UserError: the model has no generated C, or there is no C compiler.
        """
        front_end = self.front_end
        rate = front_end.sample_rate if rate is None else rate
        if not rate > 0:
            raise UserError(f"the rate is {rate}, expected a positive number of Hz")
        return Stream(self._make_listener(), labels=self.labels, front_end=front_end, rate=rate)

    def follow_speaker(self) -> None:
        """Takes the recordings that come for those of one speaker, one after the other, until it is called again.

        Before it is called, each recording is heard as if nothing had been heard before.

        Raises:
          UserError: the front end does not learn its speaker (`cmvn_prior_windows`), or the runtime is `device`, which hears
            each recording by itself.
        """
        if not self.front_end.cmvn_prior_windows:
            raise UserError("this model does not learn its speaker: it was trained without --cmvn_prior_windows")
        if not self._run:
            raise UserError("the runtime 'device' hears each recording by itself: another one follows a speaker")
        self._speaker = Heard(self.front_end, self._interface.standardisation)

    def run_selftest(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns what the self-test of a board with this model gives.

        Returns:
          int8 [classes], the engine's outputs for features that are given, and those for a window of sound that is given.

        Raises:
          UserError: the model has no generated C, there is no C compiler, or the engine fails.
        """
        return self._make_listener().run_selftest()

    def _predict(self, blocks: Iterable[np.ndarray]) -> Prediction:
        front_end = self.front_end
        heard = HeardRecording(blocks, front_end)
        starts, probabilities = self._decide(heard) if self._run else self._listen(heard)
        return Prediction(
            labels=self.labels,
            seconds=heard.seconds,
            window_seconds=front_end.window_samples / front_end.sample_rate,
            window_starts=np.array(starts, np.float64) / front_end.sample_rate,
            window_probabilities=np.reshape(np.array(probabilities, np.float32), (-1, len(self.labels))),
            reject_below=self._reject_below,
            begins=_find_begins(starts, front_end) if front_end.streaming else None,
        )

    def _decide(self, heard: HeardRecording) -> tuple[list[float], list[np.ndarray]]:
        """Returns the first sample of each window, and its probabilities."""
        assert self._run
        starts, found = list[float](), list[np.ndarray]()
        front_end = self.front_end
        speaker = self._speaker or Heard(front_end, self._interface.standardisation)
        windows = (
            (start, compute_features(window / np.float32(32768), front_end, padding="waveform"))
            for start, window in heard.read_windows(heard.find_windows())
        )
        at_once = None if front_end.streaming else _WINDOWS_AT_ONCE  # a network that goes on takes all of an utterance
        for batch in iter(lambda: list(itertools.islice(windows, at_once)), []):
            starts += [start for start, _ in batch]
            features = np.stack([features for _, features in batch])
            begins = _find_begins([start for start, _ in batch], front_end) if front_end.streaming else None
            found += [*self._run(speaker.standardise(features), begins)]
        return starts, found

    def _listen(self, heard: HeardRecording) -> tuple[list[float], list[np.ndarray]]:
        """Returns the first sample of each window that the device decides about, and its smoothed probabilities."""
        front_end = self.front_end
        stream = self.stream()
        decisions = [decision for block in heard.read_blocks() for decision in stream.feed(block)] + stream.finish()
        starts = [decision.seconds * front_end.sample_rate - front_end.window_samples for decision in decisions]
        return starts, [np.array([*decision.probabilities.values()]) for decision in decisions]


def _find_begins(starts: list[float], front_end: FrontEnd) -> np.ndarray:
    """Returns which windows lie behind a pause, bool [windows]: more than a hop behind the window before."""
    return np.diff(starts, prepend=-np.inf) > 1.5 * front_end.window_hop_samples
