"""The generated engine against outputs of TFLM that are kept in the repository: no wheel of tflite_micro is needed."""

import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import REPOSITORY
from tests.firmware.golden_models import GOLDEN, NAMES, write_golden

PATHS = ("-DSER_PORTABLE", "-O2")

# Makes every import of tflite_micro fail, then runs the tests of this file that are named by the arguments.
WITHOUT_TFLITE_MICRO = """
import sys, pytest
sys.modules["tflite_micro"] = None
sys.exit(pytest.main([*sys.argv[1:], "-p", "no:cacheprovider"]))
"""


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", NAMES)
def test_engine_gives_the_golden_outputs(build_engine, name, path):
    golden = np.load(GOLDEN / f"{name}.npz")
    engine = build_engine((GOLDEN / f"{name}.tflite").read_bytes(), path)
    found = [engine.invoke(window) for window in golden["windows"]]
    np.testing.assert_array_equal(found, golden["outputs"])


@pytest.mark.slow
def test_engine_is_tested_without_tflite_micro():
    tests = [f"{__file__}::test_engine_gives_the_golden_outputs[{NAMES[0]}-{path}]" for path in PATHS]
    command = [sys.executable, "-c", WITHOUT_TFLITE_MICRO, *tests, "-q"]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"{len(PATHS)} passed" in ended.stdout


@pytest.mark.parametrize("name", NAMES)
def test_golden_outputs_are_what_tflm_gives_today(tmp_path, name):
    pytest.importorskip("tflite_micro")
    write_golden(name, tmp_path)
    for suffix in (".tflite", ".npz"):
        assert (tmp_path / name).with_suffix(suffix).read_bytes() == (GOLDEN / name).with_suffix(suffix).read_bytes()


def test_no_golden_file_is_left_over():
    assert {path.stem for path in GOLDEN.iterdir()} == set(NAMES)
