"""Where in a recording the windows are that a device would decide about."""

import numpy as np

from schemas.front_end import FrontEnd
from ser_tinyml.audio.resample import fix_length

_FRAME = 0.02  # s
_GATE = -30.0  # dB: speech is what is at most so far below the loudest frame


def find_speech(samples: np.ndarray, sample_rate: int) -> tuple[int, int]:
    """Returns the first sample of what is speech by its energy, and the one behind the last.

    Args:
      samples: float32 [samples], not all zero.
      sample_rate: Hz.
    """
    size = round(_FRAME * sample_rate)
    frames = fix_length(samples, -(-len(samples) // size) * size).reshape(-1, size)
    energy = np.mean(np.square(frames, dtype=np.float64), axis=1)
    (active,) = np.nonzero(energy >= energy.max() * 10 ** (_GATE / 10))
    return int(active[0]) * size, min((int(active[-1]) + 1) * size, len(samples))


def place_windows(samples: np.ndarray, front_end: FrontEnd) -> list[int]:
    """Returns the starts, in samples, of the windows that cover the speech in float32 [samples]."""
    begin, end = find_speech(samples, front_end.sample_rate)
    return window_starts(begin, end, front_end)


def window_starts(begin: int, end: int, front_end: FrontEnd) -> list[int]:
    """Returns where the windows of an utterance start that speaks from sample `begin` to `end`.

    This is the one rule for where windows are; `firmware/app/ser_windows.h` is the same in C. The first window starts
    `lead_samples` before the speech, but not before the recording; there is a further one every `window_hop_samples` while
    speech goes on behind the end of the window before.
    """
    first = max(0, begin - front_end.lead_samples)
    behind = max(0, end - front_end.window_samples - first)
    count = 1 + -(-behind // front_end.window_hop_samples)
    return [first + front_end.window_hop_samples * n for n in range(count)]


def cut_window(samples: np.ndarray, start: int, window: int) -> np.ndarray:
    """Returns `window` samples from `start` on, with silence where there are none."""
    return fix_length(samples[start : start + window], window)
