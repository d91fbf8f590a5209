"""Samples -> power spectra -> MFCCs: librosa's values in less time."""

import dataclasses
import functools

import numpy as np
import scipy.fft

from schemas.front_end import FrontEnd
from ser_tinyml.audio.mel import mel_edges, mel_filterbank
from ser_tinyml.audio.resample import fix_length
from ser_tinyml.audio.spectral import stft


def compute_mfcc(samples: np.ndarray, front_end: FrontEnd, padding: str) -> np.ndarray:
    """Returns the MFCCs of one window, within 1e-3 of `librosa.feature.mfcc`.

    Args:
      samples: float32 [samples] at the front end's rate; what is beyond the window is cut off.
      front_end: its parameters.
      padding: how a shorter signal fills the window. "waveform": silence behind it, as a device would hear it.
        "features": zero frames before its features, as the original notebook did.

    Returns:
      float32 [n_frames, n_mfcc].
    """
    mfcc = mfcc_of_power(compute_power(samples, front_end, padding), front_end)
    return pad_frames(mfcc, front_end)


def compute_power(samples: np.ndarray, front_end: FrontEnd, padding: str) -> np.ndarray:
    """Returns the power spectra of one window's frames, float32 [frames, 1 + n_fft // 2]; arguments as of `compute_mfcc`."""
    if padding == "waveform" or len(samples) > front_end.window_samples:
        samples = fix_length(samples, front_end.window_samples)
    spectra = stft(samples, front_end.n_fft, front_end.hop_length, front_end.center)
    return np.square(spectra.real) + np.square(spectra.imag)


def mfcc_of_power(power: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """Returns float32 [frames, n_mfcc] of the power spectra of one window's frames."""
    log_mel = 10 * np.log10(np.maximum(_mel_bands(front_end).apply(power), np.float32(front_end.amin)))
    log_mel = np.maximum(log_mel, log_mel.max() - np.float32(front_end.floor_depth_db))
    return scipy.fft.dct(log_mel, norm="ortho")[:, : front_end.n_mfcc]


def pad_frames(values: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """Puts frames of zeros before [frames, columns] that are fewer than a window's."""
    missing = front_end.n_frames - len(values)
    return np.concatenate([np.zeros((missing, values.shape[1]), np.float32), values])


@dataclasses.dataclass(frozen=True)
class _MelBands:
    """A bank of triangles: between two neighbouring corners one band rises while the one before it falls."""

    weights: np.ndarray  # complex64 [bins]: on the falling side (real) and on the rising side (imaginary)
    gaps: np.ndarray  # the gaps between corners that hold a bin
    starts: np.ndarray  # the first bin of each of these
    n_mels: int

    def apply(self, power: np.ndarray) -> np.ndarray:
        """Maps float32 [frames, bins] to [frames, n_mels]. Not as a matrix product: how BLAS sums depends on its threads."""
        sides = np.zeros((len(power), self.n_mels + 1), np.complex64)
        sides[:, self.gaps] = np.add.reduceat(power[:, : len(self.weights)] * self.weights, self.starts, axis=1)
        return sides.imag[:, :-1] + sides.real[:, 1:]

    @classmethod
    def from_front_end(cls, front_end: FrontEnd) -> "_MelBands":
        filterbank = mel_filterbank(front_end)
        edges = mel_edges(front_end)
        weights = np.zeros(edges[-1], np.complex64)
        for band, triangle in enumerate(filterbank):
            low, peak, high = edges[band : band + 3]
            weights.imag[low:peak] = triangle[low:peak]
            weights.real[peak:high] = triangle[peak:high]
        gaps = np.flatnonzero(np.diff(edges))
        return cls(weights, gaps, starts=edges[gaps], n_mels=front_end.n_mels)


@functools.lru_cache(8)
def _mel_bands(front_end: FrontEnd) -> _MelBands:
    return _MelBands.from_front_end(front_end)
