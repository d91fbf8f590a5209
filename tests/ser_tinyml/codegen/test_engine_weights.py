"""Packed weights, unpacked as ser_kernels.h says that they lie, are the model's."""

import dataclasses

import numpy as np
import pytest

from ser_tinyml.codegen.engine_graph import Dense, Factor, Operand
from ser_tinyml.codegen.engine_weights import lay_out, pack_dense, pack_lstm, pad
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.runtimes.int8 import Quantization
from tests.firmware.random_models import ModelWriter


def unpack_8bit(tile: np.ndarray) -> np.ndarray:
    """Returns int [4, n] of a tile: groups of four inputs of rows 0 and 1, then of rows 2 and 3, as 256 * w0 + w1."""
    groups = tile.reshape(-1, 2, 4)
    low = groups.astype(np.int8).astype(int)
    high = (groups - low) // 256
    return np.stack([part[:, pair].ravel() for pair in (0, 1) for part in (high, low)])


def unpack_4bit(tile: np.ndarray) -> np.ndarray:
    """Returns int [4, n] of a tile: of each input 4096 * w0 + 256 * w1 + 16 * w2 + w3."""
    rest, rows = tile.astype(int), []
    for _ in range(4):
        rows.append((rest + 8) % 16 - 8)
        rest = (rest - rows[-1]) // 16
    assert not rest.any()
    return np.stack(rows[::-1])


# Of weights of 8 and of 4 bits: the largest, how a tile is read, and the int16 that an input takes.
PACKINGS = pytest.mark.parametrize(("bits", "unpack", "size"), [(8, unpack_8bit, 2), (4, unpack_4bit, 1)])


def read_layer(add, n_frames: int = 3, n_inputs: int = 5, *, seed: int = 0, weight_bits: int = 8):
    writer = ModelWriter(np.random.default_rng(seed), n_frames, n_inputs)
    writer.weight_bits = weight_bits
    add(writer)
    return next(node.layer for node in read_graph(writer.finish()).nodes)


@pytest.mark.parametrize(("size", "padded"), [(1, 8), (7, 8), (8, 8), (9, 16), (256, 256), (257, 264)])
def test_sizes_are_rounded_up_to_a_block_of_8(size, padded):
    assert pad(size) == padded


@pytest.mark.parametrize(("n_inputs", "n_units"), [(1, 1), (16, 17), (20, 6)])
@PACKINGS
def test_each_unit_of_an_lstm_has_a_tile_of_its_gates(bits, unpack, size, n_inputs, n_units):
    layer = read_layer(lambda writer: writer.add_lstm(n_units), n_inputs=n_inputs, weight_bits=bits)
    parts = pack_lstm(layer)
    inputs, hidden = parts["padded_inputs"], parts["padded_outputs"]
    assert (inputs, hidden) == (pad(n_inputs), pad(n_units))
    assert parts["four_bits"] == (bits == 4)
    assert parts["weights"].dtype == np.int16 and len(parts["weights"]) == n_units * size * (inputs + hidden)
    for unit, packed in enumerate(parts["weights"].reshape(n_units, -1)):
        gates = unpack(packed)
        np.testing.assert_array_equal(gates[:, :n_inputs], layer.kernels[:, unit])
        np.testing.assert_array_equal(gates[:, inputs : inputs + n_units], layer.recurrent_kernels[:, unit])
        assert not gates[:, n_inputs:inputs].any() and not gates[:, inputs + n_units :].any()
        np.testing.assert_array_equal(parts["biases"][4 * unit : 4 * unit + 4], layer.biases[:, unit])


