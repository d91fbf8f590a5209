"""Sample rates and lengths."""

import math

import numpy as np
import soxr


def resample(samples: np.ndarray, from_rate: float, to_rate: float) -> np.ndarray:
    """Resamples by SoX's resampler at high quality, to the length that `librosa.resample` gives.

    Args:
      samples: float32 [samples].
      from_rate: theirs, in Hz.
      to_rate: the result's, in Hz.

    Returns:
      float32 [ceil(samples * to_rate / from_rate)]; the samples themselves where the rates are the same.
    """
    if from_rate == to_rate:
        return samples
    length = math.ceil(len(samples) * (to_rate / from_rate))
    return fix_length(soxr.resample(samples, from_rate, to_rate, quality="HQ"), length)


class StreamResampler:
    """Gives, in pieces, the bits that `resample` gives of the whole."""

    def __init__(self, from_rate: float, to_rate: float):
        """Begins; rates are in Hz."""
        self._ratio = to_rate / from_rate
        self._stream = None
        if from_rate != to_rate:
            self._stream = soxr.ResampleStream(from_rate, to_rate, num_channels=1, dtype="float32", quality="HQ")
        self._taken = self._given = 0  # samples

    def resample(self, samples: np.ndarray) -> np.ndarray:
        """Takes the next float32 [samples] and returns those that can be told by now."""
        self._taken += len(samples)
        return self._count(self._stream.resample_chunk(samples) if self._stream else samples)

    def finish(self) -> np.ndarray:
        """Returns the last samples."""
        if not self._stream:
            return np.empty(0, np.float32)
        rest = self._stream.resample_chunk(np.empty(0, np.float32), last=True)
        return self._count(fix_length(rest, max(0, math.ceil(self._taken * self._ratio) - self._given)))

    def _count(self, samples: np.ndarray) -> np.ndarray:
        self._given += len(samples)
        return samples


def fix_length(samples: np.ndarray, length: int) -> np.ndarray:
    """Returns [length]: the samples cut off, or with silence behind them."""
    if len(samples) == length:
        return samples
    if len(samples) > length:
        return samples[:length]
    return np.concatenate([samples, np.zeros(length - len(samples), samples.dtype)])
