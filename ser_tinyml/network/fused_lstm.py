"""The LSTM that is trained: the plain layer's variables, in fused CPU kernels, with TFLite's clip of the cell state."""

import tensorflow as tf

from ser_tinyml.network.fake_quantized import CELL_CLIP


class FusedLSTM(tf.keras.layers.LSTM):
    """`tf.keras.layers.LSTM` (its default activations, no masks, no states handed in) computed by `BlockLSTMV2`.

    For training only: the converter knows the plain layer, whose weights have the same names, shapes and order.
    """

    def call(self, inputs, mask=None, training=None, initial_state=None):
        """Maps float32 [batch, frames, inputs] to hidden states [batch, frames, units], or the last ones [batch, units]."""
        weights = tf.concat([self.cell.kernel, self.cell.recurrent_kernel], axis=0)
        frames = tf.transpose(inputs, [1, 0, 2])
        if self.go_backwards:
            frames = tf.reverse(frames, [0])
        even = inputs.shape[0] is not None and inputs.shape[0] % 2 == 0
        halves = tf.split(frames, 2, axis=1) if even else [frames]  # side by side on two cores
        hidden = [_block_lstm(half, weights, self.cell.bias) for half in halves]
        if self.return_sequences:
            return tf.transpose(tf.concat(hidden, axis=1), [1, 0, 2])
        return tf.concat([half[-1] for half in hidden], axis=0)


@tf.custom_gradient
def _block_lstm(inputs: tf.Tensor, weights: tf.Tensor, bias: tf.Tensor):
    """Returns hidden states [frames, batch, units] of float32 [frames, batch, inputs], from states of zero.

    The gates are those of Keras: input, forget, cell, output. The gradient that TensorFlow 2.16 registers for this operation
    is wrong; `BlockLSTMGradV2` is right, but spends most of its time on transposing the weights again for every frame. Here
    they are transposed once, and the weights' gradient is one product over all frames. Neither knows of the clip: a clipped
    cell state's gradient goes straight through.
    """
    n_frames, size, units = inputs.shape[0], inputs.shape[2], bias.shape[0] // 4
    zeros = tf.zeros([tf.shape(inputs)[1], units])
    unused = tf.zeros_like(bias[:units])  # no peepholes
    fixed = {"w": weights, "wci": unused, "wcf": unused, "wco": unused, "b": bias, "use_peephole": False}
    state = tf.raw_ops.BlockLSTMV2(
        **fixed, seq_len_max=n_frames, x=inputs, cs_prev=zeros, h_prev=zeros, cell_clip=CELL_CLIP
    )

    def gradient(upstream: tf.Tensor):
        # Not a transpose of the whole: TensorFlow would fold it into each product, back to a transpose a frame.
        transposed = tf.concat([tf.transpose(gate) for gate in tf.split(_swap_gates(weights), 4, axis=1)], axis=0)
        to_inputs, to_hidden = transposed[:, :size], transposed[:, size:]
        states = {name: tf.unstack(getattr(state, name), n_frames) for name in ("i", "cs", "f", "o", "ci", "co")}
        x, of_hidden = tf.unstack(inputs, n_frames), tf.unstack(upstream, n_frames)
        before = [zeros, *states["cs"]]
        of_gates, of_later_hidden, of_cell = [], zeros, zeros
        for t in reversed(range(n_frames)):
            found = tf.raw_ops.LSTMBlockCellGrad(
                **fixed,
                **{name: values[t] for name, values in states.items()},
                x=x[t],
                cs_prev=before[t],
                h_prev=zeros,  # of no use to it
                cs_grad=of_cell,
                h_grad=of_hidden[t] + of_later_hidden,
            )
            of_gates.append(found.dicfo)
            of_later_hidden, of_cell = tf.matmul(found.dicfo, to_hidden), found.cs_prev_grad
        every = tf.reshape(tf.stack(of_gates[::-1]), [-1, 4 * units])
        seen = tf.concat([inputs, tf.concat([zeros[tf.newaxis], state.h[:-1]], axis=0)], axis=2)
        of_weights = tf.matmul(tf.reshape(seen, [-1, size + units]), every, transpose_a=True)
        of_inputs = tf.reshape(tf.matmul(every, to_inputs), tf.shape(inputs))
        return of_inputs, _swap_gates(of_weights), _swap_gates(tf.reduce_sum(every, axis=0))

    return state.h, gradient


def _swap_gates(gates: tf.Tensor) -> tf.Tensor:
    """Gates along the last axis, from Keras's order to that of `LSTMBlockCellGrad` (input, cell, forget, output) or back."""
    i, second, third, o = tf.split(gates, 4, axis=-1)
    return tf.concat([i, third, second, o], axis=-1)
