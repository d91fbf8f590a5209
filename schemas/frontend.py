"""The one description of the audio front end: Python's features, the models' metadata and the C header come from it."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class FrontEnd:
    """MFCC front end with librosa 0.11's defaults; firmware computes the same.

    Frames are centred (`n_fft // 2` zeros on both sides), the window is periodic Hann, the spectrum is power, mel bands
    are Slaney's with Slaney normalisation, `power_to_db` has reference 1, and the DCT is orthonormal and of type II.
    """

    sample_rate: int = 16_000  # Hz, after resampling
    window_samples: int = 24_000  # what one inference hears: 1.5 s
    n_fft: int = 2048
    hop_length: int = 512  # samples between frames
    n_mels: int = 128
    fmin: float = 0.0  # Hz
    fmax: float = 8_000.0  # Hz
    amin: float = 1e-10  # floor of the power before the logarithm
    top_db: float = 80.0  # floor of the log-mel spectrogram below the window's loudest cell, dB
    n_mfcc: int = 13

    @property
    def n_frames(self) -> int:
        """Frames in a window: 47."""
        return 1 + self.window_samples // self.hop_length

    @property
    def window_seconds(self) -> float:
        """Length of a window in seconds."""
        return self.window_samples / self.sample_rate

    def bin_frequencies(self) -> np.ndarray:
        """float64 [1 + n_fft // 2]: what each bin of the spectrum stands for, in Hz."""
        return np.arange(1 + self.n_fft // 2) * (self.sample_rate / self.n_fft)

    def mel_corners(self) -> np.ndarray:
        """float64 [n_mels + 2]: in Hz; band `i` rises from corner `i` to `i + 1` and falls to `i + 2`.

        Equal steps on Slaney's scale (Auditory Toolbox, 1998): linear to 1 kHz, 15 steps there, then 27 steps a factor of 6.4.
        """
        hz_a_mel, log_step = 200 / 3, np.log(6.4) / 27

        def to_mel(hz: float) -> float:
            return hz / hz_a_mel if hz < 1000 else 15 + np.log(hz / 1000) / log_step

        mels = np.linspace(to_mel(self.fmin), to_mel(self.fmax), self.n_mels + 2)
        return np.where(mels < 15, mels * hz_a_mel, 1000 * np.exp(log_step * (mels - 15)))

    def mel_filterbank(self) -> np.ndarray:
        """float32 [n_mels, 1 + n_fft // 2]: triangles of equal area (Slaney's norm), like `librosa.filters.mel`."""
        corners, frequencies = self.mel_corners()[:, np.newaxis], self.bin_frequencies()
        steps = np.diff(corners, axis=0)
        rising = (frequencies - corners[:-2]) / steps[:-1]
        falling = (corners[2:] - frequencies) / steps[1:]
        triangles = np.maximum(0, np.minimum(rising, falling))
        return (triangles * 2 / (corners[2:] - corners[:-2])).astype(np.float32)

    def dct_matrix(self) -> np.ndarray:
        """float64 [n_mfcc, n_mels]: the first rows of the orthonormal DCT-II, like `scipy.fft.dct(norm="ortho")`."""
        rows, columns = np.arange(self.n_mfcc)[:, np.newaxis], np.arange(self.n_mels)
        cosines = np.sqrt(2 / self.n_mels) * np.cos(np.pi / self.n_mels * rows * (columns + 0.5))
        return np.where(rows == 0, np.sqrt(1 / self.n_mels), cosines)

    def to_dict(self) -> dict[str, float | int]:
        """All parameters, for metadata."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, parameters: dict) -> "FrontEnd":
        """The inverse of `to_dict`; an unknown parameter raises TypeError."""
        return cls(**parameters)


def hann_window(length: int) -> np.ndarray:
    """float64 [length], periodic."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


@dataclasses.dataclass(frozen=True)
class Standardisation:
    """Per-coefficient affine map `(mfcc - mean) / deviation` between the front end and a model's input.

    Frames of zeros are padding (`--padding=features`), and stay zeros: mapped, they would be louder than any speech. No real
    frame is all zeros, so a device, which pads nothing, needs the map alone.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def identity(cls, n_mfcc: int) -> "Standardisation":
        """For a model that takes raw MFCCs."""
        return cls((0.0,) * n_mfcc, (1.0,) * n_mfcc)

    @classmethod
    def from_dict(cls, constants: dict) -> "Standardisation":
        """From `{"mean": [...], "deviation": [...]}`."""
        return cls(tuple(constants["mean"]), tuple(constants["deviation"]))

    def apply(self, mfcc: np.ndarray) -> np.ndarray:
        """Standardises float32 [..., n_mfcc]."""
        standardised = (mfcc - np.array(self.mean, np.float32)) / np.array(self.deviation, np.float32)
        return np.where(is_padding(mfcc)[..., np.newaxis], np.float32(0), standardised)

    def to_dict(self) -> dict[str, list[float]]:
        """The inverse of `from_dict`."""
        return {"mean": list(self.mean), "deviation": list(self.deviation)}


def is_padding(mfcc: np.ndarray) -> np.ndarray:
    """bool [...] of float32 [..., n_mfcc]: which frames pad."""
    return ~np.any(mfcc, axis=-1)
