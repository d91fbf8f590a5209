import numpy as np
import pytest

from schemas.run_files import ClassScores
from ser_tinyml.judging import metrics

TRUE = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 0, 2])


def test_confusion_rows_are_true_classes():
    np.testing.assert_array_equal(metrics.confusion_matrix(TRUE, PREDICTED, 3), [[2, 1, 0], [1, 1, 0], [0, 0, 1]])


def test_metrics_by_hand():
    scores = metrics.score(TRUE, PREDICTED)
    assert scores.clips == 6
    assert scores.accuracy == pytest.approx(4 / 6)
    assert scores.uar == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert scores.macro_f1 == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    table = metrics.score_classes(TRUE, PREDICTED, ("a", "b", "c"))
    assert table["b"] == ClassScores(precision=0.5, recall=0.5, f1=0.5, clips=2, recall_interval=None)


def test_a_class_that_does_not_occur_does_not_count():
    assert metrics.score_classes(TRUE, PREDICTED, ("a", "b", "c", "d"))["d"].recall == 0
    scores = metrics.score(TRUE, PREDICTED)
    for classes in (3, 4):
        matrix = metrics.confusion_matrix(TRUE, PREDICTED, classes)
        counts = np.diagonal(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
        found = metrics.score_counts(*(each[np.newaxis] for each in counts))
        assert {name: values[0] for name, values in found.items()} == pytest.approx(
            {name: getattr(scores, name) for name in found}
        )


def test_calibration_error_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.35, 0.65], [1.0, 0.0]])
    # Bins from 0.9 on: two at 0.9 and one at 1.0, two of them right; the bin of 0.6: one at 0.65, right.
    found = metrics.calibration_error(np.array([0, 1, 1, 0]), probabilities)
    assert found == pytest.approx((abs(0.9 + 0.9 - 1) + abs(0.65 - 1) + abs(1.0 - 1)) / 4)


def test_probabilities_that_are_right_as_often_as_they_say_have_no_calibration_error():
    rng = np.random.default_rng(0)
    likelier = rng.uniform(0.5, 1, 50_000)
    true = (rng.random(50_000) > likelier).astype(int)
    assert metrics.calibration_error(true, np.stack([likelier, 1 - likelier], axis=1)) < 0.01
    assert metrics.calibration_error(1 - true, np.stack([likelier, 1 - likelier], axis=1)) > 0.4


def test_reliability_by_hand():
    """Of twenty classes, the likeliest can have less than a tenth."""
    flat = np.full(20, 0.94 / 19)
    flat[3] = 0.06
    sure = np.zeros(20)
    sure[5] = 1.0
    found = metrics.find_reliability(np.array([3, 4, 5]), np.stack([flat, flat, sure]))
    assert [(each.lower, each.upper, each.clips, each.accuracy) for each in found] == [
        (0.0, 0.1, 2, 0.5),
        (0.9, 1.0, 1, 1.0),
    ]
    assert [each.probability for each in found] == pytest.approx([0.06, 1.0])


def test_coverage_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.45, 0.55]])
    found = metrics.find_coverage(np.array([0, 1, 1, 1]), probabilities, also=0.62)
    assert [point.threshold for point in found] == sorted([*(step / 20 for step in range(20)), 0.62])
    by_threshold = {point.threshold: (point.coverage, point.accuracy) for point in found}
    assert by_threshold[0.0] == by_threshold[0.55] == (1.0, 0.75)
    assert by_threshold[0.6] == (0.75, 2 / 3) and by_threshold[0.62] == (0.5, 1.0)
    assert by_threshold[0.95] == (0.0, 0.0)
    assert len(metrics.find_coverage(np.array([0]), probabilities[:1])) == 20


def test_a_set_of_clips_of_one_class_is_scored_by_it_alone():
    counts = np.array([[3, 0]]), np.array([[4, 0]]), np.array([[3, 1]])
    found = metrics.score_counts(*counts)
    assert {name: values.tolist() for name, values in found.items()} == {
        "accuracy": [0.75],
        "macro_f1": [2 * 3 / (4 + 3)],
        "uar": [0.75],
    }
    found = metrics.score(np.zeros(4, int), np.array([0, 0, 0, 1]))
    assert (found.accuracy, found.macro_f1, found.uar) == (0.75, pytest.approx(6 / 7), 0.75)


def test_one_clip_of_a_class_counts_whether_it_is_found_or_not():
    found = metrics.score_counts(np.array([[1, 0]]), np.array([[1, 1]]), np.array([[2, 0]]))
    assert found["macro_f1"] == pytest.approx(2 / 3 / 2) and found["uar"] == found["accuracy"] == 0.5


@pytest.mark.filterwarnings("error")
def test_a_class_that_is_never_answered_is_scored_without_a_warning():
    scores = metrics.score(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 2]))
    assert scores.uar == 0.5 and scores.macro_f1 == pytest.approx(0.8 / 2)
