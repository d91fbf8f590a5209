"""The LSTM that is trained: the plain layer's variables, in one fused CPU kernel, with TFLite's clip of the cell state."""

import tensorflow as tf

from components.fake_quantized import CELL_CLIP


class FusedLSTM(tf.keras.layers.LSTM):
    """`tf.keras.layers.LSTM` (its default activations, no masks, no states handed in) computed by `BlockLSTMV2`.

    For training only: the converter knows the plain layer, whose weights have the same names, shapes and order.
    """

    def call(self, inputs, mask=None, training=None, initial_state=None):
        """float32 [batch, frames, inputs] -> hidden states [batch, frames, units], or the last ones [batch, units]."""
        weights = tf.concat([self.cell.kernel, self.cell.recurrent_kernel], axis=0)
        zeros = tf.zeros([tf.shape(inputs)[0], self.units])
        hidden = _block_lstm(tf.transpose(inputs, [1, 0, 2]), weights, self.cell.bias, zeros)
        return tf.transpose(hidden, [1, 0, 2]) if self.return_sequences else hidden[-1]


@tf.custom_gradient
def _block_lstm(inputs: tf.Tensor, weights: tf.Tensor, bias: tf.Tensor, zeros: tf.Tensor):
    """Hidden states [frames, batch, units] of float32 [frames, batch, inputs], from states of zero.

    The gates are those of Keras: input, forget, cell, output. The gradient that TensorFlow 2.16 registers for this operation
    is wrong, `BlockLSTMGradV2` is right. It knows nothing of the clip: a clipped cell state's gradient goes straight through.
    """
    no_peephole = tf.zeros_like(bias[: bias.shape[0] // 4])
    common = {
        "seq_len_max": tf.shape(inputs, out_type=tf.int64)[0],
        "x": inputs,
        "cs_prev": zeros,
        "h_prev": zeros,
        "w": weights,
        "wci": no_peephole,
        "wcf": no_peephole,
        "wco": no_peephole,
        "b": bias,
        "use_peephole": False,
    }
    names = ("i", "cs", "f", "o", "ci", "co", "h")
    state = dict(zip(names, tf.raw_ops.BlockLSTMV2(**common, cell_clip=CELL_CLIP), strict=True))

    def gradient(upstream: tf.Tensor):
        found = tf.raw_ops.BlockLSTMGradV2(**common, **state, cs_grad=tf.zeros_like(state["cs"]), h_grad=upstream)
        return found.x_grad, found.w_grad, found.b_grad, None

    return state["h"], gradient
