"""Sound as it comes, and the decisions of the firmware's app about it."""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from schemas.errors import UserError
from schemas.front_end import FrontEnd
from ser_tinyml.audio.clip import to_pcm
from ser_tinyml.audio.resample import StreamResampler
from ser_tinyml.runtimes.listener import Listener


@dataclasses.dataclass(frozen=True)
class Decision:
    """What the device decides about a window of 1.5 s, smoothed over the last decisions of the same utterance."""

    seconds: float  # of sound since the stream began, up to the end of the window
    label: str  # the likeliest class
    uncertain: bool  # its probability is below the model's threshold
    probabilities: dict[str, float]  # class -> its probability
    level_db: float  # of the window, dB full scale

    def to_json(self) -> dict:
        """Returns the decision with the names of the line that a board writes."""
        return {
            "ms": round(1000 * self.seconds),
            "class": self.label,
            "uncertain": self.uncertain,
            "probabilities": {label: _to_decimal(value, 4) for label, value in self.probabilities.items()},
            "rms_db": _to_decimal(self.level_db, 1),
        }

    @classmethod
    def from_json(cls, line: dict) -> "Decision":
        """Returns the decision that a board's line describes; raises KeyError, TypeError or ValueError where it is none."""
        probabilities = {str(label): float(value) for label, value in line["probabilities"].items()}
        return cls(
            seconds=line["ms"] / 1000,
            label=str(line["class"]),
            uncertain=bool(line["uncertain"]),
            probabilities=probabilities,
            level_db=float(line["rms_db"]),
        )


def _to_decimal(value: float, decimals: int) -> float:
    """Rounds as the board's line does (firmware/app/ser_text.c): a tie away from 0, in float32."""
    if not math.isfinite(value):
        return value
    scaled = np.float32(value)
    for _ in range(decimals):
        scaled *= np.float32(10)
    return int(scaled + np.float32(math.copysign(0.5, scaled))) / 10**decimals


class Stream:
    """A device that listens: it hears blocks of sound of any size, and decides while somebody speaks.

    It is the firmware's app, compiled for this machine: voice gate, places of windows, front end, engine and smoothing. What it
    decides does not depend on how the sound is divided into blocks.
    """

    def __init__(self, listener: Listener, *, labels: tuple[str, ...], front_end: FrontEnd, rate: float):
        """Begins with no sound heard; `Model.stream` makes streams."""
        self._listener = listener
        self._labels = labels
        self._front_end = front_end
        self._resampler = StreamResampler(rate, front_end.sample_rate)

    @property
    def hears_speech(self) -> bool:
        """Whether the voice gate is open: a decision is on its way, or more follow."""
        return self._listener.hears_speech

    def feed(self, samples: np.ndarray) -> list[Decision]:
        """Hears the next block.

        Args:
          samples: [samples] of any number, float in [-1, 1] or int16, at the stream's rate, mono.

        Returns:
          The decisions that fall due in this block, in their order; mostly none.
        """
        return list(self._hear(self._resampler.resample(as_float(samples))))

    def finish(self) -> list[Decision]:
        """Hears as much silence as it takes to decide about what was said last, and returns these decisions."""
        rest = self._resampler.finish()
        silence = np.zeros(2 * self._front_end.window_samples, np.float32)
        return [*self._hear(rest), *self._hear(silence)]

    def _hear(self, samples: np.ndarray) -> Iterator[Decision]:
        for heard in self._listener.hear(to_pcm(samples, len(samples))):
            yield Decision(
                seconds=float(heard["milliseconds"]) / 1000,
                label=self._labels[heard["label"]],
                uncertain=bool(heard["uncertain"]),
                probabilities=dict(zip(self._labels, heard["probabilities"].tolist(), strict=True)),
                level_db=float(heard["rms_db"]),
            )


def as_float(samples: np.ndarray) -> np.ndarray:
    """Returns mono sound, float in [-1, 1] or int16, as float32 [samples]; raises UserError for anything else."""
    if samples.ndim != 1:
        raise UserError(f"the samples have {samples.ndim} dimensions, expected 1: [samples]")
    if samples.dtype == np.int16:
        return samples.astype(np.float32) / 32768
    if samples.dtype.kind != "f":
        raise UserError(f"the samples are {samples.dtype}, expected float in [-1, 1] or int16")
    if not np.isfinite(samples).all():
        raise UserError("the samples hold values that are no finite numbers")
    return samples.astype(np.float32)


def measure_level(samples: np.ndarray) -> float:
    """Returns the level of float [samples] in dB full scale, at least -100."""
    power = float(np.square(samples, dtype=np.float64).mean()) if len(samples) else 0.0
    return 10 * math.log10(max(power, 1e-10))
