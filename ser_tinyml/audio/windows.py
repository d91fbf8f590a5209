"""Where in a recording the windows are that a device would decide about."""

import numpy as np

from schemas.front_end import FrontEnd
from ser_tinyml.audio.resample import fix_length

_BLOCK = 0.02  # s
BURST_BLOCKS = 4  # blocks in a row that the device's gate needs to open: SER_VAD_OPEN_BLOCKS of firmware/app/ser_vad.h
GATE_DB = -30.0  # dB: speech is what is at most so far below the loudest part
FLOOR_DB = -70.0  # dB full scale: the lowest level that the device's gate knows, SER_VAD_QUIETEST_DB
OPEN_DB = 12.0  # dB that speech is above what is quiet: SER_VAD_OPEN_DB
SILENCE_DB = -86.0  # dB full scale: above the dither of 16 bits; nothing is taken to be quieter
QUIET_SHARE = 0.05  # of the blocks: an encoder's silence before or behind a sound is shorter


def find_speech(samples: np.ndarray, sample_rate: int) -> tuple[int, int]:
    """Returns the first sample of what is speech by its energy, and the one behind the last.

    A block of 20 ms has the level of what is left when its offset is taken off. A burst of fewer than four blocks, as a click,
    neither is speech nor counts as the loudest part. What is below -70 dB full scale is speech only where nothing is louder.

    Args:
      samples: float32 [samples], not all zero.
      sample_rate: Hz.
    """
    powers = measure_blocks(samples, sample_rate)
    return find_speech_in(powers, len(samples), sample_rate)


def block_samples(sample_rate: int) -> int:
    """Returns the samples of a block of 20 ms."""
    return round(_BLOCK * sample_rate)


def measure_blocks(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Returns the power of each block of float32 [samples], float64 [blocks]; silence fills the last one.

    It is of what is left without the block's offset, and is times the block's samples squared, for sums to stay exact.
    """
    size = block_samples(sample_rate)
    blocks = fix_length(samples, -(-len(samples) // size) * size).reshape(-1, size).astype(np.float64)
    return size * np.square(blocks).sum(axis=1) - np.square(blocks.sum(axis=1))


def find_speech_in(powers: np.ndarray, length: int, sample_rate: int) -> tuple[int, int]:
    """Does what `find_speech` does, of the powers of all blocks of so many samples."""
    size = block_samples(sample_rate)
    (active,) = np.nonzero(find_active(powers, sample_rate))
    return int(active[0]) * size, min((int(active[-1]) + 1) * size, length)


def find_active(powers: np.ndarray, sample_rate: int) -> np.ndarray:
    """Tells which of all blocks of a recording are speech by their energy, bool [blocks]."""
    lasting = _without_bursts(powers)
    loudest = lasting.max()
    floor = 10 ** (FLOOR_DB / 10) * block_samples(sample_rate) ** 2
    least = loudest * 10 ** (GATE_DB / 10)
    return lasting >= (max(least, floor) if loudest >= floor else least)


def holds_speech(powers: np.ndarray, sample_rate: int) -> bool:
    """Tells whether a recording's loudest blocks are as far above its quiet ones as the device's gate asks of speech.

    The loudest blocks count where they last as long as a gate needs to open, and the quiet ones are a twentieth of all.

    Args:
      powers: of all its blocks, as `measure_blocks` gives them.
      sample_rate: Hz.
    """
    silence = 10 ** (SILENCE_DB / 10) * block_samples(sample_rate) ** 2
    quiet = max(float(np.quantile(powers, QUIET_SHARE)), silence)
    return bool(_without_bursts(powers).max() >= 10 ** (OPEN_DB / 10) * quiet)


def _without_bursts(power: np.ndarray) -> np.ndarray:
    """Returns for each block the most that it and its neighbours hold for `BURST_BLOCKS` blocks in a row, float64 [blocks]."""
    length = min(BURST_BLOCKS, len(power))
    held = np.lib.stride_tricks.sliding_window_view(power, length).min(axis=1)
    padded = np.pad(held, length - 1, constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(padded, length).max(axis=1)


def place_windows(samples: np.ndarray, front_end: FrontEnd) -> list[int]:
    """Returns the starts, in samples, of the windows that cover the speech in float32 [samples]."""
    begin, end = find_speech(samples, front_end.sample_rate)
    return window_starts(begin, end, front_end)


def window_starts(begin: int, end: int, front_end: FrontEnd) -> list[int]:
    """Returns where the windows of an utterance start that speaks from sample `begin` to `end`.

    This is the one rule for where windows are; `firmware/app/ser_windows.h` is the same in C. The first window starts
    `lead_samples` before the speech, but not before the recording, and where windows share frames at the step before; there is
    a further one every `window_hop_samples` while speech goes on behind the end of the window before.
    """
    first = max(0, begin - front_end.lead_samples) // front_end.window_step_samples * front_end.window_step_samples
    behind = max(0, end - front_end.window_samples - first)
    count = 1 + -(-behind // front_end.window_hop_samples)
    return [first + front_end.window_hop_samples * n for n in range(count)]


def cut_window(samples: np.ndarray, start: int, window: int) -> np.ndarray:
    """Returns `window` samples from `start` on, with silence where there are none."""
    return fix_length(samples[start : start + window], window)
