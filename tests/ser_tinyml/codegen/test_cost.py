import dataclasses

import pytest

from schemas.front_end import PROSODY, FrontEnd
from schemas.run_files import Board, Training
from ser_tinyml.codegen.cost import compute_cost
from ser_tinyml.codegen.engine_plan import make_plan
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.store import run_files

WITH_PROSODY = dataclasses.replace(FrontEnd(), prosody=PROSODY)


@pytest.fixture(scope="module")
def computed(demo_root):
    """The cost of the demo's network, from the flags that trained it."""
    training = run_files.read(Training, str(demo_root / "model"))
    units = tuple(map(int, training.parameters["lstm_units"].split(",")))
    return compute_cost(training.front_end, units, training.parameters["dense_units"], len(training.labels))


def test_weights_and_multiply_accumulates_are_those_of_the_exported_model(demo_root, computed):
    plan = make_plan(read_graph((demo_root / "export/ser_int8.tflite").read_bytes()))
    steps = [step for step in plan.by_frame + plan.by_window if step.weights is not None]
    assert computed.weight_bytes == sum(step.weights.nbytes + step.biases.nbytes for step in steps)
    assert computed.macs == plan.graph.macs


def test_flash_and_instructions_are_within_2_percent_of_the_boards(demo_root, computed):
    cost = run_files.read(Board, str(demo_root / "board")).cost
    if cost is None:
        pytest.skip("the demo's run has measured no board")
    assert computed.flash_bytes == pytest.approx(cost.flash_bytes, rel=0.02)
    assert computed.instructions_frontend == pytest.approx(cost.instructions_frontend, rel=0.02)
    assert computed.instructions_engine == pytest.approx(cost.instructions_engine, rel=0.02)
    assert computed.milliseconds == pytest.approx(cost.estimates[0].total_milliseconds, rel=0.02)


def test_a_device_that_shares_frames_computes_those_of_a_hop():
    """As `python benchmarks/budget.py --row="shared frames"` measures: 2,886,600 instructions instead of some 7.7 million."""
    shared = dataclasses.replace(WITH_PROSODY, center=False, window_hop_samples=8192)
    cost = compute_cost(shared, (64, 32), 32, 4)
    assert cost.instructions_frontend == pytest.approx(2_886_600, rel=0.02)
