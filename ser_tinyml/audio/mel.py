"""What a front end's parameters stand for: its window function, mel bands and DCT, as librosa 0.11 computes them."""

import numpy as np
import scipy.fft

from schemas.front_end import FrontEnd


def hann_window(length: int) -> np.ndarray:
    """Returns the periodic Hann window, float64 [length].

    Not SciPy's: that differs in its last bit, which changes the records of real recordings.
    """
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def bin_frequencies(front_end: FrontEnd) -> np.ndarray:
    """Returns what each bin of the spectrum stands for in Hz, float64 [1 + n_fft // 2]."""
    return np.arange(1 + front_end.n_fft // 2) * (front_end.sample_rate / front_end.n_fft)


def mel_corners(front_end: FrontEnd) -> np.ndarray:
    """Returns the mel bands' corners in Hz, float64 [n_mels + 2]. Band i rises from corner i to i + 1, and falls to i + 2.

    Corners lie in equal steps on Slaney's scale (Auditory Toolbox, 1998): linear to 1 kHz, 15 steps there, then 27 steps a
    factor of 6.4.
    """
    hz_a_mel, log_step = 200 / 3, np.log(6.4) / 27

    def to_mel(hz: float) -> float:
        return hz / hz_a_mel if hz < 1000 else 15 + np.log(hz / 1000) / log_step

    mels = np.linspace(to_mel(front_end.fmin), to_mel(front_end.fmax), front_end.n_mels + 2)
    return np.where(mels < 15, mels * hz_a_mel, 1000 * np.exp(log_step * (mels - 15)))


def mel_edges(front_end: FrontEnd) -> np.ndarray:
    """Returns the first bin at or above each of the mel bands' corners, int64 [n_mels + 2]."""
    return np.searchsorted(bin_frequencies(front_end), mel_corners(front_end))


def mel_filterbank(front_end: FrontEnd) -> np.ndarray:
    """Returns triangles of equal area (Slaney's norm), float32 [n_mels, 1 + n_fft // 2], like `librosa.filters.mel`."""
    corners, frequencies = mel_corners(front_end)[:, np.newaxis], bin_frequencies(front_end)
    steps = np.diff(corners, axis=0)
    rising = (frequencies - corners[:-2]) / steps[:-1]
    falling = (corners[2:] - frequencies) / steps[1:]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * 2 / (corners[2:] - corners[:-2])).astype(np.float32)


def dct_matrix(front_end: FrontEnd) -> np.ndarray:
    """Returns the first rows of the orthonormal DCT-II, float64 [n_mfcc, n_mels]."""
    return scipy.fft.dct(np.eye(front_end.n_mels), axis=0, norm="ortho")[: front_end.n_mfcc]


def mel_heights(front_end: FrontEnd) -> np.ndarray:
    """Returns the heights of the mel bands' triangles (Slaney's norm), float64 [n_mels]."""
    corners = mel_corners(front_end)
    return 2 / (corners[2:] - corners[:-2])


def loudest_power(front_end: FrontEnd) -> float:
    """Returns the most that samples within full scale can make of a mel band's power.

    By Parseval's theorem a frame's bins hold n_fft times its energy, of which the window leaves at most 3/8 of full scale.
    """
    return front_end.n_fft * front_end.n_fft * 3 / 8 * float(mel_heights(front_end).max())
