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
    """int8 files as the converter leaves them, by whether LSTMs read both ways; the windows that calibrated them; and the
    classes that Keras gives these, of the network that reads both ways."""
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
    return files, inputs, network.predict(inputs, verbose=0).argmax(axis=1)


def test_a_file_whose_values_mean_one_thing_stays_as_it_is(converted):
    files, *_ = converted
    assert requantize_outputs(files[False]) == files[False]


def test_lstms_that_are_joined_get_their_own_scale_back(converted):
    files, inputs, expected = converted
    before, after = files[True], requantize_outputs(files[True])
    assert "QUANTIZE" not in describe_model(before).operators
    assert describe_model(after).operators.count("QUANTIZE") >= 1
    apart, right = [], []
    for content in (before, after):
        lite, micro = TFLite(content).predict(inputs), Tflm(content).predict(inputs)
        apart.append(int(np.abs(lite.quantized.astype(int) - micro.quantized).max()))
        right.append(float(np.mean(micro.classes == expected)))
    print(f"TFLM and TFLite apart: {apart[0]} and {apart[1]} of 256; Keras's class: {right[0]:.3f} and {right[1]:.3f}")
    assert right[1] >= right[0]
    assert 2 * apart[1] < apart[0], apart  # of 256: the two read the converter's scales differently


def test_what_is_repaired_has_its_data_where_the_format_wants_them(converted):
    files, *_ = converted
    content = requantize_outputs(files[True])
    model = schema.Model.GetRootAsModel(content, 0)
    buffers = [model.Buffers(number)._tab for number in range(model.BuffersLength())]
    places = [table.Vector(offset) for table in buffers if (offset := table.Offset(4))]
    assert places and all(place % 16 == 0 for place in places)
    assert requantize_outputs(content) == content
