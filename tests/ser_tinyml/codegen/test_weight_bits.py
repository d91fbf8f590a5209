"""Networks with weights of 4 bits, from Keras to the engine: TFLM runs the same file, so it says which bits are right."""

import numpy as np
import pytest
import tensorflow as tf

import ser_tinyml  # noqa: F401  settles which Keras TensorFlow loads
from schemas.errors import UserError
from ser_tinyml.codegen.convert import convert, convert_int8, fix_batch_size
from ser_tinyml.codegen.engine_graph import Dense, Lstm
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.codegen.tflite_file import describe_model, parse_model
from ser_tinyml.codegen.weight_bits import store_four_bits
from ser_tinyml.network.architecture import Architecture
from ser_tinyml.network.quantization import float_network, make_quantized, round_weights
from ser_tinyml.runtimes.engine import Engine
from ser_tinyml.runtimes.tflite import TFLite
from ser_tinyml.runtimes.tflm import Tflm
from tests.firmware.conftest import make_engine_sources
from tests.firmware.random_models import random_windows

DEFAULT = Architecture((47, 16), (128, 64), 64, 0.0, 4)
ODD = Architecture((20, 6), (33, 17), 21, 0.0, 5)


def make_network(architecture: Architecture) -> tf.keras.Model:
    """A network with biases, whose answers depend on its inputs."""
    tf.keras.utils.set_random_seed(1)
    network = architecture.build()
    for weight in network.trainable_weights:
        weight.assign(1.5 * weight + tf.random.normal(weight.shape, stddev=0.05))
    return network


@pytest.fixture(scope="module", params=[DEFAULT, ODD], ids=["default", "odd"])
def made(request):
    """An architecture, a network of it with weights of 4 bits, what calibrates it, and its int8 file."""
    network = make_network(request.param)
    round_weights(network, 4)
    inputs = np.random.default_rng(0).standard_normal((40, *request.param.input_shape)).astype(np.float32)
    return request.param, network, inputs, convert_int8(fix_batch_size(network), inputs, weight_bits=4)


def read_weights(content: bytes) -> list[np.ndarray]:
    """The weights of LSTMs and dense layers as stored, in their order."""
    found = []
    for node in read_graph(content).nodes:
        if isinstance(node.layer, Lstm):
            found += [*node.layer.kernels, *node.layer.recurrent_kernels]
        elif isinstance(node.layer, Dense):
            found.append(node.layer.weights)
    return found


def test_every_weight_is_that_of_the_network_in_four_bits(made):
    _, network, _, content = made
    expected = []
    for layer in network.layers:
        if isinstance(layer, tf.keras.layers.LSTM):
            for kernel in (layer.cell.kernel, layer.cell.recurrent_kernel):
                expected += [gate.T for gate in np.split(kernel.numpy(), 4, axis=1)]
        elif isinstance(layer, tf.keras.layers.Dense):
            expected.append(layer.kernel.numpy().T)
    for values, weights in zip(read_weights(content), expected, strict=True):
        assert np.abs(values).max() == 7
        np.testing.assert_allclose(values * (np.abs(weights).max() / 7), weights, rtol=1e-5, atol=1e-9)


def test_weights_and_biases_alone_have_other_scales_and_sums_keep_their_sense(made):
    _, network, inputs, content = made
    before, after = (
        parse_model(each).subgraphs[0].tensors for each in (convert_int8(fix_batch_size(network), inputs), content)
    )
    changed = [
        (one.name, other.quantization.scale[0] / one.quantization.scale[0])
        for one, other in zip(before, after, strict=True)
        if one.quantization is not None and one.quantization.scale is not None
        if list(one.quantization.scale) != list(other.quantization.scale)
    ]
    assert len(changed) == 2 * (8 + 4) + 2 * 2
    assert [ratio for _, ratio in changed] == pytest.approx([127 / 7] * len(changed), rel=1e-6)
    assert len(content) == pytest.approx(len(convert_int8(fix_batch_size(network), inputs)), rel=0.02)


def test_engine_has_tflms_bits(made, tmp_path):
    _, _, _, content = made
    engine, tflm = Engine(make_engine_sources(content), tmp_path), Tflm(content)
    windows = random_windows(read_graph(content), 100, 0)
    found = np.array([engine.invoke(window) for window in windows])
    np.testing.assert_array_equal(found, [tflm.invoke(window) for window in windows])
    assert len(np.unique(found, axis=0)) > 50


def test_tflm_and_tflite_compute_the_fake_quantized_network(made):
    architecture, network, inputs, content = made
    expected = make_quantized(architecture, network, inputs, weight_bits=4).predict(inputs, verbose=0)
    unrounded = make_network(architecture).predict(inputs, verbose=0)
    for runtime in (Tflm(content), TFLite(content)):
        found = runtime.predict(inputs).probabilities
        assert np.abs(found - expected).max() < 0.05
        assert np.abs(found - expected).mean() < np.abs(found - unrounded).mean() / 4


def test_generated_weights_take_half_the_bytes(made):
    architecture, network, inputs, content = made
    source = make_engine_sources(content)["ser_model.c"].decode()
    plain = make_engine_sources(convert_int8(fix_batch_size(network), inputs))["ser_model.c"].decode()
    four, eight = count_weight_bytes(source), count_weight_bytes(plain)
    assert eight == 2 * four
    assert architecture is not DEFAULT or four == 63_616
    assert source.count("ser_run_lstm_4bit(") == source.count("ser_run_dense_4bit(") == 2 and "_4bit" not in plain


def count_weight_bytes(source: str) -> int:
    declared = [line for line in source.splitlines() if line.startswith("static const int16_t") and "_weights[" in line]
    return sum(2 * int(line.partition("[")[2].partition("]")[0]) for line in declared)


def test_weights_of_eight_bits_are_refused_by_their_tensors_name():
    network = make_network(ODD)
    inputs = np.zeros((2, *ODD.input_shape), np.float32)
    content = convert_int8(fix_batch_size(network), inputs)
    message = r"operator 0, UNIDIRECTIONAL_SEQUENCE_LSTM, tensor \d+ \(.*\): has other weights than those of 4 bits"
    with pytest.raises(UserError, match=message):
        store_four_bits(content)


def test_other_formats_stay_as_they_are():
    network = make_network(ODD)
    round_weights(network, 4)
    single, inputs = fix_batch_size(float_network(ODD, network)), np.zeros((2, *ODD.input_shape), np.float32)
    eight, four = convert(single, inputs), convert(single, inputs, weight_bits=4)
    assert {name for name in eight if eight[name] != four[name]} == {"int8"}
    assert describe_model(eight["int8"]).operators == describe_model(four["int8"]).operators