@pytest.mark.parametrize(("n_inputs", "n_outputs"), [(1, 1), (16, 4), (20, 6)])
@pytest.mark.parametrize("per_output", [False, True])
@PACKINGS
def test_rows_of_a_dense_layer_are_filled_up_to_four_with_zeros(bits, unpack, size, n_inputs, n_outputs, per_output):
    rng, largest = np.random.default_rng(0), 2 ** (bits - 1) - 1
    weights = rng.integers(-largest, largest + 1, (n_outputs, n_inputs), np.int8)
    weights[0, 0] = largest
    layer = Dense(
        name="",
        input=Quantization(1.0, 0),
        output=Quantization(1.0, 0),
        weights=weights,
        biases=rng.integers(-999, 999, n_outputs, np.int32),
        factors=tuple(Factor(2**30 + row, -3) for row in range(n_outputs if per_output else 1)),
        activation="no activation",
        output_min=-128,
        output_max=127,
    )
    parts = pack_dense(layer, stride=pad(n_inputs))
    rows = -(-n_outputs // 4) * 4
    assert parts["four_bits"] == (bits == 4)
    assert parts["padded_inputs"] == pad(n_inputs) and len(parts["weights"]) == rows // 4 * size * pad(n_inputs)
    tiles = np.concatenate([unpack(tile) for tile in parts["weights"].reshape(rows // 4, -1)])
    np.testing.assert_array_equal(tiles[:n_outputs, :n_inputs], layer.weights)
    assert not tiles[n_outputs:].any() and not tiles[:, n_inputs:].any()
    np.testing.assert_array_equal(parts["biases"], [*layer.biases, *[0] * (rows - n_outputs)])
    several = per_output and n_outputs > 1
    assert parts["factors"] == layer.factors + (Factor(0, 0),) * (rows - n_outputs if several else 0)


@pytest.mark.parametrize("largest", [[7, -7], [8, 7], [7, -8]])
@pytest.mark.parametrize("place", [0, 1])
def test_one_weight_beyond_seven_makes_all_of_a_layer_eight_bits(largest, place):
    layer = read_layer(lambda writer: writer.add_lstm(3), weight_bits=4)
    kernels = [layer.kernels.copy(), layer.recurrent_kernels.copy()]
    kernels[place][2, 1, :2] = largest
    changed = dataclasses.replace(layer, kernels=kernels[0], recurrent_kernels=kernels[1])
    assert pack_lstm(changed)["four_bits"] == (largest == [7, -7])


@pytest.mark.parametrize(("bias", "whole"), [(0, True), (2**23 - 1 - 255 * 20, True), (2**23 - 255 * 20, False)])
@pytest.mark.parametrize("sign", [1, -1])
def test_sums_are_whole_while_none_reaches_2_to_the_23_with_its_bias(bias, whole, sign):
    layer = read_layer(lambda writer: writer.add_lstm(3))
    kernels, biases = np.zeros_like(layer.kernels), np.zeros_like(layer.biases)
    kernels[2, 1, :2] = -20, 0
    kernels[0, 0, 0] = 8  # beyond 4 bits
    biases[2, 1] = sign * bias
    changed = dataclasses.replace(layer, kernels=kernels, biases=biases)
    assert pack_lstm(changed)["is_whole"] == whole


def test_sums_over_a_hidden_state_of_too_many_large_weights_are_not_whole():
    layer = read_layer(lambda writer: writer.add_lstm(260))
    for largest, whole in ((126, True), (127, False)):  # 260 * 255 * 126 < 2^23 < 260 * 255 * 127
        changed = dataclasses.replace(layer, recurrent_kernels=np.full_like(layer.recurrent_kernels, largest))
        assert pack_lstm(changed)["is_whole"] == whole


@pytest.mark.parametrize("seed", range(4))
@PACKINGS
def test_weights_of_a_convolution_meet_the_frames_where_they_lie(bits, unpack, size, seed):
    layer = read_layer(lambda writer: writer.add_convolution(7), 12, 5, seed=seed, weight_bits=bits)
    taps = layer.kernel.shape[1]
    parts = pack_dense(layer, stride=8)
    assert parts["padded_inputs"] == pad(8 * taps)
    tiles = np.concatenate([unpack(tile) for tile in parts["weights"].reshape(2, -1)])
    frames = tiles[:7, : 8 * taps].reshape(7, taps, 8)
    np.testing.assert_array_equal(frames[:, :, :5], layer.kernel)
    assert not frames[:, :, 5:].any() and not tiles[7:].any() and not tiles[:, 8 * taps :].any()


def test_constant_lies_less_its_zero_point_in_frames_that_are_a_stride_apart():
    constant = np.array([[-128, 127, 0], [1, 2, 3]], np.int8)
    operand = Operand(quantization=Quantization(0.5, -100), n_frames=2, n_values=3, constant=constant)
    laid = lay_out(operand, 4)
    assert laid.dtype == np.int16 and laid.tolist() == [-28, 227, 100, 0, 101, 102, 103, 0]
    assert (
        lay_out(dataclasses.replace(operand, quantization=Quantization(0.5, 0)), 3).tolist()
        == constant.ravel().tolist()
    )
