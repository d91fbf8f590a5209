import numpy as np
import pytest

from schemas.run_files import ClassScores
from ser_tinyml.judging import gates, metrics
from ser_tinyml.runtimes.predictions import Predictions

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
    assert table["b"] == ClassScores(precision=0.5, recall=0.5, f1=0.5, clips=2)


def test_a_class_that_does_not_occur_does_not_count():
    assert metrics.score_classes(TRUE, PREDICTED, ("a", "b", "c", "d"))["d"].recall == 0
    matrices = [metrics.confusion_matrix(TRUE, PREDICTED, classes) for classes in (3, 4)]
    assert metrics.score_matrix(matrices[0]) == metrics.score_matrix(matrices[1]) == metrics.score(TRUE, PREDICTED)


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


def test_groups_are_judged_apart():
    groups = metrics.score_groups(["x", "x", "y", "y", "y", "y"], TRUE, PREDICTED)
    assert groups["x"].accuracy == 1 and groups["y"].accuracy == 0.5
    assert groups["y"].clips == 4


def make_predictions(classes, shift=0) -> Predictions:
    quantized = np.full((len(classes), 4), -100, np.int8)
    quantized[np.arange(len(classes)), classes] = 100 - shift
    return Predictions((quantized.astype(np.float32) + 128) / 256, 1.0, quantized)


def judge_defaults(true, predictions, source=0):
    elected = {name: predicted.classes for name, predicted in predictions.items()}
    evidence = gates.Evidence(true, elected, predictions, differing_source_bytes=source)
    thresholds = gates.Thresholds(
        max_accuracy_loss=1.0,
        min_agreement=0.97,
        min_tflm_agreement=0.99,
        max_tflm_difference=10,
        max_source_difference=0,
        min_fake_quantized_agreement=0.99,
    )
    return {gate.name: gate.passed for gate in gates.judge_exports(evidence, thresholds)}


def test_equal_models_pass_every_gate():
    true = np.arange(200) % 4
    predictions = dict.fromkeys(("keras", "int8", "tflm"), make_predictions(true))
    assert all(judge_defaults(true, predictions).values())


@pytest.mark.parametrize(
    ("failing", "change"),
    [
        ("int8 accuracy loss against Keras", {"wrong": 3}),  # 1.5 points of 200 clips
        ("int8 agreement with Keras", {"swapped": 4}),
        ("TFLM agreement with TFLite int8", {"tflm_wrong": 3}),
        ("TFLM output difference from TFLite int8", {"shift": 11}),
        ("TFLM source difference", {"source": 1}),
    ],
)
def test_each_gate_fails_on_its_own_fault(failing, change):
    true = np.arange(200) % 4
    keras, int8 = true.copy(), true.copy()
    keras[100 : 100 + change.get("swapped", 0)] = (true[100 : 100 + change.get("swapped", 0)] + 1) % 4
    int8[: change.get("wrong", 0)] = (true[: change.get("wrong", 0)] + 1) % 4
    int8[110 : 110 + change.get("swapped", 0)] = (true[110 : 110 + change.get("swapped", 0)] + 1) % 4
    tflm = int8.copy()
    tflm[50 : 50 + change.get("tflm_wrong", 0)] = (true[50 : 50 + change.get("tflm_wrong", 0)] + 1) % 4
    predictions = {
        "keras": make_predictions(keras),
        "int8": make_predictions(int8),
        "tflm": make_predictions(tflm, change.get("shift", 0)),
    }
    assert not judge_defaults(true, predictions, change.get("source", 0))[failing]


def test_a_loss_of_just_the_threshold_passes():
    true = np.arange(100) % 4
    int8 = true.copy()
    int8[0] = 1
    predictions = {"keras": make_predictions(true), "int8": make_predictions(int8), "tflm": make_predictions(int8)}
    assert judge_defaults(true, predictions)["int8 accuracy loss against Keras"]


def test_a_failed_gate_says_by_how_much():
    loss = gates.at_most("loss", 1.5, threshold=1.0, unit="points")
    shared = gates.at_least("agreement", 0.95, threshold=0.97, unit="of clips")
    assert "FAILED by 0.5 points" in gates.describe(loss) and "FAILED by 0.02 of clips" in gates.describe(shared)
