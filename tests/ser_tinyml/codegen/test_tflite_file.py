import numpy as np
import pytest
from tensorflow.lite.python import schema_py_generated as schema

from ser_tinyml.codegen.tflite_file import describe_model, pack_model, parse_model, without_leftovers
from ser_tinyml.runtimes.tflm import Tflm
from tests.firmware.golden_models import GOLDEN

GOLDEN_FILES = pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.tflite")), ids=lambda path: path.stem)


@GOLDEN_FILES
def test_what_the_converter_leaves_in_an_unused_buffer_makes_no_difference(path):
    files = []
    for left in (b"\x7f" * 4, b"\x00\x20" * 4, b""):
        model = parse_model(path.read_bytes())
        model.buffers.append(schema.BufferT())
        model.buffers[-1].data = np.frombuffer(left, np.uint8)
        files.append(pack_model(model))
    assert len(set(files)) == 3
    assert len(set(map(without_leftovers, files))) == 1


@GOLDEN_FILES
def test_without_leftovers_it_is_the_same_model(path):
    golden = np.load(path.with_suffix(".npz"))
    content = without_leftovers(path.read_bytes())
    assert describe_model(content) == describe_model(path.read_bytes())
    model = Tflm(content)
    np.testing.assert_array_equal([model.invoke(window) for window in golden["windows"]], golden["outputs"])
    assert without_leftovers(content) == content
