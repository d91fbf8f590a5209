import numpy as np
import pytest
import tensorflow as tf

from ser_tinyml.codegen.convert import convert_int8, fix_batch_size
from ser_tinyml.codegen.tflite_file import describe_model
from ser_tinyml.network.architecture import Architecture, carry_weights
from ser_tinyml.network.fake_quantized import CELL_CLIP, QuantizationAwareLSTM, load_fake_quantized
from ser_tinyml.network.quantization import float_network, make_quantized, round_weights

ARCHITECTURE = Architecture((20, 5), (12, 8), 10, 0.0, 4)


@pytest.fixture
def inputs():
    return np.random.default_rng(0).standard_normal((64, 20, 5)).astype(np.float32)


@pytest.fixture
def trained(inputs):
    tf.keras.utils.set_random_seed(3)
    network = ARCHITECTURE.build()
    network.set_weights([weight * 2 for weight in network.get_weights()])
    return network


def test_training_storing_and_fine_tuning_share_their_weights(trained):
    fused, quantized = ARCHITECTURE.build_for_training(0), ARCHITECTURE.build_quantized()
    names = [weight.name for weight in trained.weights]
    assert [weight.name for weight in fused.weights] == names
    assert set(names) <= {weight.name for weight in quantized.weights}


def test_the_float_weights_go_there_and_back(trained, inputs):
    quantized = make_quantized(ARCHITECTURE, trained, inputs)
    for weight, expected in zip(
        float_network(ARCHITECTURE, quantized).get_weights(), trained.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(weight, expected)


def test_eight_bits_change_little_and_four_bits_more(trained, inputs):
    exact = trained.predict(inputs, verbose=0)
    error = {
        bits: np.abs(
            make_quantized(ARCHITECTURE, trained, inputs, weight_bits=bits).predict(inputs, verbose=0) - exact
        ).mean()
        for bits in (8, 4)
    }
    assert 0 < error[8] < 0.01
    assert error[4] > 4 * error[8]


def test_it_is_the_lstm_of_rounded_weights_and_rounded_states(inputs):
    """Against NumPy, a frame at a time; sigmoid and tanh in double precision."""
    layer = QuantizationAwareLSTM(6, return_sequences=True)
    layer(inputs)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.standard_normal(w.shape) if w.shape else w for w in layer.get_weights()])
    layer.settle_weight_ranges()
    kernel, recurrent, bias = (weight.numpy() for weight in layer.cell.weights)
    layer.hidden_range["min_var"].assign(-0.5)  # narrower than the states: they must be cut off
    layer.hidden_range["max_var"].assign(0.7)

    def round_weights(values):
        """Each gate's by a scale of its own."""
        gates = values.reshape(len(values), 4, 6)
        steps = np.abs(gates).max(axis=(0, 2), keepdims=True) / 127
        return (np.round(gates / steps) * steps).reshape(values.shape)

    def round_state(values):
        step = 1.2 / 255
        zero = np.round(0.5 / step)
        return (np.clip(np.round(values / step) + zero, 0, 255) - zero) * step

    kernel, recurrent = round_weights(kernel), round_weights(recurrent)
    hidden = cell = np.zeros((len(inputs), 6))
    for frame in range(20):
        i, f, c, o = np.split(inputs[:, frame] @ kernel + hidden @ recurrent + bias, 4, axis=1)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        cell = np.clip(f * cell + i * np.tanh(c), -CELL_CLIP, CELL_CLIP)
        hidden = round_state(o * np.tanh(cell))
    found = layer(inputs)[:, -1].numpy()
    # A state that is next to the border between two steps may be rounded to either.
    assert np.mean(np.abs(found - hidden) < 1e-5) > 0.95
    assert np.abs(found - hidden).max() < 0.05


def test_gradients_reach_all_weights_and_no_range(trained, inputs):
    quantized = make_quantized(ARCHITECTURE, trained, inputs)
    assert len(quantized.trainable_weights) == len(trained.weights)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(quantized(inputs, training=True)[:, 0])
    for weight, gradient in zip(
        quantized.trainable_weights, tape.gradient(loss, quantized.trainable_weights), strict=True
    ):
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, weight.name


def test_training_moves_the_ranges_of_activations(trained, inputs):
    quantized = make_quantized(ARCHITECTURE, trained, inputs)
    highest = quantized.get_layer("lstm_1").hidden_range["max_var"]
    before = highest.numpy()
    for _ in range(3):
        quantized(inputs / 2, training=True)
    assert highest.numpy() < before


