"""Training curves as PNG."""

import csv
import io

from ser_tinyml.report.png import encode_png, new_figure


def draw_curves(history_csv: str, best_epoch: int) -> bytes:
    """Returns a PNG of loss, accuracy and UAR by epoch, training and validation, with the epoch whose weights were kept."""
    rows = list(csv.DictReader(io.StringIO(history_csv)))
    epochs = [int(row["epoch"]) for row in rows]
    figure = new_figure(13, 3.4)
    for axes, name in zip(figure.subplots(1, 3), ("loss", "accuracy", "uar"), strict=True):
        axes.plot(epochs, [float(row[name]) for row in rows], label="training")
        axes.plot(epochs, [float(row[f"val_{name}"]) for row in rows], label="validation")
        axes.axvline(best_epoch, color="grey", linestyle=":", label="weights kept")
        axes.set(xlabel="epoch", ylabel="UAR" if name == "uar" else name)
        axes.legend()
    return encode_png(figure)
