"""The network as int8 computes it, in float: layers that round what TFLite's int8 kernels store in 8 bits.

The trainer fine-tunes through them; the evaluator holds the exported file against them. They never convert: their float
variables are carried over into the plain network.
"""

import pathlib
import tempfile

import tensorflow as tf

from ser_tinyml.store import files

CELL_CLIP = 10.0  # of the cell state, in TFLite's UNIDIRECTIONAL_SEQUENCE_LSTM as it is converted; Keras does not clip

_GATES = ("input", "forget", "cell", "output")  # in the order of Keras's kernels


def _tfmot():
    """Returns tfmot's Keras API. Its import takes a second, for which training without it does not wait."""
    import tensorflow_model_optimization

    return tensorflow_model_optimization.quantization.keras


def _weight_quantizer(bits: int):
    """As TFLite stores an LSTM's weights, a tensor for each gate: one scale a tensor, symmetric, -127 to 127 for 8 bits."""
    return _tfmot().quantizers.LastValueQuantizer(num_bits=bits, per_axis=False, symmetric=True, narrow_range=True)


def _activation_quantizer():
    """Returns a quantizer of 8 bits over the range that moving averages of the smallest and the largest value span."""
    return _tfmot().quantizers.MovingAverageQuantizer(num_bits=8, per_axis=False, symmetric=False, narrow_range=False)


class QuantizedInput(tf.keras.layers.Layer):
    """The standardised MFCCs in 8 bits."""

    def build(self, input_shape):
        """Makes the range, as two variables that are not trained."""
        self._quantizer = _activation_quantizer()
        self.range = self._quantizer.build(input_shape, "input", self)
        super().build(input_shape)

    def call(self, inputs, training=None):
        """Rounds the inputs; their range follows them in training."""
        return self._quantizer(inputs, training, self.range)


class QuantizationAwareLSTM(tf.keras.layers.LSTM):
    """`tf.keras.layers.LSTM` with kernel, recurrent kernel and hidden states rounded, and the cell state clipped.

    TFLite keeps the gates and the cell state in 16 bits: those stay float here. The inputs are rounded by the layer before.
    """

    def __init__(self, *args, weight_bits: int = 8, **kwargs):
        super().__init__(*args, **kwargs)
        self.weight_bits = weight_bits

    def build(self, input_shape):
        """Makes the plain layer's variables, and ranges: of each gate's kernels, and of the hidden states."""
        super().build(input_shape)
        self._weight_quantizer = _weight_quantizer(self.weight_bits)
        self._hidden_quantizer = _activation_quantizer()
        self.kernel_ranges = self._build_ranges("kernel")
        self.recurrent_ranges = self._build_ranges("recurrent_kernel")
        self.hidden_range = self._hidden_quantizer.build(None, "hidden", self)

    def call(self, inputs, mask=None, training=None, initial_state=None):
        """Maps float32 [batch, frames, inputs] to rounded hidden states [batch, frames, units], or the last ones.

        Within a batch the hidden states are rounded with the range from before it: that follows once all frames are known.
        """
        kernel = self._round_gates(self.cell.kernel, self.kernel_ranges, training)
        recurrent_kernel = self._round_gates(self.cell.recurrent_kernel, self.recurrent_ranges, training)

        def step(from_inputs: tf.Tensor, states: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
            hidden, cell = states
            gates = tf.split(from_inputs + tf.matmul(hidden, recurrent_kernel), 4, axis=1)
            write, keep, read = (tf.sigmoid(gates[n]) for n in (0, 1, 3))
            cell = _clip(keep * cell + write * tf.tanh(gates[2]))
            exact = read * tf.tanh(cell)
            return exact, [self._hidden_quantizer(exact, False, self.hidden_range), cell]

        from_inputs = tf.matmul(inputs, kernel) + self.cell.bias
        zeros = tf.zeros_like(from_inputs[:, 0, : self.units])
        _, exact, (last, _) = tf.keras.backend.rnn(step, from_inputs, [zeros, zeros])
        rounded = self._hidden_quantizer(exact, False, self.hidden_range)
        if training:
            self._hidden_quantizer(tf.stop_gradient(exact), training, self.hidden_range)
        return rounded if self.return_sequences else last

    def settle_weight_ranges(self) -> None:
        """Sets the ranges to those of the weights as they are, as an update does."""
        self._round_gates(self.cell.kernel, self.kernel_ranges, True)
        self._round_gates(self.cell.recurrent_kernel, self.recurrent_ranges, True)

    def _build_ranges(self, name: str) -> list[dict]:
        return [self._weight_quantizer.build(None, f"{gate}_{name}", self) for gate in _GATES]

    def _round_gates(self, weights: tf.Tensor, ranges: list[dict], training) -> tf.Tensor:
        gates = tf.split(weights, len(_GATES), axis=1)
        rounded = [self._weight_quantizer(gate, training, own) for gate, own in zip(gates, ranges, strict=True)]
        return tf.concat(rounded, axis=1)

    def get_config(self):
        """Returns the plain layer's settings, and the weights' bits."""
        return super().get_config() | {"weight_bits": self.weight_bits}


@tf.custom_gradient
def _clip(cell: tf.Tensor):
    return tf.clip_by_value(cell, -CELL_CLIP, CELL_CLIP), lambda upstream: upstream


def quantize_dense(layer: tf.keras.layers.Dense, weight_bits: int = 8) -> tf.keras.layers.Layer:
    """Wraps a Dense layer by tfmot's default scheme: weights as the LSTM's; 8 bits behind ReLU, and before softmax."""
    if weight_bits == 8:
        registry = _tfmot().default_8bit.Default8BitQuantizeRegistry()
    else:
        registry = _tfmot().experimental.default_n_bit.DefaultNBitQuantizeRegistry(
            num_bits_weight=weight_bits, num_bits_activation=8
        )
    return _tfmot().QuantizeWrapperV2(layer, registry.get_quantize_config(layer), name=layer.name)


def load_fake_quantized(path: str) -> tf.keras.Model:
    """Loads the model that the trainer saved with these layers."""
    own = {"QuantizedInput": QuantizedInput, "QuantizationAwareLSTM": QuantizationAwareLSTM}
    with tempfile.TemporaryDirectory() as directory, _tfmot().quantize_scope(own):
        local = pathlib.Path(directory, "model.h5")
        local.write_bytes(files.read_bytes(path))
        return tf.keras.models.load_model(local, compile=False)
