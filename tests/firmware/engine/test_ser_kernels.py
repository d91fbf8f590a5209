"""Each kernel by itself: against what gemmlowp and TFLM define, in NumPy or by TFLM's own, with the ends of every range."""

import ctypes
import itertools
import math
import subprocess

import numpy as np
import pytest
from tensorflow.lite.python import schema_py_generated as schema

from ser_tinyml.codegen.bounds import prove_bounds
from ser_tinyml.codegen.engine_plan import make_plan
from ser_tinyml.codegen.engine_weights import BLOCK
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.runtimes.tflm import Tflm
from tests.conftest import REPOSITORY
from tests.firmware.conftest import FIRMWARE, STRICT
from tests.firmware.random_models import ModelWriter

HERE = REPOSITORY / "tests/firmware/engine"
SOURCES = [FIRMWARE / "engine/ser_kernels.c", f"-I{FIRMWARE / 'engine'}"]
FACTOR = np.dtype([("multiplier", np.int32), ("left_shift", np.uint8), ("right_shift", np.uint8)], align=True)
UNTOUCHED = 90  # what arrays hold before and behind what a kernel may write


@pytest.fixture(scope="module", params=["-DSER_PORTABLE", "-DSER_NATIVE"])
def kernels(request, tmp_path_factory):
    """The functions of reach_kernels.c and ser_kernels.c."""
    library = tmp_path_factory.mktemp("kernels") / "kernels.so"
    flags = (*STRICT, "-O1", request.param, "-fsanitize=undefined", "-fno-sanitize-recover=all", "-shared", "-fPIC")
    subprocess.run(["cc", *flags, HERE / "reach_kernels.c", *SOURCES, "-o", library], check=True)
    return ctypes.CDLL(str(library))


def call(function, *arguments) -> int:
    """Calls a function of C with numbers and arrays."""
    return function(
        *(each.ctypes.data_as(ctypes.c_void_p) if isinstance(each, np.ndarray) else each for each in arguments)
    )


def fill(function, shape, *arguments, dtype=np.int16) -> np.ndarray:
    """Returns what a function writes to its last argument, an array of this shape; it must write nothing around it."""
    around = np.full(64 + int(np.prod(shape)) + 64, UNTOUCHED, dtype)
    call(function, *arguments, around[64:])
    assert (around[:64] == UNTOUCHED).all() and (around[-64:] == UNTOUCHED).all()
    return around[64:-64].reshape(shape)


def each(function, *arrays) -> np.ndarray:
    """Returns int32 [n]: what a function makes of int32 [n], value by value."""
    arrays = [array if array.dtype == FACTOR else array.astype(np.int32) for array in arrays]
    y = np.empty(len(arrays[0]), np.int32)
    call(function, *arrays, y, len(y))
    return y


# ---- fixed point, as gemmlowp and TFLite define it ----


def multiply_high(a, b) -> np.ndarray:
    """SaturatingRoundingDoublingHighMul of gemmlowp's fixedpoint.h, without its one saturating case."""
    product = np.asarray(a, np.int64) * b
    nudged = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    return np.sign(nudged) * (np.abs(nudged) >> 31)  # a division in C rounds towards 0


def divide_by_power_of_two(x, exponent) -> np.ndarray:
    """RoundingDivideByPOT of gemmlowp's fixedpoint.h."""
    mask = (np.int64(1) << exponent) - 1
    return (x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0))


def scale(value, factor) -> np.ndarray:
    """MultiplyByQuantizedMultiplier of TFLite's common.h, rounding twice."""
    shifted = np.asarray(value, np.int64) << factor["left_shift"]
    return divide_by_power_of_two(multiply_high(shifted, factor["multiplier"]), factor["right_shift"].astype(np.int64))


def draw(rng, largest: int, count: int) -> np.ndarray:
    """int64 [count]: of every magnitude, with the ends of the range and what lies around 0."""
    drawn = (rng.uniform(-1, 1, count) * 2.0 ** rng.uniform(0, np.log2(largest), count)).astype(np.int64)
    drawn[:9] = -largest, 1 - largest, -2, -1, 0, 1, 2, largest - 1, largest
    return rng.permutation(drawn)


