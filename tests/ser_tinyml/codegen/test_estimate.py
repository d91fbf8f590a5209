import dataclasses
import json

import pytest

from schemas.front_end import FrontEnd
from ser_tinyml.codegen.cost import compute_cost, count_flash_words, lay_out_network
from ser_tinyml.codegen.engine_plan import make_plan
from ser_tinyml.codegen.estimate import read_facts


@pytest.fixture
def facts(tmp_path):
    """Those of a board of 1 MHz beside one that has none."""
    (tmp_path / "boards/slow").mkdir(parents=True)
    (tmp_path / "boards/unknown").mkdir()
    values = {
        "clock_hz": 1e6,
        "cycles_an_instruction": 2,
        "wait_cycles_a_word": 3,
        "active_milliamperes": 5,
        "supply_volts": 2,
    }
    told = {name: {"value": value, "says": name, "source": "a sheet"} for name, value in values.items()}
    told["supply_volts"] = {"value": 2, "says": "2 V", "assumption": "a guess"}
    said = {"processor": "a core", "instructions_of": "mps2_an386", "facts": told}
    (tmp_path / "boards/slow/estimate.json").write_text(json.dumps(said))
    return read_facts(tmp_path)


def test_a_board_without_facts_gets_no_estimate(facts):
    assert list(facts) == ["slow"]


def test_time_is_that_of_instructions_and_of_waiting_and_energy_is_that_of_the_time(facts):
    assert facts["slow"].milliseconds(1000, 500) == 2 + 1.5
    assert facts["slow"].millijoules(3.5) == 0.035


def test_each_fact_is_told_with_its_source_or_that_it_is_assumed(facts):
    assert facts["slow"].assumptions[0] == "clock_hz (a sheet)"
    assert facts["slow"].assumptions[-1] == "2 V (assumed: a guess)"


def test_the_nanos_facts_are_of_the_board_that_replays_and_each_says_where_it_is_from():
    nano = read_facts()["nano33ble"]
    assert (nano.processor, nano.instructions_of) == ("nRF52840", "mps2_an386")
    assert all("http" in said or "assumed: " in said for said in nano.assumptions)


def test_weights_are_read_once_a_frame_and_those_behind_the_frames_once_a_window():
    front_end = FrontEnd()
    one, other = (make_plan(lay_out_network(front_end, (32,), dense, 4)) for dense in (16, 32))
    assert compute_cost(front_end, (32,), 16, 4).flash_words == sum(count_flash_words(front_end, one).values())
    lstm = one.by_frame[0]
    behind = sum(step.weights.nbytes + step.biases.nbytes for step in one.by_window if step.weights is not None)
    in_frames = front_end.n_frames * (lstm.weights.nbytes + lstm.biases.nbytes)
    assert count_flash_words(front_end, one)["engine"] == (in_frames + behind) // 4
    more = count_flash_words(front_end, other)["engine"] - count_flash_words(front_end, one)["engine"]
    assert 0 < more < 1000


def test_a_device_that_shares_frames_reads_the_front_ends_tables_for_those_of_a_hop():
    shared = dataclasses.replace(FrontEnd(), center=False, window_hop_samples=8192)
    plan = make_plan(lay_out_network(shared, (32,), 16, 4))
    whole = count_flash_words(dataclasses.replace(shared, window_hop_samples=8000), plan)["frontend"]
    assert count_flash_words(shared, plan)["frontend"] == whole * 16 // shared.n_frames
