"""The affine map between MFCCs and a model's input."""

import numpy as np

from schemas.errors import UserError
from schemas.front_end import Standardisation
from ser_tinyml.store import files

_MIN_DEVIATION = 1e-6  # of an MFCC in dB: below it, standardised values are too large for float32's sums


def standardise(mfcc: np.ndarray, constants: Standardisation) -> np.ndarray:
    """Maps float32 [..., n_features] to `(mfcc - mean) / deviation`; frames that pad stay zeros."""
    mapped = (mfcc - np.array(constants.mean, np.float32)) / np.array(constants.deviation, np.float32)
    return np.where(is_padding(mfcc)[..., np.newaxis], np.float32(0), mapped)


def is_padding(mfcc: np.ndarray) -> np.ndarray:
    """Tells which frames of float32 [..., n_features] pad, as bool [...]."""
    return ~np.any(mfcc, axis=-1)


def read_standardisation(path: str, n_features: int) -> Standardisation:
    """Reads constants from a JSON file, `{"mean": [...], "deviation": [...]}`; raises UserError where they can't be such."""
    try:
        stated = Standardisation.from_dict(files.read_json(path))
        constants = np.array([stated.mean, stated.deviation], np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f'{path}: expected {{"mean": [...], "deviation": [...]}}') from error
    if constants.shape != (2, n_features):
        raise UserError(f"{path}: expected {n_features} means and deviations")
    if not np.isfinite(constants.astype(np.float32)).all() or not (constants[1] >= _MIN_DEVIATION).all():
        raise UserError(f"{path}: the means are finite, and the deviations at least {_MIN_DEVIATION}")
    mean, deviation = constants.tolist()
    return Standardisation(tuple(mean), tuple(deviation))
