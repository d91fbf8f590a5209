"""Where in a recording the windows are that a device would decide about."""

import numpy as np

from components.transform.resample import fix_length

LEAD = 0.1  # s of a window before speech begins
_FRAME = 0.02  # s
_GATE = -30.0  # dB: speech is what is at most so far below the loudest frame


def find_speech(samples: np.ndarray, sample_rate: int) -> tuple[int, int]:
    """(first, last + 1) sample of what is speech by its energy: the gate of a device, which knows the loudest frame.

    Args:
      samples: float32 [samples], not all zero.
      sample_rate: Hz.
    """
    size = round(_FRAME * sample_rate)
    frames = fix_length(samples, -(-len(samples) // size) * size).reshape(-1, size)
    energy = np.mean(np.square(frames, dtype=np.float64), axis=1)
    (active,) = np.nonzero(energy >= energy.max() * 10 ** (_GATE / 10))
    return int(active[0]) * size, min((int(active[-1]) + 1) * size, len(samples))


def place_windows(samples: np.ndarray, sample_rate: int, window: int, hop: float) -> list[int]:
    """Starts of the windows of `window` samples that cover the speech, one every `hop` seconds."""
    begin, end = find_speech(samples, sample_rate)
    first = max(0, begin - round(LEAD * sample_rate))
    step = round(hop * sample_rate)
    beyond = max(0, end - window - first)
    return [first + step * n for n in range(-(-beyond // step) + 1)]


def cut_window(samples: np.ndarray, start: int, window: int) -> np.ndarray:
    """`window` samples from `start` on, with silence where there are none."""
    return fix_length(samples[start : start + window], window)
