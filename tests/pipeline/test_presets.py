import dataclasses
import pathlib

import numpy as np
import pytest

import components  # noqa: F401  settles which Keras TensorFlow loads
from pipeline.steps import STEPS
from ser_tinyml.codegen.convert import convert_int8, fix_batch_size
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.network.architecture import Architecture

CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "pipeline" / "configs"


def read_flags(name):
    lines = (CONFIGS / f"{name}.flags").read_text().splitlines()
    return [tuple(line[2:].split("=", 1)) for line in lines if line.startswith("--")]


def defaults():
    """Every parameter of every step, as a flag's text."""
    values = {}
    for step in STEPS:
        for name, value in dataclasses.asdict(step.parameters()).items():
            values[name] = ",".join(value) if isinstance(value, tuple) else str(value)
    return values


def test_the_default_preset_is_what_every_flag_is_without_it():
    stated = {name: value for name, value in read_flags("default") if name != "undefok"}
    assert stated == {name: defaults()[name] for name in stated}


@pytest.mark.parametrize("preset", ["default", "small", "ensemble", "notebook"])
def test_presets_name_flags_that_there_are_and_excuse_them_to_single_steps(preset):
    flags = read_flags(preset)
    excused = {name for key, value in flags if key == "undefok" for name in value.split(",")}
    stated = {name for name, _ in flags if name != "undefok"}
    assert stated == excused
    assert stated <= set(defaults())


@pytest.mark.parametrize(
    ("preset", "most_bytes", "most_macs"),
    [("default", 140_000, 6_000_000), ("small", 40_000, 2_000_000), ("ensemble", 140_000, 6_000_000)],
)
def test_presets_are_as_small_as_they_say(preset, most_bytes, most_macs):
    flags = dict(read_flags(preset))
    units = tuple(map(int, flags["lstm_units"].split(",")))
    members = int(flags.get("ensemble", "1"))
    network = Architecture((47, 16), units, int(flags["dense_units"]), 0.0, 4, members=members).build()
    rng = np.random.default_rng(0)
    network.set_weights([rng.normal(size=weight.shape) for weight in network.weights])  # biases of zeros share a buffer
    calibration = rng.standard_normal((4, 47, 16)).astype(np.float32)
    content = convert_int8(fix_batch_size(network), calibration)
    assert len(content) <= most_bytes
    assert read_graph(content).macs <= most_macs
