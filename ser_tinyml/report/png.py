"""Matplotlib figures as PNG, for the steps that draw."""

import io

import matplotlib

matplotlib.use("Agg")  # no screen is needed
from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure of a size in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def encode_png(figure: Figure) -> bytes:
    """Returns the figure as PNG at 100 dots an inch, without the name and version of what drew it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()
