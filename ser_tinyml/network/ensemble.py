"""Several narrow networks, trained apart, as one wide network that every runtime runs as it runs any other.

The joined network's logits are the mean of its members'. Its kernels hold those of the members as blocks, and zeros between
them: no member hears another.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ser_tinyml.network.architecture import Architecture

Places = list[np.ndarray]  # of each member's values among those of the joined network, int [values]


def divide(architecture: Architecture, members: int) -> Architecture:
    """Returns the architecture of one of so many members; ValueError where a layer can't be divided by them."""

    def share(units: Sequence[int]) -> tuple[int, ...]:
        if undivided := [number for number in units if number % members]:
            raise ValueError(f"{undivided[0]} units can't be divided by {members}")
        return tuple(number // members for number in units)

    return dataclasses.replace(
        architecture,
        lstm_units=share(architecture.lstm_units),
        conv_filters=share(architecture.conv_filters),
        dense_units=share([architecture.dense_units])[0],
    )


def join(architecture: Architecture, members: Sequence[tf.keras.Sequential]) -> tf.keras.Sequential:
    """Returns the network of an architecture that gives the softmax of the mean of its members' logits.

    Args:
      architecture: of the joined network.
      members: networks of `divide(architecture, len(members))`, as `Architecture.build` makes them.
    """
    joined = architecture.build()
    places = [np.arange(architecture.input_shape[1])] * len(members)  # all hear the same
    for layer, *parts in zip(joined.layers, *(member.layers for member in members), strict=True):
        weights, places = _join_layer(layer, parts, places)
        layer.set_weights(weights)
    return joined


def _join_layer(
    layer: tf.keras.layers.Layer, parts: Sequence[tf.keras.layers.Layer], inputs: Places
) -> tuple[list[np.ndarray], Places]:
    """Returns a layer's weights and the places of its outputs."""
    count = len(parts)
    if isinstance(layer, tf.keras.layers.Flatten):
        frames, values = layer.input_shape[1:]
        return [], [(np.arange(frames)[:, np.newaxis] * values + places).ravel() for places in inputs]
    if not layer.weights:
        return [], inputs
    if layer.name == "probabilities":
        outputs = [np.arange(layer.units)] * count
        weights = _scatter(layer, parts, inputs=inputs, outputs=outputs)
        return [weight / count for weight in weights], outputs
    if isinstance(layer, tf.keras.layers.Bidirectional):
        units = layer.forward_layer.units
        outputs = _side_by_side(units, count)
        pairs = ((layer.forward_layer, "forward_layer"), (layer.backward_layer, "backward_layer"))
        weights = [
            weight
            for whole, name in pairs
            for weight in _join_lstm(whole, [getattr(part, name) for part in parts], inputs=inputs, outputs=outputs)
        ]
        return weights, [np.concatenate([places, units + places]) for places in outputs]
    outputs = _side_by_side(layer.output_shape[-1], count)
    if isinstance(layer, tf.keras.layers.LSTM):
        return _join_lstm(layer, parts, inputs=inputs, outputs=outputs), outputs
    return _scatter(layer, parts, inputs=inputs, outputs=outputs), outputs


def _side_by_side(values: int, count: int) -> Places:
    return list(np.arange(values).reshape(count, -1))


def _join_lstm(
    layer: tf.keras.layers.LSTM, parts: Sequence[tf.keras.layers.LSTM], *, inputs: Places, outputs: Places
) -> list[np.ndarray]:
    """Returns kernel, recurrent kernel and bias, whose columns are those of four gates."""
    gates = [np.concatenate([gate * layer.units + places for gate in range(4)]) for places in outputs]
    kernel, recurrent, bias = (weight.shape for weight in layer.weights)
    of_members = list(zip(*(part.get_weights() for part in parts), strict=True))
    return [
        _fill(kernel, of_members[0], rows=inputs, columns=gates),
        _fill(recurrent, of_members[1], rows=outputs, columns=gates),
        _fill(bias, of_members[2], rows=None, columns=gates),
    ]


def _scatter(
    layer: tf.keras.layers.Layer, parts: Sequence[tf.keras.layers.Layer], *, inputs: Places, outputs: Places
) -> list[np.ndarray]:
    """Returns the weights of a layer whose kernels end with inputs and outputs, and whose vectors have a value an output."""
    of_members = zip(*(part.get_weights() for part in parts), strict=True)
    return [
        _fill(weight.shape, values, rows=inputs if len(weight.shape) > 1 else None, columns=outputs)
        for weight, values in zip(layer.weights, of_members, strict=True)
    ]


def _fill(shape: Sequence[int], parts: Sequence[np.ndarray], *, rows: Places | None, columns: Places) -> np.ndarray:
    """Returns the sum of all members' values in their places, and zeros elsewhere."""
    filled = np.zeros(shape, np.float32)
    for number, part in enumerate(parts):
        where = columns[number] if rows is None else (..., rows[number][:, np.newaxis], columns[number])
        filled[where] += part
    return filled
