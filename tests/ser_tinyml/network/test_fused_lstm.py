import numpy as np
import pytest
import tensorflow as tf

from ser_tinyml.network.fused_lstm import CELL_CLIP, FusedLSTM


def make_pair(units, return_sequences, inputs):
    plain = tf.keras.layers.LSTM(units, return_sequences=return_sequences)
    fused = FusedLSTM(units, return_sequences=return_sequences)
    for layer in (plain, fused):
        layer(inputs)
    rng = np.random.default_rng(0)
    plain.set_weights([rng.standard_normal(weight.shape) * 0.3 for weight in plain.weights])
    fused.set_weights(plain.get_weights())
    return plain, fused


def outputs_and_gradients(layer, inputs, upstream):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs)
        loss = tf.reduce_sum(outputs * upstream)
    return outputs, *tape.gradient(loss, [inputs, *layer.trainable_weights])


@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize(("batch", "frames", "size", "units"), [(5, 47, 13, 32), (1, 1, 3, 4), (32, 9, 32, 16)])
def test_it_is_the_plain_layer_with_its_gradients(return_sequences, batch, frames, size, units):
    tf.keras.utils.set_random_seed(0)
    inputs = tf.random.normal([batch, frames, size])
    upstream = tf.random.normal([batch, frames, units] if return_sequences else [batch, units])
    layers = make_pair(units, return_sequences, inputs)
    for plain, fused in zip(*(outputs_and_gradients(layer, inputs, upstream) for layer in layers), strict=True):
        scale = np.abs(plain).max() + 1e-6
        np.testing.assert_allclose(fused / scale, plain / scale, atol=2e-6)


def test_weights_have_the_plain_layers_names():
    inputs = tf.zeros([1, 2, 3])
    names = []
    for kind in (tf.keras.layers.LSTM, FusedLSTM):
        layer = kind(4, name="lstm_1")
        layer(inputs)
        names.append([(weight.name, weight.shape) for weight in layer.weights])
    assert names[0] == names[1]


def test_the_cell_state_is_clipped_as_tflite_does():
    """Gates wide open add 1 to the cell state each frame; what is read of it tells where it stopped."""
    layer = FusedLSTM(1, return_sequences=True)
    inputs = tf.ones([1, 40, 1])
    layer(inputs)
    opened = np.array([[100.0, 100.0, 100.0, -3.0]], np.float32)  # input, forget, cell, output
    layer.set_weights([opened, np.zeros((1, 4), np.float32), np.zeros(4, np.float32)])
    below = layer(inputs)[0, :, 0].numpy()
    # All gates closed but forget: then -1 a frame. From a clipped 10 it takes 10 frames down to 0, from 40 it would take 40.
    direction = np.concatenate([np.ones(40), -np.ones(20)]).astype(np.float32)
    turned = np.array([[0.0, 0.0, 100.0, 0.0]], np.float32)
    bias = np.array([100.0, 100.0, 0.0, 100.0], np.float32)
    layer.set_weights([turned, np.zeros((1, 4), np.float32), bias])
    read = layer(direction.reshape(1, 60, 1))[0, :, 0].numpy()
    assert below[0] < below[-1]
    assert np.flatnonzero(read[40:] < 0)[0] == CELL_CLIP
