"""The affine map between MFCCs and a model's input."""

import numpy as np

from schemas.front_end import Standardisation


def standardise(mfcc: np.ndarray, constants: Standardisation) -> np.ndarray:
    """Maps float32 [..., n_mfcc] to `(mfcc - mean) / deviation`; frames that pad stay zeros."""
    mapped = (mfcc - np.array(constants.mean, np.float32)) / np.array(constants.deviation, np.float32)
    return np.where(is_padding(mfcc)[..., np.newaxis], np.float32(0), mapped)


def is_padding(mfcc: np.ndarray) -> np.ndarray:
    """Tells which frames of float32 [..., n_mfcc] pad, as bool [...]."""
    return ~np.any(mfcc, axis=-1)
