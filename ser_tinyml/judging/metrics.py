"""Classification metrics from true and predicted classes: scikit-learn's, and what it has none of."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from schemas.run_files import ClassScores, CoveragePoint, ReliabilityBin, Scores


def confusion_matrix(true: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Counts examples by class, int64 [n_classes, n_classes]: rows are true, columns are predicted classes."""
    return _sklearn().confusion_matrix(true, predicted, labels=range(n_classes))


def score(true: np.ndarray, predicted: np.ndarray) -> Scores:
    """Returns accuracy, macro-F1 and UAR (unweighted average recall) of int64 [clips], over the classes that occur among the
    true ones."""
    averaged = {"labels": np.unique(true), "average": "macro"}
    return Scores(
        clips=len(true),
        accuracy=float(_sklearn().accuracy_score(true, predicted)),
        macro_f1=float(_sklearn().f1_score(true, predicted, **averaged)),
        uar=float(_sklearn().recall_score(true, predicted, **averaged)),
        intervals={},
    )


def score_counts(hits: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """Computes the metrics of `score` from counts of clips, for many sets of clips at once, as a bootstrap needs them.

    Args:
      hits: of each class, which were given it rightly, [n, n_classes]; no set is empty.
      true: which are of it, [n, n_classes].
      predicted: which were given it, [n, n_classes].

    Returns:
      float64 [n] of each metric.
    """
    classes = (true > 0).sum(axis=1)
    clips = np.maximum(true, 1)  # a class without clips has no hits either, and 0 of 1 adds nothing
    return {
        "accuracy": hits.sum(axis=1) / true.sum(axis=1),
        "macro_f1": (2 * hits / (clips + predicted)).sum(axis=1) / classes,
        "uar": (hits / clips).sum(axis=1) / classes,
    }


def score_classes(true: np.ndarray, predicted: np.ndarray, labels: Sequence[str]) -> dict[str, ClassScores]:
    """Returns precision, recall and F1 by label, and how many clips have it; what has no denominator is 0."""
    table = _sklearn().precision_recall_fscore_support(true, predicted, labels=range(len(labels)), zero_division=0)
    return {
        label: ClassScores(precision=float(p), recall=float(r), f1=float(f), clips=int(n), recall_interval=None)
        for label, p, r, f, n in zip(labels, *table, strict=True)
    }


def find_reliability(true: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Compares the likeliest class's probability with how often it is right, in bins of equal width; empty ones are left out.

    Args:
      true: int64 [clips].
      probabilities: float [clips, classes].
      bins: from 0 to 1.
    """
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == true
    bin_of = np.clip((confidence * bins).astype(int), 0, bins - 1)
    return tuple(
        ReliabilityBin(
            lower=number / bins,
            upper=(number + 1) / bins,
            clips=int(np.sum(bin_of == number)),
            probability=float(confidence[bin_of == number].mean()),
            accuracy=float(hit[bin_of == number].mean()),
        )
        for number in np.unique(bin_of).tolist()
    )


def calibration_error(true: np.ndarray, probabilities: np.ndarray) -> float:
    """Computes the expected calibration error (arXiv:1706.04599): how far the likeliest class's probability is from how often
    it is right, 0 to 1; arguments as of `find_reliability`."""
    found = find_reliability(true, probabilities)
    return sum(each.clips * abs(each.probability - each.accuracy) for each in found) / len(true)


def find_coverage(true: np.ndarray, probabilities: np.ndarray, *, also: float = 0.0) -> tuple[CoveragePoint, ...]:
    """Tells for thresholds from 0 to 1, and for one more, how many clips get an answer, and how many of these the right one."""
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == true
    points = []
    for threshold in sorted({*(step / 20 for step in range(20)), also}):
        answered = confidence >= threshold
        accuracy = float(hit[answered].mean()) if answered.any() else 0.0
        points.append(CoveragePoint(threshold, coverage=float(answered.mean()), accuracy=accuracy))
    return tuple(points)


def _sklearn() -> Any:
    """Returns scikit-learn's metrics, which take more than a second to load: commands that compute none do without."""
    import sklearn.metrics

    return sklearn.metrics
