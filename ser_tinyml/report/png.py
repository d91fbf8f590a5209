"""Matplotlib figures as PNG, for the steps that draw."""

import io

import matplotlib
import numpy as np

matplotlib.use("Agg")  # no screen is needed
import matplotlib.image
from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure of a size in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def encode_png(figure: Figure) -> bytes:
    """Returns the figure as PNG at 100 dots an inch, without the name and version of what drew it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()


def decode_png(content: bytes) -> np.ndarray:
    """Returns the pixels of a PNG, float32 [height, width, channels] from 0 to 1."""
    return matplotlib.image.imread(io.BytesIO(content), format="png")