def draw_factors(rng, count: int, *, most_left: int = 0) -> np.ndarray:
    factors = np.zeros(count, FACTOR)
    factors["multiplier"] = rng.integers(2**30, 2**31, count)
    factors["multiplier"][:2] = [2**30, 2**31 - 1][:count]
    shifts = rng.integers(-31, most_left + 1, count)
    factors["left_shift"], factors["right_shift"] = np.maximum(shifts, 0), np.maximum(-shifts, 0)
    return factors


def test_products_are_rounded_as_gemmlowp_rounds_them(kernels):
    rng = np.random.default_rng(0)
    values, multipliers = draw(rng, 2**30 - 1, 50_000), rng.integers(2**30, 2**31, 50_000)
    values[:2000], multipliers[:2000] = np.arange(-1000, 1000), 2**30  # halves
    found = each(kernels.multiply_high_each, values, multipliers)
    np.testing.assert_array_equal(found, multiply_high(values, multipliers))


def test_quotients_are_rounded_with_halves_away_from_zero(kernels):
    rng = np.random.default_rng(1)
    values, shifts = draw(rng, 2**30 - 1, 50_000), rng.integers(0, 31, 50_000)
    values[:4000], shifts[:4000] = np.arange(-2000, 2000), 1 + np.arange(4000) % 5
    found = each(kernels.shift_right_each, values, shifts)
    np.testing.assert_array_equal(found, divide_by_power_of_two(values, shifts))
    np.testing.assert_array_equal(each(kernels.shift_right_each, np.array([-3, -1, 1, 3]), np.ones(4)), [-2, -1, 1, 2])


def test_sums_are_scaled_as_tflite_scales_them(kernels):
    rng = np.random.default_rng(2)
    factors = draw_factors(rng, 50_000, most_left=12)
    values = draw(rng, 2**30 - 1, 50_000) >> factors["left_shift"]
    np.testing.assert_array_equal(each(kernels.scale_each, values, factors), scale(values, factors))


def test_saturation_keeps_16_bits_and_cuts_off_the_rest(kernels):
    values = np.array([-(2**31), -(2**20), -32769, -32768, -32767, -1, 0, 1, 32766, 32767, 32768, 2**31 - 1])
    found = each(kernels.saturate_each, values)
    np.testing.assert_array_equal(found, np.clip(values, -32768, 32767))


def test_gates_sums_and_hidden_states_are_scaled_as_tflite_scales_them_and_saturate(kernels):
    rng = np.random.default_rng(3)
    factors = draw_factors(rng, 50_000, most_left=12)
    values = draw(rng, 2**30 - 1, 50_000) >> factors["left_shift"]
    sums = scale(values, factors)
    np.testing.assert_array_equal(each(kernels.scale_sum_each, values, factors), np.clip(sums, -(2**15), 2**15 - 1))
    zero_points = rng.integers(-128, 128, 50_000)
    states = np.clip(sums, -128 - zero_points, 127 - zero_points)
    np.testing.assert_array_equal(each(kernels.show_each, values, factors, zero_points), states)


def test_two_vectors_parts_of_a_gate_are_added_and_saturate(kernels):
    ends = np.array([-(2**15), 1 - 2**15, -1, 0, 1, 2**15 - 2, 2**15 - 1])
    a, b = (part.ravel() for part in np.meshgrid(ends, ends))
    np.testing.assert_array_equal(each(kernels.add_saturated_each, a, b), np.clip(a + b, -(2**15), 2**15 - 1))


@pytest.mark.parametrize("shift", [2, 3, 14, 15, 19, 30, 31])
def test_gate_times_value_is_rounded_as_tflite_rounds_it_by_a_power_of_two(kernels, shift):
    """Of halves, too: of gates that are powers of two every value, and of every gate drawn values and those of both ends."""
    rng, everything = np.random.default_rng(shift), np.arange(-(2**15), 2**15)
    powers = 2 ** np.arange(15)
    drawn = np.concatenate([np.array([-(2**15), -1, 0, 1, 2**15 - 1]), rng.integers(-(2**15), 2**15, 20)])
    gates = np.concatenate([np.repeat(powers, len(everything)), np.repeat(np.arange(2**15), len(drawn))])
    values = np.concatenate([np.tile(everything, len(powers)), np.tile(drawn, 2**15)])
    factor = np.array((2**30, 0, shift - 1), FACTOR)
    found = each(kernels.open_each, gates, values, np.full(len(gates), shift))
    np.testing.assert_array_equal(found, scale(gates * values, factor))


EVERY_16_BITS = np.arange(-(2**15), 2**15)


