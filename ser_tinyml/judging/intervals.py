"""Confidence intervals: how the next stranger will fare."""

import hashlib

import numpy as np

from ser_tinyml.judging import metrics

_RESAMPLES = 10_000
_QUANTILES = (0.025, 0.975)


def speaker_intervals(matrices: np.ndarray) -> dict[str, tuple[float, float]]:
    """Returns the 95 % interval of each metric by a bootstrap that resamples speakers, not clips.

    The clips of one speaker are not independent, and the question is how the next stranger will fare.

    Args:
      matrices: int64 [speakers, n_classes, n_classes], a confusion matrix each.

    Returns:
      Metric -> (lower, upper); nothing where there is a single speaker.
    """
    speakers = len(matrices)
    if speakers == 1:
        return {}
    seed = hashlib.sha256(matrices.tobytes()).digest()
    rng = np.random.default_rng(int.from_bytes(seed, "big"))
    drawn = rng.multinomial(speakers, np.full(speakers, 1 / speakers), _RESAMPLES)
    resampled = metrics.score_matrices(np.tensordot(drawn, matrices, 1))
    return {name: tuple(np.quantile(values, _QUANTILES).tolist()) for name, values in resampled.items()}
