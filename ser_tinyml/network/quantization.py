"""From a float network to one that is trained with its roundings, and back."""

import numpy as np
import tensorflow as tf

from ser_tinyml.network.architecture import Architecture, carry_weights
from ser_tinyml.network.fake_quantized import QuantizationAwareLSTM
from ser_tinyml.network.fused_lstm import FusedLSTM


def make_quantized(
    architecture: Architecture,
    trained: tf.keras.Model,
    inputs: np.ndarray,
    *,
    weight_bits: int = 8,
    training_seed: int | None = None,
) -> tf.keras.Model:
    """Returns the network with fake quantizers and the trained weights; its ranges are those that TFLite's converter will find.

    Args:
      architecture: of both networks.
      trained: a network with the float weights, with or without fake quantizers.
      inputs: float32 [examples, frames, coefficients], standardised, those that the exporter calibrates with.
      weight_bits: of kernels and recurrent kernels. TFLite stores 8; the exporter makes a file with 4 (codegen/weight_bits.py).
      training_seed: of dropout, in a network that is to be trained; None: one to be stored.
    """
    plain = float_network(architecture, trained)
    quantized = architecture.build_quantized(weight_bits, training_seed)
    targets = {weight.name: weight for weight in quantized.weights}
    for weight in plain.weights:
        targets[weight.name].assign(weight)
    _settle_activation_ranges(quantized, plain, inputs)
    _settle_weight_ranges(quantized)
    return quantized


def _settle_activation_ranges(quantized: tf.keras.Model, plain: tf.keras.Model, inputs: np.ndarray) -> None:
    """Sets the ranges to those of what `inputs` make of the network in float."""
    found, vectors = {"quantized_mfcc/input": inputs}, {}
    for chain in _list_chains(plain):
        *lstms, dense = chain
        at_hand = inputs
        for layer in lstms:
            found[f"{layer.name}/hidden"] = at_hand = _all_states(layer, at_hand)
        vectors[dense.name] = dense(at_hand[:, -1]).numpy()
    rectified, probabilities = np.concatenate(list(vectors.values()), axis=1), plain.get_layer("probabilities")
    found |= {f"{name}/post_activation": rectified for name in vectors}  # members stand side by side on one scale
    found["probabilities/pre_activation"] = rectified @ probabilities.kernel.numpy() + probabilities.bias.numpy()
    variables = {weight.name: weight for weight in quantized.weights}
    for name, values in found.items():
        variables[f"{name}_min:0"].assign(min(0.0, float(values.min())))
        variables[f"{name}_max:0"].assign(max(0.0, float(values.max())))


def _list_chains(plain: tf.keras.Model) -> list[list[tf.keras.layers.Layer]]:
    """Returns the LSTMs and the dense layer of each member, in their order."""
    chains = dict[str, list[tf.keras.layers.Layer]]()
    for layer in plain.layers[:-1]:
        if isinstance(layer, tf.keras.layers.LSTM | tf.keras.layers.Dense):
            chains.setdefault(layer.name.partition("_of_")[2], []).append(layer)
    return list(chains.values())


def _all_states(layer: tf.keras.layers.LSTM, inputs: np.ndarray) -> np.ndarray:
    """Returns all hidden states as the converter's calibration meets them, float32 [examples, frames, units].

    It never resets the states of an LSTM: to it the examples are one long sequence.
    """
    every = FusedLSTM(layer.units, return_sequences=True)
    every.build(inputs.shape)
    every.set_weights(layer.get_weights())
    sequence = inputs.reshape(1, -1, inputs.shape[-1])
    return every(sequence).numpy().reshape(*inputs.shape[:2], layer.units)


def _settle_weight_ranges(quantized: tf.keras.Model) -> None:
    for layer in quantized.layers:
        if isinstance(layer, QuantizationAwareLSTM):
            layer.settle_weight_ranges()
    weights = {weight.name: weight for weight in quantized.weights}
    for name, weight in weights.items():  # of Dense layers
        layer, *_, last = name.removesuffix(":0").split("/")
        if lower := weights.get(f"{layer}/{last}_min:0"):
            largest = float(np.abs(weight.numpy()).max())
            lower.assign(-largest)
            weights[f"{layer}/{last}_max:0"].assign(largest)


def round_weights(network: tf.keras.Model, weight_bits: int) -> None:
    """Rounds a plain network's kernels as the fake quantizers do: on a scale for each gate of an LSTM, for each dense layer."""
    largest = 2 ** (weight_bits - 1) - 1
    for layer in network.layers:
        if isinstance(layer, tf.keras.layers.LSTM):
            kernels, n_scales = [layer.cell.kernel, layer.cell.recurrent_kernel], 4
        elif isinstance(layer, tf.keras.layers.Dense):
            kernels, n_scales = [layer.kernel], 1
        else:
            continue
        for kernel in kernels:
            parts = np.split(kernel.numpy(), n_scales, axis=1)
            steps = [max(np.abs(part).max(), np.finfo(np.float32).tiny) / largest for part in parts]
            rounded = [np.rint(part / step) * step for part, step in zip(parts, steps, strict=True)]
            kernel.assign(np.concatenate(rounded, axis=1))


def float_network(architecture: Architecture, trained: tf.keras.Model) -> tf.keras.Model:
    """Returns the plain network, which converts, with the float variables of a trained one."""
    plain = architecture.build()
    carry_weights(trained, plain)
    return plain
