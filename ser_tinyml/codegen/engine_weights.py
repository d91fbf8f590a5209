"""Weights and constants as the engine's kernels take them (firmware/engine/ser_kernels.h)."""

from typing import Any

import numpy as np

from ser_tinyml.codegen.engine_graph import Convolution, Dense, Factor, Lstm, Operand

BLOCK = 16  # SER_BLOCK of ser_kernels.h: inputs are padded to a multiple of so many
TILE = 4  # rows that ser_dot4 takes at once


def pack_lstm(layer: Lstm) -> dict[str, Any]:
    """Returns what a step has of an LSTM's weights: packed, with its sizes and biases."""
    inputs, hidden = pad(layer.n_inputs), pad(layer.n_outputs)
    tiles = [
        np.concatenate([_pack(layer.kernels[:, unit], inputs), _pack(layer.recurrent_kernels[:, unit], hidden)])
        for unit in range(layer.n_outputs)
    ]
    return {
        "padded_inputs": inputs,
        "padded_outputs": hidden,
        "weights": np.concatenate(tiles),
        "biases": layer.biases.T.ravel(),
    }


def pack_dense(layer: Dense | Convolution, *, stride: int) -> dict[str, Any]:
    """Returns the weights of a dense layer; of a convolution, of the frames as they lie in the buffer, `stride` values each."""
    weights = layer.weights if isinstance(layer, Dense) else _spread(layer.kernel, stride)
    inputs, rows = pad(weights.shape[1]), -(-layer.n_outputs // TILE) * TILE
    added = rows - layer.n_outputs
    weights = np.pad(weights, ((0, added), (0, 0)))
    per_row = len(layer.factors) > 1
    return {
        "padded_inputs": inputs,
        "weights": np.concatenate([_pack(weights[row : row + TILE], inputs) for row in range(0, rows, TILE)]),
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


def _pack(rows: np.ndarray, padded: int) -> np.ndarray:
    """Packs int8 [4, n] into int16 [padded * 2], two rows to a value, as ser_dot4 of ser_kernels.h takes them."""
    wide = np.zeros((TILE, padded), np.int16)
    wide[:, : rows.shape[1]] = rows
    pairs = wide[::2] * 256 + wide[1::2]  # [2, padded]
    return pairs.reshape(2, padded // 4, 4).transpose(1, 0, 2).ravel()


def pad(size: int) -> int:
    """Returns a size, rounded up to a block."""
    return -(-size // BLOCK) * BLOCK
