import dataclasses

import numpy as np
import pytest

from schemas.classes import PRESETS
from schemas.front_end import FrontEnd, Standardisation
from schemas.record import Example
from schemas.run_files import Comparison, Heard
from ser_tinyml.judging import metrics
from ser_tinyml.judging.evaluation import Judged, evaluate
from ser_tinyml.judging.gates import CHANCE
from ser_tinyml.judging.good_enough import Performance, Standards, judge_performance
from ser_tinyml.judging.held_out import HeldOut
from ser_tinyml.runtimes.predictions import Candidate, Predictions

DEFAULTS = Standards(min_uar=CHANCE, min_recall=0.05, min_noisy_uar=0.0, max_calibration_error=0.3, allow_overlap=False)
SUM = "largest deviation of a window's probabilities from a sum of 1"
UAR = "UAR, lower end of its 95 % interval over speakers, against chance"


class Fixed:
    """A runtime that gives these probabilities, whatever it hears."""

    def __init__(self, probabilities):
        self.probabilities = probabilities

    def predict(self, inputs, begins=None):
        return Predictions(self.probabilities, 1.0, None)


def perform(probabilities: np.ndarray, true: np.ndarray, n_classes: int, **changes) -> Performance:
    """Judges an answer to clips of four speakers, one window each."""
    labels = PRESETS["ravdess8"].labels[:n_classes]
    records = [
        Example(
            f"{number:04}", "own", str(number % 4), "", int(label), 0, 0, "clean", False, np.zeros((2, 3), np.float32)
        )
        for number, label in enumerate(true)
    ]
    held_out = HeldOut.from_records(records, np.arange(n_classes), Standardisation.identity(3), FrontEnd())
    candidates = {"tflm": Candidate(Fixed(probabilities), 1)}
    judged = Judged.from_candidates(candidates, held_out, "tflm")
    found = evaluate(candidates, judged, held_out, labels=labels, rows={})["tflm"]
    did = Performance(
        found, probabilities, noisy=None, heard=Heard(speakers=(), clips=0, has_unnamed_speakers=False), baseline=None
    )
    return dataclasses.replace(did, **changes)


def be_sure_of(predicted: np.ndarray, n_classes: int, sureness: float = 0.7) -> np.ndarray:
    others = (1 - sureness) / (n_classes - 1)
    return np.where(np.eye(n_classes, dtype=bool)[predicted], sureness, others)


def answer(n_classes: int, share_right: float, clips: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    true = np.arange(clips) // 4 % n_classes
    wrong = (true + rng.integers(1, n_classes, clips)) % n_classes
    return true, np.where(rng.random(clips) < share_right, true, wrong)


def failed(did: Performance, **changes) -> set[str]:
    return {gate.name for gate in judge_performance(did, dataclasses.replace(DEFAULTS, **changes)) if not gate.passed}


def test_a_model_that_is_right_seven_times_of_ten_is_good_enough():
    true, predicted = answer(4, 0.7)
    judged = judge_performance(perform(be_sure_of(predicted, 4), true, 4), DEFAULTS)
    assert all(gate.passed for gate in judged) and {gate.question for gate in judged} == {"good enough"}


def test_a_network_that_always_says_the_same_is_refused():
    true, _ = answer(4, 1.0)
    found = failed(perform(be_sure_of(np.full_like(true, 3), 4), true, 4))
    assert UAR in found and any("the worst class" in name for name in found)


def test_eight_classes_hardly_above_chance_are_refused():
    true, predicted = answer(8, 0.138)
    assert UAR in failed(perform(be_sure_of(predicted, 8, 0.2), true, 8))


def test_a_class_that_is_never_found_is_refused_and_named():
    true, predicted = answer(4, 0.9)
    predicted[true == 2] = 1
    found = failed(perform(be_sure_of(predicted, 4), true, 4))
    assert found == {"recall of happy, the worst class"}


def test_probabilities_that_are_none_are_refused():
    true, predicted = answer(4, 0.9)
    outputs = np.where(np.eye(4, dtype=bool)[predicted], 1.04, -0.90)
    assert SUM in failed(perform(outputs, true, 4))
    outputs = np.where(np.eye(4, dtype=bool)[predicted], 1.09, -0.03)  # whose sum is 1
    assert SUM in failed(perform(outputs, true, 4))


@pytest.mark.parametrize(("beyond", "passes"), [(0.0099, True), (-0.0099, True), (0.0101, False), (-0.0101, False)])
def test_a_step_of_int8_for_each_class_and_a_hundredth_are_forgiven_to_a_sum_of_probabilities(beyond, passes):
    true, predicted = answer(4, 0.9)
    outputs = be_sure_of(predicted, 4, 0.85) + np.sign(beyond) / 256
    outputs[7, 0] += beyond
    assert (SUM not in failed(perform(outputs, true, 4))) is passes


def test_a_model_that_is_sure_of_everything_is_refused():
    true, predicted = answer(4, 0.5)
    assert failed(perform(be_sure_of(predicted, 4, 1.0), true, 4)) == {"calibration error"}


def test_speakers_whom_training_heard_are_refused_unless_that_is_asked_for():
    true, predicted = answer(4, 0.9)
    did = perform(
        be_sure_of(predicted, 4, 0.9),
        true,
        4,
        heard=Heard(speakers=("own/1",), clips=0, has_unnamed_speakers=False),
    )
    assert failed(did) == {"speakers of these clips who trained it"}
    assert not failed(did, allow_overlap=True)
    assert not failed(dataclasses.replace(did, heard=None))
    did = dataclasses.replace(did, heard=Heard(speakers=(), clips=1, has_unnamed_speakers=False))
    assert failed(did) == {"these clips that trained it"}


@pytest.mark.parametrize(("interval", "passes"), [((-0.2, 0.01), True), ((-0.2, -0.05), False)])
def test_a_model_that_is_surely_worse_than_the_baseline_is_refused(interval, passes):
    true, predicted = answer(4, 0.9)
    baseline = Comparison("before", clips=200, difference={"uar": -0.1}, intervals={"uar": interval})
    assert bool(failed(perform(be_sure_of(predicted, 4, 0.9), true, 4, baseline=baseline))) is not passes


def test_a_uar_of_ones_own_choice_takes_the_place_of_chance():
    true, predicted = answer(4, 0.7)
    did = perform(be_sure_of(predicted, 4), true, 4)
    assert failed(did, min_uar=0.9) == {"UAR"} and not failed(did, min_uar=0.5)
    always_the_same = perform(be_sure_of(np.full_like(true, 3), 4, 0.4), true, 4)
    assert UAR in failed(always_the_same) and not failed(always_the_same, min_uar=0.0, min_recall=0.0)


def test_noise_is_judged_where_that_is_asked_for():
    true, predicted = answer(4, 0.9)
    did = perform(be_sure_of(predicted, 4, 0.9), true, 4)
    assert failed(did, min_noisy_uar=0.4) == {"UAR on the same clips with noise"}
    assert not failed(dataclasses.replace(did, noisy=metrics.score(true, predicted)), min_noisy_uar=0.4)