def test_weight_ranges_follow_the_weights(trained, inputs):
    quantized = make_quantized(ARCHITECTURE, trained, inputs, training_seed=0)
    layer = quantized.get_layer("lstm_1")
    layer.cell.kernel.assign(layer.cell.kernel * 3)
    quantized(inputs, training=True)
    for gate, found in zip(np.split(layer.cell.kernel.numpy(), 4, axis=1), layer.kernel_ranges, strict=True):
        assert found["max_var"].numpy() == np.abs(gate).max()
        assert found["min_var"].numpy() == -np.abs(gate).max()


@pytest.mark.parametrize("bits", [8, 4])
def test_a_stored_network_is_loaded_as_it_was(trained, inputs, tmp_path, bits):
    quantized = make_quantized(ARCHITECTURE, trained, inputs, weight_bits=bits)
    stored = ARCHITECTURE.build_quantized(bits)
    carry_weights(quantized, stored)
    stored.compile(loss="categorical_crossentropy")
    stored.save(tmp_path / "network.h5", include_optimizer=False, save_format="h5")
    loaded = load_fake_quantized(str(tmp_path / "network.h5"))
    np.testing.assert_array_equal(loaded.predict(inputs, verbose=0), quantized.predict(inputs, verbose=0))


def test_ranges_are_what_the_converter_finds_in_the_same_examples(trained, inputs):
    """Of all tensors that both round, hidden states that live on from example to example among them."""
    quantized = make_quantized(ARCHITECTURE, trained, inputs)
    description = describe_model(convert_int8(fix_batch_size(trained), inputs))
    ranges = {
        weight.name: float(weight.numpy()) for weight in quantized.weights if weight.name.endswith(("_min:0", "_max:0"))
    }
    rounded = [tensor for tensor in description.tensors if tensor.dtype == "int8"]
    tensors = {tensor.shape: tensor for tensor in rounded if tensor.scale != 1 / 256}  # that of probabilities is fixed
    for name, shape in (
        ("quantized_mfcc/input", (1, 20, 5)),
        ("lstm_1/hidden", (1, 20, 12)),
        ("lstm_2/hidden", (1, 20, 8)),
        ("dense/post_activation", (1, 10)),
        ("probabilities/pre_activation", (1, 4)),
    ):
        scale = (ranges[f"{name}_max:0"] - ranges[f"{name}_min:0"]) / 255
        assert scale == pytest.approx(tensors[shape].scale, rel=1e-4)
        assert -128 - ranges[f"{name}_min:0"] / scale == pytest.approx(tensors[shape].zero_point, abs=0.51)


@pytest.mark.parametrize("bits", [8, 4])
def test_rounded_weights_are_those_that_the_fake_quantizers_make(trained, inputs, bits):
    """To put them in place of the float ones changes nothing."""
    quantized = make_quantized(ARCHITECTURE, trained, inputs, weight_bits=bits)
    before = quantized.predict(inputs, verbose=0)
    rounded = float_network(ARCHITECTURE, trained)
    round_weights(rounded, bits)
    weights = {weight.name: weight for weight in quantized.weights}
    for weight in rounded.weights:
        if "kernel" in weight.name:
            assert len(np.unique(weight)) <= 4 * (2**bits - 1)
            assert np.abs(weight.numpy() - weights[weight.name].numpy()).max() > 0
        weights[weight.name].assign(weight)
    np.testing.assert_allclose(quantized.predict(inputs, verbose=0), before, atol=1e-6)


@pytest.mark.parametrize("bits", [8, 4])
def test_weights_have_the_scales_that_the_exporter_gives_them(trained, inputs, bits):
    """The converter stores an LSTM's kernels as a tensor for each gate."""
    round_weights(trained, bits)
    quantized = make_quantized(ARCHITECTURE, trained, inputs, weight_bits=bits)
    description = describe_model(convert_int8(fix_batch_size(trained), inputs, weight_bits=bits))
    largest = 2 ** (bits - 1) - 1
    highest = {weight.name: float(weight.numpy()) for weight in quantized.weights if weight.name.endswith("_max:0")}
    for ending, shape in (("_kernel", (12, 5)), ("_recurrent_kernel", (12, 12))):
        gates = ("input", "forget", "cell", "output")
        ours = sorted(highest[f"lstm_1/{gate}{ending}_max:0"] / largest for gate in gates)
        scales = [tensor.scale for tensor in description.tensors if tensor.dtype == "int8" and tensor.shape == shape]
        assert ours == pytest.approx(sorted(scales), rel=1e-5)
    (dense,) = (tensor.scale for tensor in description.tensors if tensor.dtype == "int8" and tensor.shape == (10, 8))
    assert highest["dense/kernel_max:0"] / largest == pytest.approx(dense, rel=1e-5)
