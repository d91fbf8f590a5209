"""From a float network to one that is trained with its 8-bit roundings, and back."""

import numpy as np
import tensorflow as tf

from components.fake_quantized import QuantizationAwareLSTM, QuantizedInput
from components.trainer.network import Architecture, carry_weights


def make_quantized(
    architecture: Architecture, trained: tf.keras.Model, inputs: np.ndarray, weight_bits: int = 8, seed: int = 0
) -> tf.keras.Sequential:
    """The network with fake quantizers and the trained weights; its ranges are those that `inputs` have in it.

    Args:
      architecture: of both networks.
      trained: a network with the float weights.
      inputs: float32 [examples, frames, coefficients], standardised training examples.
      weight_bits: of kernels and recurrent kernels; fewer than 8 only show what the roundings do.
      seed: of dropout.
    """
    plain = architecture.build()
    carry_weights(trained, plain)
    quantized = architecture.build_quantized(weight_bits, training_seed=seed)
    _carry_float_weights(plain, quantized)

    dense, probabilities = plain.get_layer("dense"), plain.get_layer("probabilities")
    rectified = tf.keras.Model(plain.inputs, dense.output).predict(inputs, batch_size=64, verbose=0)
    logits = rectified @ probabilities.kernel.numpy() + probabilities.bias.numpy()
    found = {"post_activation": rectified, "pre_activation": logits}
    for layer in quantized.layers:
        if isinstance(layer, QuantizedInput):
            _assign_range(layer.range, inputs)
        elif isinstance(layer, QuantizationAwareLSTM):
            _assign_range(layer.hidden_range, np.array([-1.0, 1.0]))  # sigmoid times tanh: no more is possible
        for name, values in found.items():
            if lower := _find(layer, f"{name}_min"):
                _assign_range({"min_var": lower[0], "max_var": _find(layer, f"{name}_max")[0]}, values)
    settle_weight_ranges(quantized)
    return quantized


def settle_weight_ranges(quantized: tf.keras.Model) -> None:
    """Sets the ranges of kernels to those of the weights that are in the model now, as a training step would."""
    weights = {weight.name: weight for weight in quantized.weights}
    for name, weight in weights.items():
        layer, *_, last = name.removesuffix(":0").split("/")
        if lower := weights.get(f"{layer}/{last}_min:0"):
            largest = float(np.abs(weight.numpy()).max())
            lower.assign(-largest)
            weights[f"{layer}/{last}_max:0"].assign(largest)


def float_network(architecture: Architecture, quantized: tf.keras.Model) -> tf.keras.Sequential:
    """The plain network with the float variables of a quantized one: what converts."""
    plain = architecture.build()
    carry_weights(quantized, plain)
    return plain


def _carry_float_weights(plain: tf.keras.Model, quantized: tf.keras.Model) -> None:
    targets = {weight.name: weight for weight in quantized.weights}
    for weight in plain.weights:
        targets[weight.name].assign(weight)


def _find(layer: tf.keras.layers.Layer, name: str) -> list[tf.Variable]:
    return [weight for weight in layer.weights if weight.name == f"{layer.name}/{name}:0"]


def _assign_range(variables: dict[str, tf.Variable], values: np.ndarray) -> None:
    variables["min_var"].assign(min(0.0, float(values.min())))
    variables["max_var"].assign(max(0.0, float(values.max())))
