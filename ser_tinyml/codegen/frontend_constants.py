"""The front end's constants as `firmware/frontend` takes them: sizes, window, mel bands, DCT, quantization."""

import dataclasses
import math

import numpy as np

from schemas.front_end import CMVN_MEMORY_WINDOWS, PROSODY, FrontEnd, Standardisation
from ser_tinyml.audio.mel import dct_matrix, hann_window, loudest_power, mel_corners, mel_edges, mel_heights
from ser_tinyml.audio.prosody import LOWEST_PITCH_HZ, PitchSearch, energy_norm
from ser_tinyml.codegen.c_text import c_float
from ser_tinyml.runtimes.int8 import Quantization

_LEVELS = 2**16  # of a cell of the log-mel spectrogram in 16 bits
_POWER_UNIT = (
    4 * 2**15
) ** 2  # of a bin in C: its samples are integers of 16 bits, and its spectrum is 4 times as large


@dataclasses.dataclass(frozen=True)
class Define:
    """A macro: its name, its value as C text, and what it means."""

    name: str
    value: int | str
    comment: str
    trained: bool = False  # whether each training decides it anew


@dataclasses.dataclass(frozen=True)
class Table:
    """A constant array: its declarator (`ser_dct[SER_N_MFCC][64]`), what it means, and its values (floats, or of a C type)."""

    declarator: str
    comment: str
    values: np.ndarray
    trained: bool = False  # whether each training decides them anew

    @property
    def name(self) -> str:
        """Returns the array's name."""
        return self.declarator.partition("[")[0]

    @property
    def c_type(self) -> str:
        """Returns the type of an element in C."""
        return "float" if self.values.dtype.kind == "f" else f"{self.values.dtype}_t"


