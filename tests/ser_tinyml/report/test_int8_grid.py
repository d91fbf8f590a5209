import dataclasses

import numpy as np
import pytest

from schemas.run_files import Export
from ser_tinyml.audio.standardise import standardise
from ser_tinyml.report.int8_grid import Grid, draw_grids, read_grids
from ser_tinyml.store import run_files
from ser_tinyml.store.dataset import read_split


@pytest.fixture(scope="module")
def grids(demo_root):
    exported = run_files.read(Export, str(demo_root / "export"))
    records = read_split(str(demo_root / "examples"), "test")[:20]
    windows = standardise(np.stack([record.features for record in records]), exported.standardisation)
    return read_grids((demo_root / "export/ser_int8.tflite").read_bytes(), windows)


def test_every_weight_is_counted_once(grids):
    lstms = [4 * (16 * 128 + 128 * 128), 4 * (128 * 64 + 64 * 64)]
    assert sum(grid.values.sum() for grid in grids if grid.kind == "weights") == sum(lstms) + 64 * 64 + 64 * 4


def test_a_scale_of_weights_reaches_to_the_end_of_its_grid(grids):
    for grid in grids:
        if grid.kind == "weights":
            assert max(map(abs, grid.used)) == 127


def test_activations_are_told_apart_from_weights(grids):
    assert sum("lstm" in grid.name for grid in grids if grid.kind == "activations") == 2
    assert draw_grids(grids).startswith(b"\x89PNG")


def test_tensors_of_one_name_are_drawn_each(grids):
    """As the dense layers of networks side by side have it, whose results are concatenated."""
    assert draw_grids([grids[0], dataclasses.replace(grids[0], values=grids[0].values + 1)]).startswith(b"\x89PNG")


def test_ends_are_counted():
    values = np.zeros(256, np.int64)
    values[[0, 1, 128, 255]] = 1, 2, 6, 1
    assert Grid("x", "activations", 1.0, values).saturated == 0.2 and Grid("x", "weights", 1.0, values).saturated == 0.4
    assert Grid("x", "weights", 1.0, values).used == (-128, 127)
