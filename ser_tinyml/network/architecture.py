"""The network: convolutions and LSTMs over MFCC frames, a ReLU layer, a softmax over the classes. Three forms of one set of
weights."""

import dataclasses
from collections.abc import Callable, Sequence

import tensorflow as tf

from ser_tinyml.network.autograph import exempt_keras
from ser_tinyml.network.dropout import ResumableDropout
from ser_tinyml.network.fake_quantized import QuantizationAwareLSTM, QuantizedInput, quantize_dense
from ser_tinyml.network.fused_lstm import FusedLSTM

exempt_keras()

Layers = Sequence[tf.keras.layers.Layer]


@dataclasses.dataclass(frozen=True)
class Architecture:
    """What decides a network's layers."""

    input_shape: tuple[int, int]  # frames, coefficients
    lstm_units: tuple[int, ...]
    dense_units: int
    dropout: float
    n_classes: int
    conv_filters: tuple[int, ...] = ()  # of the convolutions before the LSTMs
    conv_kernel: int = 5  # frames
    conv_pool: int = 2  # frames of which the largest goes on
    bidirectional: bool = False  # whether each LSTM reads from both ends
    frame_pooling: str = "last"  # how frames become one vector: "last", "mean" or "flatten"
    members: int = 1  # networks side by side, from the frames to their ReLU layers, of which one softmax is made

    def build(self) -> tf.keras.Model:
        """Returns the network as it is stored, float32 [batch, frames, coefficients] -> [batch, n_classes] probabilities.

        All but the last LSTM hand on their whole sequence. Plain layers, because only then TFLite's converter fuses the LSTMs.
        """
        return self._join(
            lambda suffix: self._member(tf.keras.layers.LSTM, suffix), [self._dropout(), self._probabilities()]
        )

    def build_for_training(self, seed: int) -> tf.keras.Model:
        """Returns the network as it is trained: the same weights in the same order."""
        behind = [ResumableDropout(self.dropout, seed), self._probabilities()]
        return self._join(lambda suffix: self._member(FusedLSTM, suffix), behind)

    def build_for_utterances(self, seed: int, n_windows: int) -> tf.keras.Model:
        """Returns the network that goes on from window to window, as it is trained: the same weights in the same order.

        It maps float32 [batch, n_windows * frames, coefficients], window behind window, to what is decided behind each of them,
        [batch, n_windows, n_classes].
        """
        frames, coefficients = self.input_shape
        lstms = dataclasses.replace(self, frame_pooling="every")._lstms(FusedLSTM)
        layers = [*lstms, LastFrames(frames, name="last_frames"), self._dense()]
        whole = dataclasses.replace(self, input_shape=(n_windows * frames, coefficients))
        return whole._join(lambda _: layers, [ResumableDropout(self.dropout, seed), self._probabilities()])

    def build_quantized(self, weight_bits: int = 8, training_seed: int | None = None) -> tf.keras.Model:
        """Returns the network with fake quantizers: the same weights under the same names, and ranges among them.

        With a seed it is for training, without to be stored. There are such quantizers for LSTMs and dense layers alone.
        """
        dropout = self._dropout() if training_seed is None else ResumableDropout(self.dropout, training_seed)

        def make_member(suffix: str) -> Layers:
            lstms = self._lstms(QuantizationAwareLSTM, suffix, weight_bits=weight_bits)
            return [*lstms, quantize_dense(self._dense(suffix), weight_bits)]

        behind = [dropout, quantize_dense(self._probabilities(), weight_bits)]
        return self._join(make_member, behind, before=[QuantizedInput(name="quantized_mfcc")])

    def _member(self, lstm: type[tf.keras.layers.LSTM], suffix: str) -> Layers:
        """Returns the layers of one member, of which each has the suffix in its name."""
        return [*self._convolutions(suffix), *self._lstms(lstm, suffix), *self._pooling(suffix), self._dense(suffix)]

    def _join(self, make_member: Callable[[str], Layers], behind: Layers, before: Layers = ()) -> tf.keras.Model:
        """Returns one chain of layers, or chains side by side between what is before and behind all of them."""
        given = tf.keras.layers.Input(shape=self.input_shape, name="mfcc")
        if self.members == 1:
            return tf.keras.Sequential([given, *before, *make_member(""), *behind], name="ser")
        heard = _apply(before, given)
        vectors = [_apply(make_member(suffix_of(number)), heard) for number in range(1, self.members + 1)]
        joined = tf.keras.layers.Concatenate(name="members")(vectors)
        return tf.keras.Model(given, _apply(behind, joined), name="ser")

    def _convolutions(self, suffix: str) -> list[tf.keras.layers.Layer]:
        """Returns convolutions over time, each with a normalisation that the converter folds into it, ReLU and pooling."""
        layers, found = tf.keras.layers, []
        for depth, filters in enumerate(self.conv_filters, start=1):
            found += [
                layers.Conv1D(
                    filters, self.conv_kernel, padding="same", use_bias=False, name=f"convolution_{depth}{suffix}"
                ),
                layers.BatchNormalization(momentum=_NORMALISATION_MOMENTUM, name=f"normalisation_{depth}{suffix}"),
                layers.ReLU(name=f"relu_{depth}{suffix}"),
            ]
            if self.conv_pool > 1:
                found.append(layers.MaxPooling1D(self.conv_pool, name=f"pool_{depth}{suffix}"))
        return found

    def _lstms(self, lstm: type[tf.keras.layers.LSTM], suffix: str = "", **options) -> list[tf.keras.layers.Layer]:
        last = len(self.lstm_units) if self.frame_pooling == "last" else 0
        found = [
            lstm(units, return_sequences=depth != last, name=f"lstm_{depth}{suffix}", **options)
            for depth, units in enumerate(self.lstm_units, start=1)
        ]
        if self.bidirectional:
            return [tf.keras.layers.Bidirectional(layer, name=f"both_{layer.name}") for layer in found]
        return found

    def _pooling(self, suffix: str) -> list[tf.keras.layers.Layer]:
        layers = {"mean": tf.keras.layers.GlobalAveragePooling1D, "flatten": tf.keras.layers.Flatten}
        return (
            [layers[self.frame_pooling](name=f"{self.frame_pooling}{suffix}")] if self.frame_pooling in layers else []
        )

    def _dense(self, suffix: str = "") -> tf.keras.layers.Layer:
        return tf.keras.layers.Dense(self.dense_units, activation="relu", name=f"dense{suffix}")

    def _dropout(self) -> tf.keras.layers.Layer:
        return tf.keras.layers.Dropout(self.dropout, name="dropout")

    def _probabilities(self) -> tf.keras.layers.Layer:
        return tf.keras.layers.Dense(self.n_classes, activation="softmax", name="probabilities")


class LastFrames(tf.keras.layers.Layer):
    """Takes the last frame of each window: [batch, windows * frames, values] to [batch, windows, values]."""

    def __init__(self, n_frames: int, **kwargs):
        super().__init__(**kwargs)
        self._n_frames = n_frames

    def call(self, inputs):
        """Returns every frame that is the last of its window."""
        return inputs[:, self._n_frames - 1 :: self._n_frames]


def suffix_of(number: int) -> str:
    """Returns what the names of a member's layers end with, where there are several; they are counted from 1."""
    return f"_of_{number}"


def _apply(layers: Layers, value: tf.Tensor) -> tf.Tensor:
    for layer in layers:
        value = layer(value)
    return value


_NORMALISATION_MOMENTUM = 0.9  # Keras's 0.99 looks back further than a small corpus's training goes


def carry_weights(source: tf.keras.Model, target: tf.keras.Model) -> None:
    """Gives `target` the weights of `source` that stand there under the same names; KeyError where one is missing."""
    values = {weight.name: weight for weight in source.weights}
    for weight in target.weights:
        weight.assign(values[weight.name])
