"""Samples -> MFCCs, as librosa computes them."""

import librosa
import numpy as np

from schemas.frontend import FrontEnd


def compute_mfcc(samples: np.ndarray, front_end: FrontEnd, padding: str) -> np.ndarray:
    """MFCCs of one window.

    Args:
      samples: float32 [samples] at the front end's rate; what is beyond the window is cut off.
      front_end: its parameters.
      padding: how a shorter signal fills the window. "waveform": silence behind it, as a device would hear it.
        "features": zero frames before its features, as the original notebook did.

    Returns:
      float32 [n_frames, n_mfcc].
    """
    samples = samples[: front_end.window_samples]
    if padding == "waveform":
        samples = librosa.util.fix_length(samples, size=front_end.window_samples)
    mel = librosa.feature.melspectrogram(
        y=samples,
        sr=front_end.sample_rate,
        n_fft=front_end.n_fft,
        hop_length=front_end.hop_length,
        n_mels=front_end.n_mels,
        fmin=front_end.fmin,
        fmax=front_end.fmax,
    )
    log_mel = librosa.power_to_db(mel, ref=1.0, amin=front_end.amin, top_db=front_end.top_db)
    mfcc = librosa.feature.mfcc(S=log_mel, n_mfcc=front_end.n_mfcc).T.astype(np.float32)
    missing = front_end.n_frames - len(mfcc)
    return np.pad(mfcc, ((missing, 0), (0, 0)))
