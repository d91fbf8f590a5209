"""How the int8 model uses its 256 values: weights and activations on the grid of each tensor."""

import dataclasses

import numpy as np
import tensorflow as tf

from ser_tinyml.report.png import encode_png, new_figure
from ser_tinyml.runtimes.int8 import Quantization
from ser_tinyml.runtimes.native_log import quiet_native_log

WINDOWS = 20  # whose activations are looked at
_SHOWN, _COLUMNS = 24, 4  # of the largest tensors
_SMALLEST = 32  # values of a tensor that is worth a picture


@dataclasses.dataclass(frozen=True)
class Grid:
    """One int8 tensor: real = scale * (value - zero point)."""

    name: str
    kind: str  # weights or activations
    scale: float  # of the first channel, where there are several
    values: np.ndarray  # int64 [256], how many values are -128 and on

    @property
    def used(self) -> tuple[int, int]:
        """The lowest and the highest value that occurs."""
        present = np.flatnonzero(self.values)
        return int(present[0]) - 128, int(present[-1]) - 128

    @property
    def saturated(self) -> float:
        """The share of values at either end of the grid; of weights, which are symmetric, -127 is an end."""
        ends = self.values[0] + self.values[-1] + (self.values[1] if self.kind == "weights" else 0)
        return float(ends / self.values.sum())


def read_grids(content: bytes, windows: np.ndarray) -> list[Grid]:
    """Runs an int8 TFLite file and counts the values of its int8 tensors, in their order.

    Args:
      content: the file.
      windows: float32 [WINDOWS, frames, coefficients], standardised; more are not looked at, fewer are repeated.
    """
    with quiet_native_log():
        interpreter = tf.lite.Interpreter(model_content=content, num_threads=1, experimental_preserve_all_tensors=True)
        interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    quantization = Quantization.of_details(given)
    assert quantization is not None, "an int8 file takes int8"
    quantized = quantization.quantize(np.resize(windows, (WINDOWS, *windows.shape[1:])))
    details = [
        each
        for each in interpreter.get_tensor_details()
        if each["dtype"] == np.int8 and np.prod(each["shape"]) >= _SMALLEST
    ]
    counts = {each["index"]: np.zeros(256, np.int64) for each in details}
    first: dict[int, np.ndarray] = {}
    changing: set[int] = set()
    for window in quantized:
        interpreter.reset_all_variables()
        interpreter.set_tensor(given["index"], window[np.newaxis])
        interpreter.invoke()
        for index, count in counts.items():
            try:
                values = interpreter.get_tensor(index)
            except ValueError:  # a tensor that has no memory of its own
                continue
            if not np.array_equal(first.setdefault(index, values), values):
                changing.add(index)
            count += np.bincount(values.ravel().astype(int) + 128, minlength=256)
    return [
        _describe(each, counts[each["index"]], is_constant=each["index"] not in changing)
        for each in details
        if counts[each["index"]].any() and len(each["quantization_parameters"]["scales"])
    ]


def _describe(details: dict, counts: np.ndarray, *, is_constant: bool) -> Grid:
    shape = " x ".join(map(str, details["shape"]))
    name = details["name"].split(";")[0].split("/")[-1]
    if is_constant:
        name = f"weights {shape}"
    elif "pseudo_qconst" in name:
        name = f"state {shape}"
    kind = "weights" if is_constant else "activations"
    values = counts // WINDOWS if is_constant else counts  # counted once a window
    return Grid(name, kind, scale=float(details["quantization_parameters"]["scales"][0]), values=values)


def draw_grids(grids: list[Grid]) -> bytes:
    """Returns a PNG of the histograms of the largest tensors over int8's values."""
    by_size = sorted(range(len(grids)), key=lambda place: -grids[place].values.sum())
    shown = [grids[place] for place in sorted(by_size[:_SHOWN])]
    rows = -(-len(shown) // _COLUMNS)
    figure = new_figure(2.8 * _COLUMNS, 1.7 * rows)
    cells = figure.subplots(rows, _COLUMNS, squeeze=False, sharex=True).ravel()
    for axes in cells[len(shown) :]:
        axes.set_axis_off()
    for axes, grid in zip(cells, shown, strict=False):
        axes.fill_between(np.arange(-128, 128), grid.values / grid.values.max(), step="mid")
        axes.set(yticks=[], xticks=[-128, 0, 127])
        axes.set_title(grid.name, fontsize=8, parse_math=False)
    return encode_png(figure)
