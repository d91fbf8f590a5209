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


def fix_length(samples: np.ndarray, length: int) -> np.ndarray:
    """Returns [length]: the samples cut off, or with silence behind them."""
    if len(samples) == length:
        return samples
    if len(samples) > length:
        return samples[:length]
    return np.concatenate([samples, np.zeros(length - len(samples), samples.dtype)])
