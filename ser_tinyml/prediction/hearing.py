"""A recording of any length as a model hears it: where its speech is, and the windows of it, in constant memory."""

import tempfile
from collections.abc import Iterable, Iterator

import numpy as np

from schemas.front_end import FrontEnd
from ser_tinyml.audio.clip import to_pcm
from ser_tinyml.audio.decode import Undecodable
from ser_tinyml.audio.windows import (
    block_samples,
    cut_window,
    find_active,
    find_speech_in,
    holds_speech,
    measure_blocks,
    window_starts,
)

CLIP_SECONDS = 10.0  # --crop's default: the evaluator judges no longer recordings

_MEMORY_BYTES = 1 << 20  # of a recording's samples; more lie in a temporary file
_SAMPLE_BYTES = 2


class HeardRecording:
    """A recording's samples as a microphone delivers them, int16 at the front end's rate, and the levels of its blocks."""

    def __init__(self, blocks: Iterable[np.ndarray], front_end: FrontEnd):
        """Takes all of a recording, float32 [samples] a block; raises Undecodable where it is shorter than a frame."""
        self._front_end = front_end
        self._samples = tempfile.SpooledTemporaryFile(_MEMORY_BYTES)  # noqa: SIM115  closed with this object
        self.length = 0
        size = block_samples(front_end.sample_rate)
        powers, rest = [], np.empty(0, np.float32)
        for block in blocks:
            self.length += len(block)
            self._samples.write(to_pcm(block, len(block)).tobytes())
            rest = np.concatenate([rest, block])
            whole = len(rest) // size * size
            powers.append(measure_blocks(rest[:whole], front_end.sample_rate))
            rest = rest[whole:]
        powers.append(measure_blocks(rest, front_end.sample_rate))
        self._powers = np.concatenate(powers)
        if self.length < front_end.n_fft:
            length = f"{self.length} samples at {front_end.sample_rate} Hz"
            raise Undecodable("too_short", f"{length}: less than a frame of {front_end.n_fft}")

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.length / self._front_end.sample_rate

    def find_windows(self) -> list[int]:
        """Returns the first sample of each window that a model decides about; none where there is no speech.

        They are those of training and of the evaluator. In a recording that is longer than the evaluator's clips, a window
        that is all pause is left out.
        """
        rate = self._front_end.sample_rate
        if not holds_speech(self._powers, rate):
            return []
        starts = window_starts(*find_speech_in(self._powers, self.length, rate), self._front_end)
        if self.seconds <= CLIP_SECONDS:
            return starts
        active, size = np.flatnonzero(find_active(self._powers, rate)), block_samples(rate)
        first = np.searchsorted(active, np.array(starts) // size)
        behind = np.searchsorted(active, -(-(np.array(starts) + self._front_end.window_samples) // size))
        return [start for start, has_speech in zip(starts, behind > first, strict=True) if has_speech]

    def read_windows(self, starts: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
        """Yields (first sample, int16 [window_samples]) of each window that holds any sound, and of the first."""
        size = self._front_end.window_samples
        for number, start in enumerate(starts):
            window = cut_window(self._read(start, size), 0, size)
            if window.any() or not number:
                yield start, window

    def read_blocks(self) -> Iterator[np.ndarray]:
        """Yields all samples, int16, a second at a time."""
        step = self._front_end.sample_rate
        for start in range(0, self.length, step):
            yield self._read(start, step)

    def _read(self, start: int, count: int) -> np.ndarray:
        self._samples.seek(start * _SAMPLE_BYTES)
        return np.frombuffer(self._samples.read(count * _SAMPLE_BYTES), np.int16)