def list_defines(front_end: FrontEnd) -> list[Define]:
    """Returns the macros that describe the front end, and where windows are."""
    silence = 10 * math.log10(front_end.amin)
    facts: list[tuple[str, int | str, str]] = [
        ("SER_SAMPLE_RATE", front_end.sample_rate, "Hz"),
        ("SER_WINDOW_SAMPLES", front_end.window_samples, "samples of one inference"),
        ("SER_WINDOW_HOP_SAMPLES", front_end.window_hop_samples, "from one window of an utterance to the next"),
        ("SER_LEAD_SAMPLES", front_end.lead_samples, "of an utterance's first window, before its speech begins"),
        ("SER_WINDOW_STEP_SAMPLES", front_end.window_step_samples, "of which a window's start is a multiple"),
        ("SER_SHARES_FRAMES", int(front_end.shares_frames), "windows have frames in common, which are computed once"),
        ("SER_STREAMING", int(front_end.streaming), "the network goes on from window to window of an utterance"),
        (
            "SER_CMVN_PRIOR_WINDOWS",
            front_end.cmvn_prior_windows,
            "0: ser_quantize standardises; else what was heard does",
        ),
        ("SER_CMVN_MEMORY_WINDOWS", CMVN_MEMORY_WINDOWS, "of what was heard; older windows fade"),
        ("SER_N_FFT", front_end.n_fft, "samples of a frame; the window function is a periodic Hann"),
        ("SER_FFT_POINTS", front_end.n_fft // 2, "of the complex FFT that a frame's real samples take"),
        ("SER_HOP_LENGTH", front_end.hop_length, "samples between frames"),
        ("SER_CENTER", int(front_end.center), "whether frame 0 lies around a window's first sample, or begins with it"),
        ("SER_N_MELS", front_end.n_mels, "mel bands: Slaney's, with Slaney normalisation"),
        ("SER_FMIN", c_float(front_end.fmin), "Hz, where the lowest band begins"),
        ("SER_FMAX", c_float(front_end.fmax), "Hz, where the highest band ends"),
        ("SER_N_FRAMES", front_end.n_frames, "frames of one inference"),
        ("SER_N_MFCC", front_end.n_mfcc, "coefficients a frame"),
        ("SER_N_PROSODY", len(front_end.prosody), "values behind them: pitch, voicing, energy"),
        ("SER_N_FEATURES", front_end.n_features, "values a frame, in all"),
        ("SER_AMIN", c_float(front_end.amin), "floor of a mel band's power"),
        ("SER_TOP_DB", c_float(front_end.top_db), "floor below the window's loudest cell, dB; 0: none"),
        ("SER_LOG2_AMIN", c_float(math.log2(front_end.amin)), "level 0 of the log-mel spectrogram"),
        ("SER_LEVELS_PER_OCTAVE", c_float(_levels_per_octave(front_end)), "of power; 16 bits reach up to full scale"),
        ("SER_TOP_LEVELS", c_float(top_levels(front_end)), "top_db in levels"),
        ("SER_SILENT_MFCC0", c_float(dct_matrix(front_end)[0].sum() * silence), "MFCC 0 of bands at level 0"),
        ("SER_DB_PER_LEVEL", c_float(db_per_level(front_end)), "of a mel band, and of the energy"),
    ]
    return [Define(*fact) for fact in facts + (_list_prosody_defines(front_end) if front_end.prosody else [])]


def _list_prosody_defines(front_end: FrontEnd) -> list[tuple[str, int | str, str]]:
    search = PitchSearch.from_front_end(front_end)
    norm = energy_norm(front_end) / _POWER_UNIT
    octaves = math.log2(search.rate / LOWEST_PITCH_HZ)
    has = [(f"SER_HAS_{name.upper()}", int(name in front_end.prosody), "a column of its own") for name in PROSODY]
    return [
        *has,
        ("SER_PITCH_FIRST_BIN", search.first_bin, "of the spectrum, the lowest by which pitch is found"),
        ("SER_PITCH_BINS", search.n_bins, "bins of the spectrum below 2 kHz, by which pitch is found"),
        ("SER_PITCH_FIRST", search.first, "the shortest lag that is a period, in steps of two samples"),
        ("SER_PITCH_LAST", search.last, "the longest"),
        ("SER_PITCH_OCTAVES", c_float(octaves), "of a lag of one step above the lowest pitch"),
        ("SER_ENERGY_NORM", c_float(norm), "of a power spectrum's sum, to the mean square of a frame"),
        ("SER_SILENT_DB", c_float(10 * math.log10(front_end.amin)), "the energy of level 0"),
    ]


def list_tables(front_end: FrontEnd, standardisation: Standardisation, model_input: Quantization) -> list[Table]:
    """Returns the arrays that the front end works with; `model_input` is how the int8 model's input is quantized."""
    mean, deviation = np.array(standardisation.mean), np.array(standardisation.deviation)
    gain = 1 / (deviation * float(model_input.scale))
    offset = model_input.zero_point - mean * gain
    facts = [
        (
            "ser_hann[SER_N_FFT / 2 + 1]",
            "Twice the periodic Hann window's rising half: 1 - cos.",
            2 * hann_window(front_end.n_fft)[: front_end.n_fft // 2 + 1],
        ),
        (
            "ser_fft_order[SER_FFT_POINTS]",
            "Where in a frame's buffer bin k is.",
            _fft_order(front_end.n_fft // 2),
        ),
        (
            "ser_mel_edges[SER_N_MELS + 2]",
            "The first bin at or above each of the mel bands' corners.",
            mel_edges(front_end).astype(np.uint16),
        ),
        (
            "ser_mel_falling[SER_N_MELS + 1][2]",
            "Between corners g and g + 1 a triangle falls by [0] a bin, to [1] at the last bin.",
            falling_sides(front_end),
        ),
        (
            "ser_mel_norm[SER_N_MELS]",
            "Heights of the triangles (Slaney's norm), for samples of 16 bits and a spectrum 4 times as large as it is.",
            mel_heights(front_end) / _POWER_UNIT,
        ),
        (
            "ser_dct[SER_N_MFCC][(SER_N_MELS + 1) / 2]",
            "The DCT's rows, in dB a level; row k's other half is (-1)^k times this one, mirrored.",
            left_half(dct_matrix(front_end)) * db_per_level(front_end),
        ),
        (
            "ser_quantize[SER_N_FEATURES][2]",
            "int8 = round(value * [0] + [1]): standardised, and on the scale of the model's input.",
            np.stack([gain, offset], axis=1),
            True,
        ),
        (
            "ser_feature_mean[SER_N_FEATURES]",
            "The standardisation's means: the model takes (value - mean) / deviation. ser_quantize has both in it.",
            mean,
            True,
        ),
        ("ser_feature_deviation[SER_N_FEATURES]", "The standardisation's deviations.", deviation, True),
    ]
    return [Table(*fact) for fact in facts + (_list_prosody_tables(front_end) if front_end.prosody else [])]


def _list_prosody_tables(front_end: FrontEnd) -> list[tuple[str, str, np.ndarray]]:
    search = PitchSearch.from_front_end(front_end)
    cost = np.concatenate([np.zeros(search.first), search.cost])
    return [
        ("ser_pitch_gain[SER_PITCH_LAST + 2]", "One over the window's autocorrelation at a lag.", 1 / search.window),
        ("ser_pitch_cost[SER_PITCH_LAST + 1]", "What a lag pays: twice a period is one, too.", cost),
    ]


def db_per_level(front_end: FrontEnd) -> float:
    """Returns the dB of a step of a cell of the log-mel spectrogram."""
    return 10 * math.log10(2) / _levels_per_octave(front_end)


def top_levels(front_end: FrontEnd) -> float:
    """Returns `top_db` in levels; without it, so many that the floor is below all levels."""
    return min(front_end.floor_depth_db / db_per_level(front_end), _LEVELS)


def _levels_per_octave(front_end: FrontEnd) -> int:
    """Returns the finest number with which 16 bits reach from amin to the loudest cell that there can be."""
    return math.floor((_LEVELS - 1) / math.log2(loudest_power(front_end) / front_end.amin))


def reverse_digits(radices: list[int]) -> np.ndarray:
    """Returns where bin k is after a transform in place, with stages of these radices: the digits of k, in reverse.

    Returns:
      uint16 [product of radices].
    """
    return np.arange(math.prod(radices)).reshape(radices).T.ravel().astype(np.uint16)


def _fft_order(points: int) -> np.ndarray:
    """Returns the index of each bin's real part in what CMSIS-DSP's FFT leaves without its bit reversal, uint16 [points].

    It has a first stage of radix 1, 2 or 4 and others of radix 8.
    """
    octal_digits = (points.bit_length() - 1) // 3
    return 2 * reverse_digits([points >> 3 * octal_digits] + [8] * octal_digits)


def falling_sides(front_end: FrontEnd) -> np.ndarray:
    """Returns, between two corners, by how much a triangle of height 1 falls a bin, and its weight at the last bin.

    The next triangle rises to 1 less that.

    Returns:
      float64 [n_mels + 1, 2].
    """
    bins = mel_corners(front_end) * (front_end.n_fft / front_end.sample_rate)
    slopes = 1 / np.diff(bins)
    return np.stack([slopes, (bins[1:] - mel_edges(front_end)[1:] + 1) * slopes], axis=1)


def left_half(dct: np.ndarray) -> np.ndarray:
    """Returns the left half of the DCT's rows, float64 [n_mfcc, (n_mels + 1) // 2].

    A column in the middle is its own mirror image: it is met twice, so it is halved.
    """
    half = dct[:, : (dct.shape[1] + 1) // 2].copy()
    if dct.shape[1] % 2:
        half[:, -1] /= 2
    return half
