"""Weights and constants as the engine's kernels take them (firmware/engine/ser_kernels.h)."""

from typing import Any

import numpy as np

from ser_tinyml.codegen.engine_graph import Convolution, Dense, Factor, Lstm, Operand

BLOCK = 8  # SER_BLOCK of ser_kernels.h: inputs are padded to a multiple of so many
TILE = 4  # rows that ser_dot4 takes at once
_LARGEST_OF_4_BITS = 7  # weight that ser_dot4_4bit takes
_LARGEST_INPUT = 255  # an activation, less its zero point
_WHOLE = 2**23  # what ser_sum_unit's sums stay below in size


def pack_lstm(layer: Lstm) -> dict[str, Any]:
    """Returns what a step has of an LSTM's weights: packed, with its sizes and biases."""
    inputs, hidden = pad(layer.n_inputs), pad(layer.n_outputs)
    four_bits = _fit_four_bits(layer.kernels, layer.recurrent_kernels)
    tiles = []
    for unit in range(layer.n_outputs):
        tiles.append(_pack(layer.kernels[:, unit], inputs, four_bits=four_bits))
        tiles.append(_pack(layer.recurrent_kernels[:, unit], hidden, four_bits=four_bits))
    return {
        "four_bits": four_bits,
        "is_whole": not four_bits and _find_largest_sum(layer) < _WHOLE,
        "padded_inputs": inputs,
        "padded_outputs": hidden,
        "weights": np.concatenate(tiles),
        "biases": layer.biases.T.ravel(),
    }


def _find_largest_sum(layer: Lstm) -> int:
    """Returns the largest size that a gate's sum over either vector, with its bias, can have."""
    of_input, of_hidden = (
        _LARGEST_INPUT * np.abs(kernels.astype(np.int64)).sum(axis=2)
        for kernels in (layer.kernels, layer.recurrent_kernels)
    )
    return int(max((of_input + np.abs(layer.biases.astype(np.int64))).max(), of_hidden.max()))


def pack_dense(layer: Dense | Convolution, *, stride: int) -> dict[str, Any]:
    """Returns the weights of a dense layer; of a convolution, of the frames as they lie in the buffer, `stride` values each."""
    weights = layer.weights if isinstance(layer, Dense) else _spread(layer.kernel, stride)
    inputs, rows = pad(weights.shape[1]), -(-layer.n_outputs // TILE) * TILE
    added = rows - layer.n_outputs
    weights = np.pad(weights, ((0, added), (0, 0)))
    four_bits = _fit_four_bits(weights)
    tiles = [_pack(weights[row : row + TILE], inputs, four_bits=four_bits) for row in range(0, rows, TILE)]
    per_row = len(layer.factors) > 1
    return {
        "four_bits": four_bits,
        "padded_inputs": inputs,
        "weights": np.concatenate(tiles),
        "biases": np.pad(layer.biases, (0, added)),
        "factors": layer.factors + (Factor(0, 0),) * (added if per_row else 0),
    }


def _spread(kernel: np.ndarray, stride: int) -> np.ndarray:
    """Returns int8 [outputs, frames * stride] of a convolution's kernel, int8 [outputs, frames, values]."""
    n_outputs, n_frames, n_values = kernel.shape
    return np.pad(kernel, ((0, 0), (0, 0), (0, stride - n_values))).reshape(n_outputs, n_frames * stride)


def lay_out(operand: Operand, stride: int) -> np.ndarray:
    """Returns a constant operand as it lies in a buffer, int16 [n], less its zero point; frames are `stride` values apart."""
    assert operand.constant is not None
    values = operand.constant.astype(np.int16) - operand.quantization.zero_point
    return np.pad(values, ((0, 0), (0, stride - operand.n_values))).ravel()


def _fit_four_bits(*weights: np.ndarray) -> bool:
    return all(np.abs(values.astype(np.int16)).max() <= _LARGEST_OF_4_BITS for values in weights)


def _pack(rows: np.ndarray, padded: int, *, four_bits: bool) -> np.ndarray:
    """Packs int8 [4, n] as ser_kernels.h takes them.

    Returns:
      int16 [padded * 2], two rows to a value, for ser_dot4; of weights of 4 bits int16 [padded], four rows to a value, for
      ser_dot4_4bit.
    """
    wide = np.zeros((TILE, padded), np.int16)
    wide[:, : rows.shape[1]] = rows
    if four_bits:
        return np.array([4096, 256, 16, 1], np.int16) @ wide
    pairs = wide[::2] * 256 + wide[1::2]  # [2, padded]
    return pairs.reshape(2, padded // 4, 4).transpose(1, 0, 2).ravel()


def pad(size: int) -> int:
    """Returns a size, rounded up to a block."""
    return -(-size // BLOCK) * BLOCK
