import numpy as np
import pytest

from ser_tinyml.judging.faithful import Evidence, Thresholds, compare_outputs, judge_exports
from ser_tinyml.judging.gates import describe, judge
from ser_tinyml.runtimes.predictions import Predictions

LOSS = "int8 accuracy loss against Keras, lower end of its 95 % interval"


def make_predictions(classes, shift=0) -> Predictions:
    quantized = np.full((len(classes), 4), -100, np.int8)
    quantized[np.arange(len(classes)), classes] = 100 - shift
    return Predictions((quantized.astype(np.float32) + 128) / 256, 1.0, quantized)


def judge_all(true, predictions, source=0):
    elected = {name: predicted.classes for name, predicted in predictions.items()}
    evidence = Evidence(true, elected, predictions, differing_source_bytes=source)
    thresholds = Thresholds(
        max_accuracy_loss=1.0,
        min_agreement=0.97,
        min_tflm_agreement=0.99,
        max_tflm_difference=10,
        max_source_difference=0,
        min_fake_quantized_agreement=0.99,
    )
    return {gate.name: gate for gate in judge_exports(evidence, thresholds)}


def judge_defaults(true, predictions, source=0):
    return {name: gate.passed for name, gate in judge_all(true, predictions, source).items()}


def test_equal_models_pass_every_gate():
    true = np.arange(200) % 4
    predictions = dict.fromkeys(("keras", "int8", "tflm"), make_predictions(true))
    assert all(judge_defaults(true, predictions).values())


@pytest.mark.parametrize(
    ("failing", "change"),
    [
        (LOSS, {"wrong": 20}),
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


@pytest.mark.parametrize(("wrong", "passes"), [(1, True), (3, True), (20, False)])
def test_a_few_clips_do_not_decide_what_rounding_costs(wrong, passes):
    """3 of 200 are 1.5 points, and may be chance; 20 are not."""
    true = np.arange(200) % 4
    int8 = true.copy()
    int8[:wrong] = (true[:wrong] + 1) % 4
    predictions = {"keras": make_predictions(true), "int8": make_predictions(int8), "tflm": make_predictions(int8)}
    assert judge_defaults(true, predictions)[LOSS] == passes


def test_a_failed_gate_says_by_how_much():
    loss = judge("loss", 1.5, "at most", 1.0, unit="points")
    shared = judge("agreement", 0.95, "at least", 0.97, unit="of clips")
    assert "FAILED by 0.5 points" in describe(loss) and "FAILED by 0.02 of clips" in describe(shared)


@pytest.mark.parametrize(
    ("runtimes", "source", "gates"),
    [
        (("keras", "int8"), None, {LOSS, "int8 agreement with Keras"}),
        (
            ("int8", "tflm"),
            None,
            {"TFLM agreement with TFLite int8", "TFLM output difference from TFLite int8"},
        ),
        (("int8", "fake_quantized"), None, {"int8 agreement with the fake-quantized network"}),
        (("keras", "tflm"), 0, {"TFLM source difference"}),
        (("float",), None, set()),
    ],
)
def test_gates_are_of_the_pairs_that_are_there(runtimes, source, gates):
    true = np.arange(40) % 4
    assert judge_defaults(true, dict.fromkeys(runtimes, make_predictions(true)), source) == dict.fromkeys(gates, True)


def test_what_int8_loses_is_told_in_percentage_points():
    true = np.arange(40) % 4
    int8 = make_predictions((true + 1) % 4)
    judged = judge_all(true, {"keras": make_predictions(true), "int8": int8, "tflm": int8})
    assert judged[LOSS].value == 100 and judged["int8 agreement with Keras"].value == 0


@pytest.mark.parametrize("swapped", [False, True])
def test_outputs_that_are_not_int8_are_not_compared(swapped):
    int8 = make_predictions(np.arange(4))
    pair = int8, Predictions(int8.probabilities, 1.0)
    with pytest.raises(AssertionError, match="int8 models give int8"):
        compare_outputs(*(pair[::-1] if swapped else pair))
