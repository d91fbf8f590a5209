"""Power spectra -> pitch, voicing and energy of each frame: what MFCCs, which smooth the harmonics away, say little of."""

import dataclasses
import functools

import numpy as np
import scipy.fft

from schemas.front_end import FrontEnd
from ser_tinyml.audio.mel import bin_frequencies, hann_window, mel_edges

LOWEST_PITCH_HZ, HIGHEST_PITCH_HZ = 62.5, 500.0
HARMONICS_HZ = 2000.0  # of the spectrum, what is below: above, harmonics are weak and noise is not
OCTAVE_COST = 0.02  # of the autocorrelation, for a period of twice the length


@dataclasses.dataclass(frozen=True)
class PitchSearch:
    """Where a frame's period is looked for: in the autocorrelation of its sound below 2 kHz, which is periodic as it is.

    Sound below `fmin` is left out, as of the mel bands: hum is periodic, too, and a voice without its lowest tone keeps its
    period. The autocorrelation is the inverse Fourier transform of the power spectrum. Its lags are two samples apart: half as
    many points as the frame has samples hold the harmonics. It falls with the lag as the window's own does, which is divided by
    (Boersma, "Accurate short-term analysis of the fundamental frequency", 1993). Twice a period is one, too: longer lags pay.
    """

    n_points: int  # of the inverse transform
    first_bin: int  # of the power spectrum, the lowest that the mel bands hear, but no constant, as in firmware
    n_bins: int  # of the power spectrum, those below 2 kHz
    rate: float  # Hz, of the lags
    first: int  # the shortest lag
    last: int  # the longest
    window: np.ndarray  # float64 [last + 2], the window's autocorrelation at each lag, 1 at lag 0
    cost: np.ndarray  # float64 [last + 1 - first], what a lag pays

    @classmethod
    def from_front_end(cls, front_end: FrontEnd) -> "PitchSearch":
        """Returns the search in a front end's frames; `limits.check_front_end` tells which are too short for one."""
        n_points, rate = front_end.n_fft // 2, front_end.sample_rate / 2
        n_bins = min(int(np.searchsorted(bin_frequencies(front_end), HARMONICS_HZ)), n_points // 2)
        first, last = int(rate // HIGHEST_PITCH_HZ), int(-(-rate // LOWEST_PITCH_HZ))
        spectrum = np.square(np.abs(np.fft.rfft(hann_window(front_end.n_fft))))
        window = np.fft.irfft(spectrum)[: 2 * (last + 2) : 2]
        cost = OCTAVE_COST * np.log2(np.arange(first, last + 1) / first)
        first_bin = heard_bins(front_end).start
        return cls(n_points, first_bin, n_bins, rate, first=first, last=last, window=window / window[0], cost=cost)


def compute_prosody(power: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """Returns the columns of prosody that a front end has.

    pitch: octaves above 62.5 Hz of the frame's strongest period between 62.5 and 500 Hz, of a voice or not. voicing: the
    autocorrelation at that period, from 0 to 1. energy: level of what the mel bands hear, dB of full scale, not below `top_db`
    under the window's loudest frame, or, without it, `amin`. Digital silence has a pitch and a voicing of 0.

    Args:
      power: [frames, 1 + n_fft // 2], the squared magnitudes of the windowed frames' spectra.
      front_end: says which columns.

    Returns:
      float32 [frames, columns].
    """
    columns = {}
    if {"pitch", "voicing"}.intersection(front_end.prosody):
        columns["pitch"], columns["voicing"] = _find_pitch(power, _search(front_end))
    if "energy" in front_end.prosody:
        columns["energy"] = _measure_energy(power, front_end)
    return np.stack([columns[name] for name in front_end.prosody], axis=1).astype(np.float32)


def _find_pitch(power: np.ndarray, search: PitchSearch) -> tuple[np.ndarray, np.ndarray]:
    spectrum = np.zeros((len(power), search.n_points // 2 + 1))
    heard = slice(search.first_bin, search.n_bins)
    spectrum[:, heard] = power[:, heard]
    correlation = scipy.fft.irfft(spectrum, search.n_points)
    total = correlation[:, :1]
    relative = correlation[:, : search.last + 2] / np.where(total > 0, total, 1) / search.window
    lag = search.first + (relative[:, search.first : search.last + 1] - search.cost).argmax(axis=1)
    before, peak, after = (relative[np.arange(len(lag)), lag + step] for step in (-1, 0, 1))
    bend = before - 2 * peak + after
    shift = np.where(bend < 0, (before - after) / (2 * np.where(bend < 0, bend, -1)), 0)  # the top of a parabola
    pitch = np.log2(search.rate / (lag + np.clip(shift, -0.5, 0.5)) / LOWEST_PITCH_HZ)
    sounds = total[:, 0] > 0
    return np.where(sounds, pitch, 0), np.where(sounds, np.clip(peak, 0, 1), 0)


def _measure_energy(power: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    bins, norm = _heard(front_end)
    energy = power[:, bins].sum(axis=1, dtype=np.float64) * norm
    level = 10 * np.log10(np.maximum(energy, front_end.amin))
    return np.maximum(level, level.max() - front_end.floor_depth_db)


def energy_norm(front_end: FrontEnd) -> float:
    """Returns the factor from a power spectrum's sum to the mean square of its frame's samples, as the window weights them."""
    return 2 / front_end.n_fft / float(np.square(hann_window(front_end.n_fft)).sum())


def heard_bins(front_end: FrontEnd) -> slice:
    """Returns the bins of a power spectrum that the mel bands hear, without a constant."""
    edges = mel_edges(front_end)
    return slice(max(int(edges[0]), 1), int(edges[-1]))


@functools.lru_cache(8)
def _heard(front_end: FrontEnd) -> tuple[slice, float]:
    """Returns `heard_bins` and `energy_norm`."""
    return heard_bins(front_end), energy_norm(front_end)


@functools.lru_cache(8)
def _search(front_end: FrontEnd) -> PitchSearch:
    return PitchSearch.from_front_end(front_end)
