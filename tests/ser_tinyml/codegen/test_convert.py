import numpy as np
import pytest
import tensorflow as tf

import components  # noqa: F401  settles which Keras TensorFlow loads
from schemas.errors import UserError
from ser_tinyml.codegen.convert import convert, fix_batch_size, refuse_loops
from ser_tinyml.codegen.tflite_file import describe_model, without_leftovers
from ser_tinyml.network.loading import load_model
from ser_tinyml.runtimes.tflm import measure_arena

OPERATORS = ("UNIDIRECTIONAL_SEQUENCE_LSTM",) * 2 + ("STRIDED_SLICE", "FULLY_CONNECTED", "FULLY_CONNECTED", "SOFTMAX")


@pytest.fixture(scope="module")
def network():
    tf.keras.utils.set_random_seed(0)
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            layers.Input((47, 13)),
            layers.LSTM(8, return_sequences=True),
            layers.LSTM(4),
            layers.Dense(6, activation="relu"),
            layers.Dense(4, activation="softmax"),
        ]
    )


@pytest.fixture(scope="module")
def converted(network):
    calibration = np.random.default_rng(0).standard_normal((20, 47, 13)).astype(np.float32)
    return convert(fix_batch_size(network), calibration)


@pytest.mark.parametrize("name", ["float", "dynamic", "int8"])
def test_lstms_are_fused(converted, name):
    assert describe_model(converted[name]).operators == OPERATORS


@pytest.mark.parametrize("name", ["float", "dynamic", "int8"])
def test_nothing_is_left_in_a_buffer_that_no_tensor_uses(converted, name):
    assert without_leftovers(converted[name]) == converted[name]


def test_int8_takes_and_gives_int8_and_the_others_float(converted):
    for name, dtype in (("float", "float32"), ("dynamic", "float32"), ("int8", "int8")):
        description = describe_model(converted[name])
        assert (description.input.dtype, description.output.dtype) == (dtype, dtype)
        assert (description.input.shape, description.output.shape) == ((1, 47, 13), (1, 4))
    int8 = describe_model(converted["int8"])
    assert (int8.output.scale, int8.output.zero_point) == (1 / 256, -128)


def test_weights_are_stored_as_their_format_says(demo_root):
    """On the demo's network: the converter leaves weights of less than 1,024 values in float32."""

    def types(name):
        description = describe_model((demo_root / f"export/ser_{name}.tflite").read_bytes())
        return {tensor.dtype for tensor in description.tensors if tensor.shape == (128, 128)}

    assert types("float") == {"float32"}
    assert types("dynamic") == types("int8") == {"int8"}


def test_float_gives_keras_probabilities(network, converted):
    inputs = np.random.default_rng(1).standard_normal((5, 47, 13)).astype(np.float32)
    interpreter = tf.lite.Interpreter(model_content=converted["float"])
    interpreter.allocate_tensors()
    for clip, expected in zip(inputs, network.predict(inputs, verbose=0), strict=True):
        interpreter.reset_all_variables()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], clip[np.newaxis])
        interpreter.invoke()
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_arena_is_the_smallest_that_the_model_runs_in(converted):
    from tflite_micro import runtime

    arena = measure_arena(converted["int8"])
    runtime.Interpreter.from_bytes(converted["int8"], arena_size=arena).invoke()
    with pytest.raises(RuntimeError):
        runtime.Interpreter.from_bytes(converted["int8"], arena_size=arena - 64).invoke()


def test_a_model_with_a_loop_is_not_given_to_tflm(network):
    """An open batch size leaves the LSTMs as WHILE loops, in which TFLM's interpreter would hang."""
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    converter._experimental_lower_tensor_list_ops = False
    content = converter.convert()
    assert "WHILE" in describe_model(content).operators
    with pytest.raises(UserError, match="WHILE"):
        measure_arena(content)


def test_a_dynamic_range_model_is_refused_for_tflm(demo_root):
    with pytest.raises(UserError, match="TFLM can't run"):
        measure_arena((demo_root / "export/ser_dynamic.tflite").read_bytes())


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_models_load_from_both_keras_formats(network, tmp_path, suffix):
    path = str(tmp_path / f"model{suffix}")
    network.save(path)
    inputs = np.ones((1, 47, 13), np.float32)
    np.testing.assert_array_equal(load_model(path).predict(inputs, verbose=0), network.predict(inputs, verbose=0))


def test_what_is_no_model_is_told_in_a_line(tmp_path):
    (tmp_path / "model.h5").write_text("no model")
    with pytest.raises(UserError, match=r"model\.h5: the file is no Keras model"):
        load_model(str(tmp_path / "model.h5"))


@pytest.mark.parametrize(
    "recurrent",
    [
        [tf.keras.layers.GRU(4, name="layer")],
        [tf.keras.layers.SimpleRNN(4, name="layer")],
        [tf.keras.layers.RNN([tf.keras.layers.LSTMCell(4)], name="layer")],
        [tf.keras.layers.LSTM(4, activation="relu", name="layer")],
        [tf.keras.layers.LSTM(4, recurrent_activation="hard_sigmoid", name="layer")],
        [tf.keras.layers.LSTM(4, use_bias=False, name="layer")],
        [tf.keras.layers.LSTM(4, recurrent_dropout=0.1, name="layer")],
        [tf.keras.layers.Masking(), tf.keras.layers.LSTM(4, name="layer")],
        [tf.keras.Sequential([tf.keras.layers.Input((47, 13)), tf.keras.layers.GRU(4, name="layer")])],
    ],
    ids=["gru", "simple", "cells", "relu", "hard_sigmoid", "no_bias", "dropout", "masked", "nested"],
)
def test_a_loop_over_frames_is_refused_by_its_layers_name(recurrent):
    model = tf.keras.Sequential([tf.keras.layers.Input((47, 13)), *recurrent, tf.keras.layers.Dense(4)])
    with pytest.raises(UserError, match="the layer layer"):
        refuse_loops(model)


def test_what_has_no_loop_is_not_refused(network):
    refuse_loops(network)
    layers = tf.keras.layers
    inner = [layers.Bidirectional(layers.LSTM(4, return_sequences=True)), layers.GRU(4, unroll=True)]
    refuse_loops(tf.keras.Sequential([layers.Input((47, 13)), *inner]))
