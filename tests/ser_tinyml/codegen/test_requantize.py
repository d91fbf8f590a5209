import numpy as np
import pytest
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

import ser_tinyml  # noqa: F401  settles which Keras TensorFlow loads
from ser_tinyml.codegen import convert
from ser_tinyml.codegen.requantize import requantize_outputs
from ser_tinyml.codegen.tflite_file import describe_model
from ser_tinyml.network.architecture import Architecture
from ser_tinyml.runtimes.tflite import TFLite
from ser_tinyml.runtimes.tflm import Tflm


@pytest.fixture(scope="module")
def converted():
    """int8 files as the converter leaves them, by whether LSTMs read both ways; and the windows that calibrated them."""
    inputs = np.random.default_rng(0).standard_normal((64, 20, 6)).astype(np.float32)
    files = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convert, "requantize_outputs", lambda content: content)
        for both_ways in (False, True):
            tf.keras.utils.set_random_seed(0)
            network = Architecture((20, 6), (9,), 5, 0.0, 4, bidirectional=both_ways).build()
            for weight in network.trainable_weights:
                weight.assign(2 * weight)
            files[both_ways] = convert.convert_int8(convert.fix_batch_size(network), inputs)
    return files, inputs


def test_a_file_whose_values_mean_one_thing_stays_as_it_is(converted):
    files, _ = converted
    assert requantize_outputs(files[False]) == files[False]


def test_lstms_that_are_joined_get_their_own_scale_back(converted):
    files, inputs = converted
    before, after = files[True], requantize_outputs(files[True])
    assert "QUANTIZE" not in describe_model(before).operators
    assert describe_model(after).operators.count("QUANTIZE") >= 1
    apart = [
        np.abs(TFLite(content).predict(inputs).quantized.astype(int) - Tflm(content).predict(inputs).quantized).max()
        for content in (before, after)
    ]
    assert 2 * apart[1] < apart[0], apart  # of 256: the two read the converter's scales differently


def test_what_is_repaired_has_its_data_where_the_format_wants_them(converted):
    files, _ = converted
    content = requantize_outputs(files[True])
    model = schema.Model.GetRootAsModel(content, 0)
    buffers = [model.Buffers(number)._tab for number in range(model.BuffersLength())]
    places = [table.Vector(offset) for table in buffers if (offset := table.Offset(4))]
    assert places and all(place % 16 == 0 for place in places)
    assert requantize_outputs(content) == content
