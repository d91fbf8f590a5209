import numpy as np
import pytest
import tensorflow as tf

from ser_tinyml.codegen.convert import convert_int8, fix_batch_size
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.codegen.tflite_file import describe_model
from ser_tinyml.network.architecture import Architecture, carry_weights
from ser_tinyml.runtimes.tflite import TFLite
from ser_tinyml.runtimes.tflm import Tflm

FORMS = {
    "convolutions": {"conv_filters": (8, 12)},
    "both ends": {"bidirectional": True},
    "mean": {"frame_pooling": "mean"},
    "dense only": {"lstm_units": (), "frame_pooling": "flatten"},
    "all": {"conv_filters": (8,), "bidirectional": True, "frame_pooling": "mean"},
    "members": {"members": 3},
}


OFTEN = ("mean", "all", "members")  # the others take 10 s and more each


@pytest.fixture(
    params=[
        pytest.param(form, id=name, marks=[] if name in OFTEN else pytest.mark.slow) for name, form in FORMS.items()
    ]
)
def architecture(request) -> Architecture:
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(0)
    default = {"input_shape": (20, 6), "lstm_units": (12, 8), "dense_units": 8, "dropout": 0.3, "n_classes": 4}
    return Architecture(**default | request.param)


@pytest.fixture(scope="module")
def inputs() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((100, 20, 6)).astype(np.float32)


def test_the_form_that_is_trained_computes_the_same_from_the_same_weights(architecture, inputs):
    plain, training = architecture.build(), architecture.build_for_training(0)
    assert [weight.name for weight in plain.weights] == [weight.name for weight in training.weights]
    carry_weights(plain, training)
    np.testing.assert_allclose(plain.predict(inputs, verbose=0), training.predict(inputs, verbose=0), atol=1e-6)


def test_the_engine_knows_every_layer_and_int8_gives_keras_classes(architecture, inputs):
    """The converter gives LSTMs that are joined a scale which is not theirs; what repairs that has a test of its own."""
    network = architecture.build()
    for weight in network.trainable_weights:
        weight.assign(3 * weight)  # outputs that are apart
    content = convert_int8(fix_batch_size(network), inputs)
    read_graph(content)
    expected = network.predict(inputs, verbose=0).argmax(axis=1)
    lite, micro = TFLite(content).predict(inputs), Tflm(content).predict(inputs)
    assert np.mean(lite.classes == expected) >= 0.95
    assert np.mean(lite.classes == micro.classes) >= 0.97


def test_normalisation_becomes_a_part_of_its_convolution(inputs):
    architecture = Architecture((20, 6), (), 8, 0.0, 4, conv_filters=(5,), frame_pooling="mean")
    operators = describe_model(convert_int8(fix_batch_size(architecture.build()), inputs)).operators
    assert set(operators) == {"RESHAPE", "CONV_2D", "MAX_POOL_2D", "MEAN", "FULLY_CONNECTED", "SOFTMAX"}
