"""The picture of a recording's probabilities over time, as PNG or SVG."""

import io

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from ser_tinyml.prediction.model import Prediction
from ser_tinyml.report.png import encode_png, new_figure
from ser_tinyml.store import files

_INCHES_A_MINUTE, _NARROWEST, _WIDEST, _HEIGHT = 12.0, 7.0, 24.0, 3.4


def write_picture(path: str, prediction: Prediction, *, title: str) -> None:
    """Draws a line a class, a point in the middle of each window; pauses are gaps.

    Args:
      path: of the picture, which ends in .png or .svg.
      prediction: of a recording.
      title: stands above it.

    Raises:
      UserError: it can't be written.
    """
    figure = new_figure(np.clip(prediction.seconds / 60 * _INCHES_A_MINUTE, _NARROWEST, _WIDEST), _HEIGHT)
    axes = figure.add_subplot()
    middles = prediction.window_starts + prediction.window_seconds / 2
    pauses = np.flatnonzero(np.diff(middles) > prediction.window_seconds) + 1
    times = np.insert(middles, pauses, np.nan)
    for label, values in zip(prediction.labels, prediction.window_probabilities.T, strict=True):
        axes.plot(times, np.insert(values, pauses, np.nan), marker=".", label=label)
    if prediction.reject_below:
        axes.axhline(prediction.reject_below, color="grey", linestyle=":", label="uncertain below")
    axes.set(xlim=(0, prediction.seconds), ylim=(0, 1), xlabel="seconds", ylabel="probability")
    axes.set_title(title if prediction.has_speech else f"{title}: no speech", parse_math=False)
    legend = figure.legend(loc="outside lower center", ncols=len(prediction.labels) + 1, fontsize="small")
    for text in legend.get_texts():
        text.set_parse_math(False)
    files.write_bytes(path, encode_png(figure) if path.lower().endswith(".png") else _encode_svg(figure))


def _encode_svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "ser-tinyml"}):  # else its identifiers are by chance
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
