"""Probabilities over time, drawn with characters."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ser_tinyml.prediction.model import Prediction

LEVELS = "▁▂▃▄▅▆▇█"
_NO_SPEECH = "·"
_TICKS = 4


def draw_over_time(prediction: "Prediction", columns: int) -> list[str]:
    """Returns a line a class, time from left to right, and one of seconds; where nobody speaks there are dots.

    Args:
      prediction: of a recording.
      columns: of the terminal.
    """
    margin = max(map(len, prediction.labels)) + 4
    width = max(_TICKS * 8, columns - margin - 1)
    times = (np.arange(width) + 0.5) * prediction.seconds / width
    window = _find_window(prediction, times)
    lines = []
    for number, label in enumerate(prediction.labels):
        cells = [
            LEVELS[round(float(prediction.window_probabilities[at, number]) * (len(LEVELS) - 1))]
            if at >= 0
            else _NO_SPEECH
            for at in window
        ]
        lines.append(f"  {label:{margin - 2}}{''.join(cells)}")
    ticks = [f"{step * prediction.seconds / _TICKS:.1f} s" for step in range(_TICKS)]
    return [*lines, " " * margin + "".join(tick.ljust(width // _TICKS) for tick in ticks).rstrip()]


def _find_window(prediction: "Prediction", times: np.ndarray) -> list[int]:
    """Returns for each time, in s, the window whose middle is nearest among those that hold it; -1 where none does."""
    if not prediction.has_speech:
        return [-1] * len(times)
    half = prediction.window_seconds / 2
    apart = np.abs(times[:, np.newaxis] - (prediction.window_starts + half))
    nearest = apart.argmin(axis=1)
    return np.where(apart[np.arange(len(times)), nearest] <= half, nearest, -1).tolist()
