"""The constants of `firmware/frontend/ser_frames_fixed.c`: those of the front end in integers.

A number in Qn is an integer in steps of 2^-n. In C a frame's spectrum is the true one times 2^(27 + headroom) over
the FFT's points, where the headroom is each frame's own; the rest is in the offsets behind the logarithms.
"""

import math
from typing import Any

import numpy as np

from schemas.front_end import FrontEnd, Standardisation
from ser_tinyml.audio.mel import dct_matrix, mel_edges, mel_heights
from ser_tinyml.audio.prosody import LOWEST_PITCH_HZ, PitchSearch, energy_norm
from ser_tinyml.codegen.frontend_constants import (
    Define,
    Table,
    db_per_level,
    falling_sides,
    left_half,
    reverse_digits,
    top_levels,
)
from ser_tinyml.runtimes.int8 import Quantization

_LEVEL, _OCTAVE, _GAIN = 8, 20, 26  # n of Qn: levels; pitch and voicing; the window's autocorrelation
_SUM_BITS = 55  # of a spectrum's sum, at most: by Parseval's theorem, of samples below 2^28


def make_fixed_constants(
    front_end: FrontEnd, standardisation: Standardisation, model_input: Quantization
) -> tuple[list[Define], list[Table]]:
    """Returns the macros and arrays that the front end in integers needs beside those of `frontend_constants.py`.

    Args:
      front_end: its parameters.
      standardisation: of each feature.
      model_input: how the int8 model's input is quantized.
    """
    gain, offset, shift = _quantize(front_end, standardisation, model_input)
    return _list_defines(front_end, shift), _list_tables(front_end, gain, offset)


def _list_defines(front_end: FrontEnd, shift: int) -> list[Define]:
    facts: list[tuple[Any, ...]] = [
        ("SER_POWER_SHIFT", _power_shift(front_end), "bits that a bin's power gives up, so that a band's sums fit 64"),
        ("SER_TOP_LEVELS_Q8", _to_fixed(top_levels(front_end), _LEVEL), "top_db in levels"),
        ("SER_FEATURE_SHIFT", shift, "bits behind the point of ser_feature_gain and ser_feature_offset", True),
    ]
    if front_end.prosody:
        octaves = math.log2(front_end.sample_rate / 2 / LOWEST_PITCH_HZ)
        facts += [
            (
                "SER_ENERGY_OFFSET_Q24",
                int(_offset(energy_norm(front_end), front_end)),
                "of a spectrum's sum, as of a band's",
            ),
            ("SER_PITCH_OCTAVES_Q20", _to_fixed(octaves, _OCTAVE), "of a lag of one step above the lowest pitch"),
        ]
    return [Define(*fact) for fact in facts]


def _list_tables(front_end: FrontEnd, gain: np.ndarray, offset: np.ndarray) -> list[Table]:
    n_fft, points = front_end.n_fft, front_end.n_fft // 2
    fours = (points.bit_length() - 1) // 2
    tables: list[tuple[Any, ...]] = [
        (
            "ser_cosine_q30[SER_N_FFT / 2 + 1]",
            "Cosines of half a turn: of the window, and of the transforms.",
            _to_fixed_array(np.cos(2 * np.pi * np.arange(points + 1) / n_fft), 30),
        ),
        (
            "ser_radix4_order[SER_FFT_POINTS]",
            "Where bin k is after stages of radix 4, and one of radix 2 if need be.",
            reverse_digits([4] * fours + [points >> 2 * fours]),
        ),
        (
            "ser_mel_falling_q31[SER_N_MELS + 1][2]",
            "ser_mel_falling; 0 where there are no bins to count.",
            _falling_q31(front_end),
        ),
        (
            "ser_mel_offset_q24[SER_N_MELS]",
            "Octaves from a band's sum to its power above SER_AMIN.",
            _offset(mel_heights(front_end), front_end),
        ),
        (
            "ser_dct_q30[SER_N_MFCC][(SER_N_MELS + 1) / 2]",
            "ser_dct, without its dB.",
            _to_fixed_array(left_half(dct_matrix(front_end)), 30),
        ),
        (
            "ser_feature_gain[SER_N_FEATURES]",
            "int8 = (value * gain + offset) >> SER_FEATURE_SHIFT, of MFCCs and energy in levels (Q8), pitch and voicing (Q20).",
            gain,
            True,
        ),
        ("ser_feature_offset[SER_N_FEATURES]", "A half, by which the shift rounds, is in it.", offset, True),
    ]
    if front_end.prosody:
        search = PitchSearch.from_front_end(front_end)
        cost = np.concatenate([np.zeros(search.first), search.cost])
        tables += [
            ("ser_pitch_gain_q26[SER_PITCH_LAST + 2]", "ser_pitch_gain.", _to_fixed_array(1 / search.window, _GAIN)),
            ("ser_pitch_cost_q26[SER_PITCH_LAST + 1]", "ser_pitch_cost.", _to_fixed_array(cost, _GAIN)),
        ]
    return [Table(*table) for table in tables]


def _to_fixed(value: float, bits: int) -> int:
    return round(value * 2**bits)


def _to_fixed_array(values: np.ndarray, bits: int) -> np.ndarray:
    return np.round(values * 2.0**bits).astype(np.int32)


def _power_shift(front_end: FrontEnd) -> int:
    """Returns by how much powers must be shifted so that the sum of a gap, times its bins, stays below 2^64."""
    widest = int(np.diff(mel_edges(front_end)).max())
    return max(0, _SUM_BITS + widest.bit_length() - 63)


def _offset(factor: float | np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """Returns octaves in Q24 from a sum of C's powers at no headroom to what `factor` makes of the true one, above amin."""
    scale = 2 * (math.log2(front_end.n_fft // 2) - 27) + _power_shift(front_end)
    return _to_fixed_array(np.log2(factor) + scale - math.log2(front_end.amin), 24)


def _falling_q31(front_end: FrontEnd) -> np.ndarray:
    sides, bins = falling_sides(front_end), np.diff(mel_edges(front_end))
    met = np.stack([bins > 1, bins > 0], axis=1)
    return np.round(np.where(met, np.clip(sides, 0, 1), 0) * 2.0**31).astype(np.uint32)


def _quantize(
    front_end: FrontEnd, standardisation: Standardisation, model_input: Quantization
) -> tuple[np.ndarray, np.ndarray, int]:
    """Returns gains and offsets from values in fixed point to int8, and the bits behind their point: as many as fit."""
    db = db_per_level(front_end) / 2**_LEVEL
    silence = 10 * math.log10(front_end.amin)
    unit = {"pitch": 2.0**-_OCTAVE, "voicing": 2.0**-_OCTAVE, "energy": db}
    units = np.array([db] * front_end.n_mfcc + [unit[name] for name in front_end.prosody])
    at_zero = np.zeros(front_end.n_features)
    at_zero[0] = dct_matrix(front_end)[0].sum() * silence
    at_zero[front_end.n_mfcc :] = [silence if name == "energy" else 0 for name in front_end.prosody]
    per_value = 1 / (np.array(standardisation.deviation) * float(model_input.scale))
    gain = per_value * units
    offset = model_input.zero_point + (at_zero - np.array(standardisation.mean)) * per_value + 0.5
    shift = min(31 - math.frexp(gain.max())[1], 61 - math.frexp(np.abs(offset).max())[1])
    return _to_fixed_array(gain, shift), np.round(offset * 2.0**shift).astype(np.int64), shift
