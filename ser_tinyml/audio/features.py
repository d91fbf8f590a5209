"""Samples -> all that a model takes of a window: MFCCs, and behind them the columns of prosody that the front end has."""

import numpy as np

from schemas.front_end import FrontEnd
from ser_tinyml.audio.mfcc import compute_power, mfcc_of_power, pad_frames
from ser_tinyml.audio.prosody import compute_prosody


def compute_features(samples: np.ndarray, front_end: FrontEnd, padding: str) -> np.ndarray:
    """Returns the features of one window, float32 [n_frames, n_features]; arguments as of `mfcc.compute_mfcc`."""
    power = compute_power(samples, front_end, padding)
    mfcc = mfcc_of_power(power, front_end)
    if not front_end.prosody:
        return pad_frames(mfcc, front_end)
    return pad_frames(np.concatenate([mfcc, compute_prosody(power, front_end)], axis=1), front_end)


def split_features(features: np.ndarray, front_end: FrontEnd) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Divides [n_frames, n_features] into MFCCs, [n_frames, n_mfcc], and the columns of prosody by name, [n_frames] each."""
    columns = features[:, front_end.n_mfcc :].T
    return features[:, : front_end.n_mfcc], dict(zip(front_end.prosody, columns, strict=True))
