"""Classification metrics from true and predicted classes."""

from collections.abc import Sequence

import numpy as np


def confusion_matrix(true: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """int64 [n_classes, n_classes]: rows are true, columns are predicted classes."""
    matrix = np.zeros((n_classes, n_classes), np.int64)
    np.add.at(matrix, (true, predicted), 1)
    return matrix


def summarise(true: np.ndarray, predicted: np.ndarray, n_classes: int) -> dict[str, float | int]:
    """Accuracy, macro-F1 and UAR (unweighted average recall), over the classes that occur among the true ones."""
    return summarise_matrix(confusion_matrix(true, predicted, n_classes))


def summarise_matrix(matrix: np.ndarray) -> dict[str, float | int]:
    """`summarise`, of a confusion matrix."""
    found = summarise_matrices(matrix[np.newaxis])
    return {"examples": int(matrix.sum())} | {name: float(values[0]) for name, values in found.items()}


def summarise_matrices(matrices: np.ndarray) -> dict[str, np.ndarray]:
    """float64 [n] of each metric, of confusion matrices [n, n_classes, n_classes]."""
    hits = np.diagonal(matrices, axis1=1, axis2=2).astype(np.float64)
    true, predicted = matrices.sum(axis=2), matrices.sum(axis=1)
    classes = np.maximum((true > 0).sum(axis=1), 1)
    f1 = 2 * hits / np.maximum(true + predicted, 1) * (true > 0)
    return {
        "accuracy": hits.sum(axis=1) / np.maximum(true.sum(axis=1), 1),
        "macro_f1": f1.sum(axis=1) / classes,
        "uar": (hits / np.maximum(true, 1)).sum(axis=1) / classes,
    }


def per_class(true: np.ndarray, predicted: np.ndarray, labels: Sequence[str]) -> dict[str, dict[str, float | int]]:
    """Precision, recall and F1 by label, and how many examples have it. What has no denominator is 0."""
    matrix = confusion_matrix(true, predicted, len(labels))
    table = zip(labels, *_precision_recall_f1(matrix), matrix.sum(axis=1), strict=True)
    return {
        label: {"precision": float(p), "recall": float(r), "f1": float(f), "examples": int(n)}
        for label, p, r, f, n in table
    }


def calibration_error(true: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error (arXiv:1706.04599): how far the likeliest class's probability is from how often it is right.

    Args:
      true: int64 [examples].
      probabilities: float [examples, classes].
      bins: of equal width, into which examples fall by that probability.

    Returns:
      The mean over the examples of their bin's difference, 0 to 1.
    """
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == true
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(np.abs(np.bincount(bin_of, confidence - hit, bins)).sum() / len(true))


def by_group(
    groups: Sequence[str], true: np.ndarray, predicted: np.ndarray, n_classes: int
) -> dict[str, dict[str, float | int]]:
    """`summarise` for each group (a corpus, a speaker)."""
    names = np.array(groups)
    return {str(name): summarise(true[names == name], predicted[names == name], n_classes) for name in np.unique(names)}


def _precision_recall_f1(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    hits = np.diag(matrix).astype(np.float64)
    precision = hits / np.maximum(matrix.sum(axis=0), 1)
    recall = hits / np.maximum(matrix.sum(axis=1), 1)
    f1 = 2 * hits / np.maximum(matrix.sum(axis=0) + matrix.sum(axis=1), 1)
    return precision, recall, f1
