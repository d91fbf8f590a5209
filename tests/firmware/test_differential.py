import os

import numpy as np
import pytest

from tests.firmware.conftest import GraphEngine
from tests.firmware.differential import Differential, judge_mutants, judge_networks, judge_random
from tests.firmware.random_models import make_random_model

MODELS = 20
NETWORKS = 30  # of every kind of layer


@pytest.mark.parametrize("judge", [judge_random, judge_networks, judge_mutants])
def test_random_and_changed_models_are_refused_or_give_tflms_bits(tmp_path, judge):
    """By turns on the portable path and on this machine's own; `make differential` tries more."""
    count = NETWORKS if judge is judge_networks else MODELS
    outcomes = list(judge(Differential(tmp_path), range(count)))
    assert [outcome for outcome in outcomes if outcome.kind in ("different", "crash")] == []
    equal = sum(outcome.kind == "equal" for outcome in outcomes)
    assert equal > count / 10 if judge is judge_mutants else equal == count


def test_what_differs_and_what_crashes_is_told(tmp_path, monkeypatch):
    """With a step too much in one engine's output, and another's that ends the process."""
    differential, content = Differential(tmp_path), make_random_model(0)
    assert differential.judge("", content, "-DSER_PORTABLE", 0).kind == "equal"
    monkeypatch.setattr(GraphEngine, "invoke", lambda engine, window: np.zeros(engine.graph.n_outputs, np.int8))
    assert differential.judge("", content, "-DSER_PORTABLE", 0).kind == "different"
    monkeypatch.setattr(GraphEngine, "invoke", lambda engine, window: os._exit(9))
    outcome = differential.judge("", content, "-DSER_PORTABLE", 0)
    assert (outcome.kind, outcome.reason) == ("crash", "exit code 9")


def test_a_slice_with_a_stride_that_means_nothing_is_refused(tmp_path):
    """Models that `make differential` found: TFLM takes another frame where a stride of one place is negative."""
    outcomes = list(judge_mutants(Differential(tmp_path), [2515, 2545]))
    assert all(outcome.kind == "refused" and "a stride of -" in outcome.reason for outcome in outcomes), outcomes