def invoke_tflm(name: str, input_scale: float) -> np.ndarray:
    """What TFLM's own operator of int16 makes of all 16 bits, in Q0.15; its LSTM takes the same function."""
    writer = ModelWriter(np.random.default_rng(0), 1, 1)
    shape, int16 = (1, len(EVERY_16_BITS)), schema.TensorType.INT16
    writer._graph.inputs = [writer.add_tensor(shape, int16, input_scale, 0)]
    writer.add_operator(name, writer._graph.inputs, writer.add_tensor(shape, int16, 2.0**-15, 0), None)
    return Tflm(writer.finish()).invoke(EVERY_16_BITS.astype(np.int16))


@pytest.mark.parametrize(("name", "function"), [("LOGISTIC", "sigmoid_each"), ("TANH", "tanh_each")])
def test_gates_are_tflms_of_all_16_bits(kernels, name, function):
    np.testing.assert_array_equal(each(getattr(kernels, function), EVERY_16_BITS), invoke_tflm(name, 2.0**-12))


@pytest.mark.parametrize("bits", range(9, 17))
def test_tanh_of_a_cell_state_is_tflms_of_all_16_bits(kernels, bits):
    """Of states in 2^-bits: coarser than a gate's Q3.12, most are out of the table's range; finer, they are rounded."""
    multiplier, shift = (3 << (12 - bits), 0) if bits <= 12 else (3, bits - 12)
    found = np.empty(2**16, np.int32)
    call(kernels.tanh_of_state_each, EVERY_16_BITS.astype(np.int32), multiplier, shift, found, len(found))
    np.testing.assert_array_equal(found, invoke_tflm("TANH", 2.0**-bits))


# ---- dot products ----


def pack(rows: np.ndarray) -> np.ndarray:
    """int8 [4, n] as ser_dot4 takes it: of each four inputs rows 0 and 1, then rows 2 and 3, as 256 * w0 + w1."""
    wide = rows.astype(np.int16)
    groups = [
        256 * wide[row, i : i + 4] + wide[row + 1, i : i + 4] for i in range(0, rows.shape[1], 4) for row in (0, 2)
    ]
    return np.concatenate(groups)


def pack_4bit(rows: np.ndarray) -> np.ndarray:
    """int8 [4, n] as ser_dot4_4bit takes it: of each input 4096 * w0 + 256 * w1 + 16 * w2 + w3."""
    w0, w1, w2, w3 = rows.astype(np.int16)
    return 4096 * w0 + 256 * w1 + 16 * w2 + w3


# Of weights of 8 and of 4 bits: how they are packed, the largest, and the int16 that an input takes.
PACKINGS = pytest.mark.parametrize(("packing", "largest", "size"), [(pack, 127, 2), (pack_4bit, 7, 1)])


def test_inputs_are_padded_to_the_kernels_block(kernels):
    assert ctypes.c_int.in_dll(kernels, "ser_block").value == BLOCK


@pytest.mark.parametrize("n", [8, 16, 24, 32, 40, 248, 256])
@PACKINGS
def test_four_dot_products_are_whole_up_to_a_chunk(kernels, packing, largest, size, n):
    dot = {2: kernels.ser_dot4, 1: kernels.ser_dot4_4bit}[size]
    for weights, inputs in draw_rows(n, largest):
        found = fill(dot, 4, packing(weights), inputs, n, dtype=np.int32)
        np.testing.assert_array_equal(found, weights.astype(np.int64) @ inputs)


def draw_rows(n: int, largest: int):
    """Rows and inputs: drawn ones, and those whose sums are the largest that there can be, of all signs beside one another."""
    rng = np.random.default_rng(n)
    yield rng.integers(-largest, largest + 1, (4, n), np.int8), rng.integers(-255, 256, n, np.int16)
    for signs in itertools.product((1, -1), repeat=4):
        for sign in (1, -1):
            yield np.outer(signs, np.full(n, largest)).astype(np.int8), np.full(n, sign * 255, np.int16)


def test_every_four_weights_of_4_bits_are_told_apart(kernels):
    values = np.array(list(itertools.product(range(-7, 8), repeat=4)), np.int8).T
    rows = np.pad(values, ((0, 0), (0, -values.shape[1] % 16))).reshape(4, -1, 16)
    x = np.array([-255, 254, -129, 100, 37, -19, 7, 3, 1, -1, 5, -11, 23, -64, 128, 255], np.int16)
    for weights in rows.transpose(1, 0, 2):
        found = fill(kernels.ser_dot4_4bit, 4, pack_4bit(weights), x, 16, dtype=np.int32)
        np.testing.assert_array_equal(found, weights.astype(np.int64) @ x)


