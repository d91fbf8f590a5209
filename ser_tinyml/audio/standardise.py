"""The affine map between features and a model's input: by constants, or by what was heard of the speaker before."""

import hashlib
from collections.abc import Sequence

import numpy as np

from schemas.errors import UserError
from schemas.front_end import CMVN_MEMORY_WINDOWS, FrontEnd, Standardisation
from schemas.record import Example
from ser_tinyml.store import files
from ser_tinyml.store.digests import unit_hash

LEAST_DEVIATION = (
    0.1  # of what was heard, as a share of the constants': of a microphone that is stuck, it would go to 0
)
_MIN_DEVIATION = 1e-6  # of an MFCC in dB: below it, standardised values are too large for float32's sums


def standardise(mfcc: np.ndarray, constants: Standardisation) -> np.ndarray:
    """Maps float32 [..., n_features] to `(mfcc - mean) / deviation`; frames that pad stay zeros."""
    mapped = (mfcc - np.array(constants.mean, np.float32)) / np.array(constants.deviation, np.float32)
    return np.where(is_padding(mfcc)[..., np.newaxis], np.float32(0), mapped)


def is_padding(mfcc: np.ndarray) -> np.ndarray:
    """Tells which frames of float32 [..., n_features] pad, as bool [...]."""
    return ~np.any(mfcc, axis=-1)


class Heard:
    """What was heard of one speaker: the online cepstral mean and variance normalisation (CMVN) of a front end that has it.

    A window is standardised by mean and deviation of the windows before it, to which the constants count as
    `cmvn_prior_windows` more; the first of all so by the constants alone. Beyond CMVN_MEMORY_WINDOWS older windows fade. The
    device does the same (firmware/frontend/ser_cmvn.c).
    """

    def __init__(self, front_end: FrontEnd, constants: Standardisation):
        """Begins with a speaker of whom nothing was heard."""
        self._fixed = not front_end.cmvn_prior_windows
        self._constants = constants
        self._windows = float(front_end.cmvn_prior_windows)
        mean, deviation = np.array(constants.mean, np.float32), np.array(constants.deviation, np.float32)
        self._least = np.float64(deviation) * LEAST_DEVIATION
        self._sums = self._windows * np.float64(mean)
        self._squares = self._windows * (np.float64(deviation) ** 2 + np.float64(mean) ** 2)

    def standardise(self, windows: np.ndarray) -> np.ndarray:
        """Returns float32 [windows, frames, n_features], standardised, of windows one behind the other, and remembers them."""
        if self._fixed:
            return standardise(windows, self._constants)
        found = np.empty_like(windows)
        for number, window in enumerate(windows):
            found[number] = standardise(window, self._constants)
            self._remember(window)
        return found

    def _remember(self, window: np.ndarray) -> None:
        heard = window[~is_padding(window)].astype(np.float64)
        if not len(heard):
            return
        self._windows += 1
        self._sums += heard.mean(axis=0)
        self._squares += (heard**2).mean(axis=0)
        if self._windows > CMVN_MEMORY_WINDOWS:
            kept = CMVN_MEMORY_WINDOWS / self._windows
            self._windows, self._sums, self._squares = CMVN_MEMORY_WINDOWS, kept * self._sums, kept * self._squares
        mean = np.array(self._sums) / self._windows
        deviation = np.sqrt(np.maximum(self._squares / self._windows - mean**2, self._least**2))
        self._constants = Standardisation(tuple(mean.tolist()), tuple(deviation.tolist()))


def standardise_examples(
    examples: Sequence[Example], front_end: FrontEnd, constants: Standardisation, *, session_clips: float = 0
) -> np.ndarray:
    """Standardises records as a device does that hears their speakers.

    Where the front end has online CMVN, the clips of one speaker (and of one augmented copy) are heard one after the other,
    in an order that depends on their ids and on the copy alone.

    Args:
      examples: records with the front end's features, in any order.
      front_end: the model's.
      constants: the model's.
      session_clips: clips after which a speaker is forgotten, on average: each clip's id decides whether that is before it.
        1: each clip is heard as if nothing had been heard before. 0: nobody is forgotten.

    Returns:
      float32 [examples, frames, n_features], in the order of the examples.
    """
    features = np.stack([example.features for example in examples])
    if not front_end.cmvn_prior_windows:
        return standardise(features, constants)
    found = np.empty_like(features)
    for places in _order_heard(examples).values():
        for session in _divide_sessions(examples, places, session_clips):
            found[session] = Heard(front_end, constants).standardise(features[session])
    return found


def _divide_sessions(examples: Sequence[Example], places: list[int], session_clips: float) -> list[list[int]]:
    """Divides places, in the order in which they are heard, where the speaker is forgotten."""
    sessions, last = list[list[int]](), ""
    for place in places:
        example = examples[place]
        is_new = example.clip_id != last and session_clips > 0
        last = example.clip_id
        if not sessions or (is_new and unit_hash("session", last, example.copy) * session_clips < 1):
            sessions.append([])
        sessions[-1].append(place)
    return sessions


def count_heard(examples: Sequence[Example]) -> np.ndarray:
    """Returns how many windows of its speaker were heard before the clip of each record, int64 [examples]."""
    found = np.zeros(len(examples), np.int64)
    for places in _order_heard(examples).values():
        clips = [examples[place].clip_id for place in places]
        found[places] = [clips.index(clip) for clip in clips]
    return found


def _order_heard(examples: Sequence[Example]) -> dict[tuple[str, int], list[int]]:
    """Returns the places of the records of each speaker and copy, in the order in which they are heard."""
    orders = [
        (hashlib.sha256(f"{example.clip_id} {example.copy}".encode()).digest(), example.window) for example in examples
    ]
    heard: dict[tuple[str, int], list[int]] = {}
    for place in sorted(range(len(examples)), key=orders.__getitem__):
        heard.setdefault((examples[place].speaker_key, examples[place].copy), []).append(place)
    return heard


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
