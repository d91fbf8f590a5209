"""Confusion matrices and training curves as PNG."""

import csv
import io
import itertools
from collections.abc import Sequence

import numpy as np

from ser_tinyml.report.png import encode_png, new_figure


def draw_confusion(matrix: np.ndarray, labels: Sequence[str], title: str) -> bytes:
    """Returns a PNG of int64 [classes, classes]; rows are true classes. The colour is the share of a row."""
    figure = new_figure(4.2, 3.8)
    axes = figure.add_subplot()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*matrix.shape):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(matrix[row, column]), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(labels)), labels, rotation=30, ha="right", parse_math=False)
    axes.set_yticks(range(len(labels)), labels, parse_math=False)
    axes.set(title=title, xlabel="predicted", ylabel="true")
    return encode_png(figure)


def draw_curves(history_csv: str, best_epoch: int) -> bytes:
    """Returns a PNG of loss, accuracy and UAR by epoch, training and validation, with the epoch whose weights were kept.

    Each stage of training, and each member of an ensemble, has curves of its own.
    """
    rows = list(csv.DictReader(io.StringIO(history_csv)))
    stages = [list(of_stage) for _, of_stage in itertools.groupby(rows, key=lambda row: row["stage"])]
    figure = new_figure(13, 3.4)
    for axes, name in zip(figure.subplots(1, 3), ("loss", "accuracy", "uar"), strict=True):
        for number, of_stage in enumerate(stages):
            epochs = [int(row["epoch"]) for row in of_stage]
            for column, label, colour in ((name, "training", "C0"), (f"val_{name}", "validation", "C1")):
                axes.plot(epochs, [float(row[column]) for row in of_stage], colour, label=None if number else label)
        axes.axvline(best_epoch, color="grey", linestyle=":", label="weights kept")
        axes.set(xlabel="epoch", ylabel="UAR" if name == "uar" else name)
        axes.legend()
    return encode_png(figure)