@pytest.mark.parametrize("n", [8, 248, 256, 264, 512, 520, 1032])
@PACKINGS
def test_dot_products_of_more_than_a_chunk_are_whole(kernels, packing, largest, size, n):
    for weights, inputs in draw_rows(n, largest):
        sums = np.empty(4, np.int32)
        assert call(kernels.sum_gates, packing(weights), int(size == 1), inputs, n, sums) == size * n
        np.testing.assert_array_equal(sums, weights.astype(np.int64) @ inputs)


@pytest.mark.parametrize("n_inputs", [13, 300])
@pytest.mark.parametrize("weight_bits", [8, 4])
def test_proved_range_of_sums_is_reached_by_the_worst_inputs_and_not_left(kernels, weight_bits, n_inputs):
    writer = ModelWriter(np.random.default_rng(n_inputs), 1, n_inputs)
    writer.weight_bits = weight_bits
    writer.add_dense(7)
    graph = read_graph(writer.finish())
    (step,) = make_plan(graph).by_frame
    (sums,) = (bound for bound in prove_bounds(graph) if bound.quantity == "sums")
    ends = [end - graph.input.zero_point for end in (-128, 127)]
    found = []
    for tile, rows in zip(np.split(step.weights, 2), (step.layer.weights[:4], step.layer.weights[4:]), strict=True):
        for weights, order in itertools.product(rows, (1, -1)):
            x = np.zeros(step.padded_inputs, np.int16)
            x[:n_inputs] = np.where(weights > 0, *ends[::order])
            of_rows = np.empty(4, np.int32)
            call(kernels.sum_gates, tile, int(step.four_bits), x, step.padded_inputs, of_rows)
            found += of_rows.tolist()
    assert (sums.smallest, sums.largest) == (min(found), max(found))


# The processor, and where flash and RAM are, of emulated boards whose cores have instructions of their own.
BOARDS = {
    "mps2-an386": (("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16"), "0", "0x20000000"),
    "mps3-an547": (("-mcpu=cortex-m55",), "0x10000000", "0x30000000"),
}


def compile_for_board(board: str) -> list:
    """Returns the command that compiles for an emulated board."""
    processor, flash, ram = BOARDS[board]
    shared = FIRMWARE / "boards/emulated"
    arm = shared / "arm"
    places = {"FLASH_ORIGIN": flash, "FLASH_LENGTH": "512K", "RAM_ORIGIN": ram, "RAM_LENGTH": "256K"}
    sizes = places | {"STACK_BYTES": "16384", "HEAP_BYTES": "16384"}
    memory = (*(f"-Wl,--defsym={name}={value}" for name, value in sizes.items()), f"-T{arm / 'linker.ld'}")
    libraries = ("-nostartfiles", "--specs=nano.specs", "--specs=rdimon.specs", f"-I{arm}", f"-I{shared}")
    machine = (*processor, "-mthumb", "-mfloat-abi=hard", "-O2")
    return ["arm-none-eabi-gcc", *machine, *memory, *libraries, arm / "startup.c", arm / "semihosting.c"]


@pytest.mark.needs("arm-none-eabi-gcc", "qemu-system-arm")
def test_a_processors_own_instructions_give_the_same_numbers(tmp_path):
    """Of a Cortex-M4 and of a Cortex-M55's Helium, whose products and saturation are instructions that a PC lacks."""
    printed = []
    host = {flag: ["cc", *STRICT, flag] for flag in ("-DSER_PORTABLE", "-DSER_NATIVE")}
    for name, compiler in (host | {board: compile_for_board(board) for board in BOARDS}).items():
        program = tmp_path / name
        subprocess.run([*compiler, HERE / "print_kernels.c", *SOURCES, "-o", program], check=True)
        semihosting = ("-nographic", "-semihosting-config", "enable=on,target=native,arg=print", "-kernel", program)
        command = [program] if name in host else ["qemu-system-arm", "-M", name, *semihosting]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        printed.append(ended.stdout.splitlines())
    assert len(printed[0]) == 4 * 32 + 4 * 30 + 12 * 500
    assert all(lines == printed[0] for lines in printed)


# ---- layers ----


