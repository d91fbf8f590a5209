"""Small int8 models of each kind that the engine computes without a table of TFLM's, kept in `golden/`.

With each are windows and TFLM's outputs for them. They hold the engine to TFLM's bits where no wheel of tflite_micro is to be
had. `python -m tests.firmware.golden_models` writes them anew: the same bytes, as long as TFLM gives the same outputs.
"""

import pathlib
from collections.abc import Callable

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from ser_tinyml.codegen.graph_reader import read_graph
from tests.firmware.random_models import ModelWriter, random_windows

GOLDEN = pathlib.Path(__file__).resolve().parent / "golden"

_WINDOWS = 8  # of each model


def _classify(writer: ModelWriter) -> None:
    writer.add_lstm(12)
    writer.add_slice(writer.n_frames - 1)
    writer.add_dense(4)
    writer.add_softmax()


def _take_the_first_frame(writer: ModelWriter) -> None:
    writer.add_lstm(9)
    writer.add_slice(0)
    writer.add_dense(3)


def _flatten_the_states(writer: ModelWriter) -> None:
    writer.add_lstm(16)
    writer.add_flatten()


def _stack_three_lstms(writer: ModelWriter) -> None:
    for units in (5, 17, 8):
        writer.add_lstm(units)
    writer.add_slice(writer.n_frames - 1)


def _clip_no_cell(writer: ModelWriter) -> None:
    writer.add_lstm(20).builtinOptions.cellClip = 0.0
    writer.add_flatten()


def _clip_cells_at_one(writer: ModelWriter) -> None:
    writer.add_lstm(20).builtinOptions.cellClip = 1.0
    writer.add_flatten()


def _one_unit(writer: ModelWriter) -> None:
    writer.add_lstm(1)
    writer.add_slice(writer.n_frames - 1)
    writer.add_dense(1)


def _many_units(writer: ModelWriter) -> None:
    writer.add_lstm(70)
    writer.add_slice(writer.n_frames - 1)
    writer.add_dense(30)
    writer.add_dense(8)
    writer.add_softmax()


def _dense_of_each_frame(writer: ModelWriter) -> None:
    writer.add_lstm(6)
    writer.add_dense(5)
    writer.add_flatten()
    writer.add_dense(4)
    writer.add_softmax()


def _dense_of_more_than_a_chunk(writer: ModelWriter) -> None:
    writer.add_flatten()
    writer.add_dense(10)
    writer.add_softmax()


def _every_activation(writer: ModelWriter) -> None:
    writer.add_slice(2)
    functions = schema.ActivationFunctionType
    for function in (functions.RELU, functions.RELU6, functions.RELU_N1_TO_1, functions.NONE):
        writer.add_dense(24).builtinOptions.fusedActivationFunction = function


def _softmax_of_many(writer: ModelWriter) -> None:
    writer.add_slice(1)
    writer.add_dense(120)
    writer.add_softmax()


def _convolve_and_pool(writer: ModelWriter) -> None:
    writer.add_convolution(11)
    writer.add_pool("MAX")
    writer.add_convolution(6)
    writer.add_pool("AVERAGE")
    writer.add_lstm(7)
    writer.add_slice(writer.n_frames - 1)


def _mean_of_frames(writer: ModelWriter) -> None:
    writer.add_lstm(14)
    writer.add_mean()
    writer.add_dense(4)
    writer.add_softmax()


def _both_ends_and_the_largest(writer: ModelWriter) -> None:
    writer.add_reverse()
    writer.add_lstm(10)
    writer.add_concatenation(writer.at_hand)
    writer.add_largest()


def _arithmetic_and_a_shortcut(writer: ModelWriter) -> None:
    for name in ("SUB", "MUL", "ADD"):
        writer.add_arithmetic(name)
    before = writer.at_hand
    writer.add_lstm(writer.n_features)
    writer.add_arithmetic("ADD", other=before)
    writer.add_flatten()


def _side_by_side(writer: ModelWriter) -> None:
    writer.add_lstm(6)
    writer.add_side_by_side((5, 9, 8))
    writer.add_dense(4)
    writer.add_softmax()


_KINDS: dict[str, tuple[Callable[[ModelWriter], None], int, int]] = {  # with frames, and values in a frame
    "classify": (_classify, 20, 13),
    "take_the_first_frame": (_take_the_first_frame, 7, 4),
    "flatten_the_states": (_flatten_the_states, 10, 3),
    "stack_three_lstms": (_stack_three_lstms, 12, 6),
    "clip_no_cell": (_clip_no_cell, 24, 3),
    "clip_cells_at_one": (_clip_cells_at_one, 24, 3),
    "one_unit": (_one_unit, 1, 1),
    "many_units": (_many_units, 47, 13),
    "dense_of_each_frame": (_dense_of_each_frame, 9, 40),
    "dense_of_more_than_a_chunk": (_dense_of_more_than_a_chunk, 30, 20),
    "every_activation": (_every_activation, 3, 50),
    "softmax_of_many": (_softmax_of_many, 2, 16),
    "convolve_and_pool": (_convolve_and_pool, 40, 9),
    "mean_of_frames": (_mean_of_frames, 21, 5),
    "both_ends_and_the_largest": (_both_ends_and_the_largest, 13, 6),
    "arithmetic_and_a_shortcut": (_arithmetic_and_a_shortcut, 6, 7),
    "side_by_side": (_side_by_side, 15, 7),
}

NAMES = tuple(_KINDS)


def make_model(name: str) -> bytes:
    """Returns the TFLite file of one kind."""
    add_layers, n_frames, n_inputs = _KINDS[name]
    writer = ModelWriter(np.random.default_rng(NAMES.index(name)), n_frames, n_inputs)
    add_layers(writer)
    return writer.finish()


def write_golden(name: str, folder: pathlib.Path) -> None:
    """Writes NAME.tflite, and NAME.npz with `windows`, int8 [windows, frames, inputs], and TFLM's `outputs` for them."""
    from ser_tinyml.runtimes.tflm import Tflm  # here, since what reads the files must not need tflite_micro

    content = make_model(name)
    windows = random_windows(read_graph(content), _WINDOWS, seed=NAMES.index(name))
    outputs = np.stack([Tflm(content).invoke(window) for window in windows])
    (folder / f"{name}.tflite").write_bytes(content)
    np.savez(folder / f"{name}.npz", windows=windows, outputs=outputs)


def main() -> None:
    """Writes all kinds."""
    GOLDEN.mkdir(exist_ok=True)
    for name in NAMES:
        write_golden(name, GOLDEN)


if __name__ == "__main__":
    main()