def lay_out(frames: np.ndarray) -> np.ndarray:
    """Returns frames, [frames, n], as the kernels take them: int16, a multiple of 4 values apart, with noise in between."""
    n_frames, n = frames.shape
    apart = np.random.default_rng(0).integers(-255, 256, (n_frames, -(-n // 4) * 4), np.int16)
    apart[:, :n] = frames
    return apart


def check_frames(found: np.ndarray, expected: np.ndarray) -> None:
    """Compares frames as they lie in memory; nothing may have been written between them."""
    n = expected.shape[1]
    np.testing.assert_array_equal(found[:, :n], expected)
    assert (found[:, n:] == UNTOUCHED).all()


@pytest.mark.parametrize("per_output", [False, True])
@pytest.mark.parametrize("n_inputs", [16, 256, 272])
@PACKINGS
def test_dense_layer_scales_each_outputs_sum_with_its_bias_and_cuts_it_off(
    kernels, packing, largest, size, n_inputs, per_output
):
    rng, n_outputs = np.random.default_rng(n_inputs), 12
    rows = rng.integers(-largest, largest + 1, (n_outputs, n_inputs), np.int8)
    x = rng.integers(-255, 256, n_inputs, np.int16)
    bias = rng.integers(-(2**16), 2**16, n_outputs, np.int32)
    factors = draw_factors(rng, n_outputs if per_output else 1)
    factors["left_shift"], factors["right_shift"] = 0, rng.integers(9, 13, len(factors))
    tiles = np.concatenate([packing(rows[row : row + 4]) for row in range(0, n_outputs, 4)])
    sums = scale(rows.astype(np.int64) @ x + bias, factors)
    for low, high in ((-255, 255), (-20, 90)):
        arguments = tiles, int(size == 1), n_inputs, n_outputs, bias, factors, len(factors), low, high, x
        np.testing.assert_array_equal(fill(kernels.run_dense, n_outputs, *arguments), np.clip(sums, low, high))


@pytest.mark.parametrize("input_scale", [0.004, 0.02, 0.06, 0.25, 1.0])
@pytest.mark.parametrize("n", [1, 2, 4, 31, 511])
def test_softmax_has_tflms_bits(kernels, n, input_scale):
    """Of inputs that are all the same, that lie at both ends, that fall off from the largest, and of any."""
    rng = np.random.default_rng(n)
    writer = ModelWriter(rng, 1, n, (input_scale, -3))
    writer.add_softmax()
    content = writer.finish()
    tflm, layer = Tflm(content), read_graph(content).nodes[0].layer
    windows = rng.integers(-128, 128, (200, n))
    windows[:50] = np.rint(127 - rng.exponential(2 / input_scale, (50, n)))
    windows[50:100] = rng.integers(-128, 128, (50, 1)) - rng.integers(0, 2, (50, n))
    windows[100:150] = np.where(rng.integers(0, 2, (50, n)), 127, -128)
    for window in np.clip(windows, -128, 127).astype(np.int8):
        arguments = n, layer.factor.multiplier, layer.factor.shift, layer.diff_min, window.astype(np.int16) + 3
        found = fill(kernels.run_softmax, n, *arguments)
        np.testing.assert_array_equal(found - 128, tflm.invoke(window[np.newaxis]))


def exp_of_negative(a: np.ndarray) -> np.ndarray:
    """exp_on_negative_values of gemmlowp's fixedpoint.h: Q5.26 to Q0.31."""
    quarter = 1 << 24
    part = (a & (quarter - 1)) - quarter
    x = (part << 5) + (1 << 28)
    x2 = multiply_high(x, x)
    x3, x4 = multiply_high(x2, x), multiply_high(x2, x2)
    cubes = multiply_high(divide_by_power_of_two(x4, 2) + x3, round(2**31 / 3))
    of_eighth = round(math.exp(-1 / 8) * 2**31)
    result = of_eighth + multiply_high(of_eighth, x + divide_by_power_of_two(cubes + x2, 1))
    for exponent in range(-2, 5):
        factor = round(math.exp(-(2.0**exponent)) * 2**31)
        result = np.where((part - a) & (1 << (26 + exponent)), multiply_high(result, factor), result)
    return np.where(a == 0, 2**31 - 1, result)


def reciprocal_of_one_plus(a: np.ndarray) -> np.ndarray:
    """one_over_one_plus_x_for_x_in_0_1 of gemmlowp's fixedpoint.h: Q0.31 to Q0.31."""
    half = (a + 2**31) // 2
    x = math.floor(48 / 17 * 2**29) + multiply_high(half, -math.floor(32 / 17 * 2**29))
    for _ in range(3):
        x = x + (multiply_high(x, 2**29 - multiply_high(half, x)) << 2)
    return np.minimum(x << 1, 2**31 - 1)


def share_of_second(left_shift: int, multiplier: np.ndarray) -> np.ndarray:
    """What TFLite's softmax of int8 gives the second of two values that lies one step below the first, times 256."""
    exp = exp_of_negative(multiply_high(-(1 << left_shift), multiplier))
    total = divide_by_power_of_two(np.int64(2**31 - 1), 12) + divide_by_power_of_two(exp, 12)
    zeros = 31 - np.floor(np.log2(total)).astype(np.int64)
    reciprocal = reciprocal_of_one_plus((total << zeros) - 2**31)
    return divide_by_power_of_two(multiply_high(reciprocal, exp), 12 - zeros + 31 - 8)


def test_softmax_rises_where_gemmlowps_fixed_point_does(kernels):
    """Eight bits show the last of 31 where they are about to change: around each such place, found by halving."""
    for left_shift in range(20, 30):
        grid = np.linspace(2**30, 2**31 - 1, 20_001).astype(np.int64)
        shares = share_of_second(left_shift, grid)
        changes = np.flatnonzero(np.diff(shares))
        low, high, share_of_low = grid[changes], grid[changes + 1], shares[changes]
        for _ in range(17):  # 2^30 / 20,000, halved so often, is 1
            middle = (low + high) // 2
            same = share_of_second(left_shift, middle) == share_of_low
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        around = np.unique((high[:, np.newaxis] + np.arange(-40, 40)).ravel().clip(2**30, 2**31 - 1))
        x = np.array([1, 0], np.int16)
        found = [fill(kernels.run_softmax, 2, 2, int(multiplier), left_shift, -1, x)[1] for multiplier in around]
        np.testing.assert_array_equal(found, share_of_second(left_shift, around))


@pytest.mark.parametrize(("diff_min", "shares"), [(-2, [121, 81, 54]), (-1, [153, 103, 0]), (0, [255, 0, 0])])
def test_softmax_counts_nothing_that_is_further_below_the_largest_than_diff_min(kernels, diff_min, shares):
    x = np.array([7, 6, 5], np.int16)
    assert fill(kernels.run_softmax, 3, 3, 1717986918, 25, diff_min, x).tolist() == shares


@pytest.mark.parametrize(("input_zero_point", "output_zero_point"), [(0, 0), (-128, 5), (127, -128), (-7, 127)])
def test_table_is_looked_up_at_each_value(kernels, input_zero_point, output_zero_point):
    values, q = np.random.default_rng(0).permutation(np.arange(-128, 128)).astype(np.int8), np.arange(-128, 128)
    x = (q - input_zero_point).astype(np.int16)
    found = fill(kernels.run_table, 256, 256, input_zero_point, output_zero_point, values, x)
    np.testing.assert_array_equal(found, values.astype(int) - output_zero_point)


@pytest.mark.parametrize(("a_step", "b_step"), [(1, 1), (0, 1), (1, 0)])
@pytest.mark.parametrize("sign", [1, -1])
def test_sum_and_difference_are_tflites_of_operands_shifted_by_20_bits(kernels, sign, a_step, b_step):
    rng, n = np.random.default_rng(sign + 1), 2_000
    a, b = rng.integers(-255, 256, (2, n), np.int16)
    factors = draw_factors(rng, 3)
    factors["left_shift"], factors["right_shift"] = 0, (0, 2, 18)
    one, other = (scale(value.astype(np.int64) << 20, factor) for value, factor in ((a, factors[0]), (b, factors[1])))
    one, other = (values if step else values[0] for values, step in ((one, a_step), (other, b_step)))
    expected = scale(one + sign * other, factors[2])
    for low, high in ((-(2**15), 2**15 - 1), (-3, 150)):
        found = fill(kernels.run_sum, n, n, factors, sign, low, high, a, a_step, b, b_step)
        np.testing.assert_array_equal(found, np.clip(expected, low, high))


@pytest.mark.parametrize(("a_step", "b_step"), [(1, 1), (0, 1), (1, 0)])
def test_product_is_scaled_and_cut_off(kernels, a_step, b_step):
    rng, n = np.random.default_rng(3), 2_000
    a, b = rng.integers(-255, 256, (2, n), np.int16)
    factor = draw_factors(rng, 1)
    factor["left_shift"], factor["right_shift"] = 0, 8
    one, other = (values.astype(np.int64) if step else int(values[0]) for values, step in ((a, a_step), (b, b_step)))
    expected = scale(one * other, factor)
    for low, high in ((-255, 255), (-3, 90)):
        found = fill(kernels.run_product, n, n, factor, low, high, a, a_step, b, b_step)
        np.testing.assert_array_equal(found, np.clip(expected, low, high))


POOLS = [  # frames, size, stride, frames of zeros before: without padding, with it on both sides, and over all frames at once
    (10, 3, 2, 0),
    (9, 4, 1, 2),
    (11, 5, 3, 1),
    (7, 7, 1, 0),
    (5, 1, 1, 0),
]


@pytest.mark.parametrize("n", [1, 4, 7])
@pytest.mark.parametrize(("n_frames", "size", "stride", "before"), POOLS)
@pytest.mark.parametrize("zero_point", [-128, 0, 77])
@pytest.mark.parametrize("average", [False, True])
def test_pools_take_the_frames_that_there_are(kernels, average, zero_point, n_frames, size, stride, before, n):
    q = np.random.default_rng(n).integers(-128, 128, (n_frames, n))
    n_outputs = n_frames // stride if before else (n_frames - size) // stride + 1
    starts = [number * stride - before for number in range(n_outputs)]
    stretches = [q[max(0, start) : start + size] for start in starts]
    join = mean_away_from_zero if average else lambda stretch: stretch.max(axis=0)
    expected = np.stack([join(stretch) for stretch in stretches]) - zero_point
    frames = lay_out(q - zero_point)
    for low, high in ((-255, 255), (-30, 60)):
        arguments = int(average), n, n_frames, n_outputs, size, stride, before, zero_point, low, high, frames
        found = fill(kernels.run_pool, (n_outputs, frames.shape[1]), *arguments)
        check_frames(found, np.clip(expected, low, high))


def mean_away_from_zero(stretch: np.ndarray) -> np.ndarray:
    """Returns the means of int8 as they are, halves rounded away from zero, as TFLM's AveragePool does it."""
    mean = stretch.mean(axis=0)
    return np.trunc(mean + np.copysign(0.5, mean)).astype(int)


@pytest.mark.parametrize("n", [1, 4, 7])
@pytest.mark.parametrize("n_frames", [1, 2, 50])
def test_mean_is_of_all_frames(kernels, n_frames, n):
    rng = np.random.default_rng(n)
    x, factor = rng.integers(-255, 256, (n_frames, n)), draw_factors(rng, 1)
    factor["left_shift"], factor["right_shift"] = 0, 3
    for low, high in ((-(2**15), 2**15 - 1), (-50, 60)):
        expected = np.clip(scale(x.sum(axis=0), factor), low, high)
        np.testing.assert_array_equal(fill(kernels.run_mean, n, n, n_frames, factor, low, high, lay_out(x)), expected)


@pytest.mark.parametrize("x_stride", [8, -8, 0])
def test_frames_are_copied_to_other_distances_and_backwards(kernels, x_stride):
    x, n, n_frames, y_stride = np.arange(5 * 8, dtype=np.int16).reshape(5, 8), 7, 5, 12
    y = np.full((n_frames + 1, y_stride), UNTOUCHED, np.int16)
    call(kernels.ser_copy_frames, x[4 if x_stride < 0 else 0], x_stride, y, y_stride, n, n_frames)
    expected = {8: x, -8: x[::-1], 0: np.stack([x[0]] * n_frames)}[x_stride]
    check_frames(y[:n_frames], expected[:, :n])
    assert (y[n_frames:] == UNTOUCHED).all()


@pytest.mark.parametrize("zero_point", [-128, -1, 0, 127])
def test_features_are_loaded_less_their_zero_point_and_stored_with_it(kernels, zero_point):
    q = np.arange(-128, 128, dtype=np.int8)
    x = fill(kernels.ser_load, 256, q, 256, zero_point)
    np.testing.assert_array_equal(x, q.astype(int) - zero_point)
    np.testing.assert_array_equal(fill(kernels.ser_store, 256, x, 256, zero_point, dtype=np.int8), q)
