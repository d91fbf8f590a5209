"""The affine map between features and a model's input: by constants, or by what was heard of the speaker before."""

import dataclasses
import functools
import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from schemas.errors import UserError
from schemas.front_end import CMVN_MEMORY_WINDOWS, FrontEnd, Standardisation
from schemas.record import Example
from ser_tinyml.store import files
from ser_tinyml.store.digests import unit_hash

LEAST_DEVIATION = 0.1  # of what was heard, as a share of the constants': a microphone that is stuck would bring it to 0
_MIN_DEVIATION = 1e-6  # of an MFCC in dB: below it, standardised values are too large for float32's sums


def standardise(mfcc: np.ndarray, constants: Standardisation) -> np.ndarray:
    """Maps float32 [..., n_features] to `(mfcc - mean) / deviation`; frames that pad stay zeros."""
    mapped = (mfcc - np.array(constants.mean, np.float32)) / np.array(constants.deviation, np.float32)
    return np.where(is_padding(mfcc)[..., np.newaxis], np.float32(0), mapped)


def is_padding(mfcc: np.ndarray) -> np.ndarray:
    """Tells which frames of float32 [..., n_features] pad, as bool [...]."""
    return ~np.any(mfcc, axis=-1)


@dataclasses.dataclass(frozen=True)
class Levels:
    """What is remembered of windows."""

    frames: np.ndarray  # int64 [windows], that don't pad
    means: np.ndarray  # float64 [windows, n_features], of their values
    squares: np.ndarray  # float64 [windows, n_features], of their values' squares

    @classmethod
    def of_windows(cls, windows: np.ndarray) -> "Levels":
        """Measures float32 [windows, frames, n_features]."""
        there = ~is_padding(windows)
        frames = there.sum(axis=1)
        share = there / np.maximum(frames, 1)[:, np.newaxis]
        values = windows.astype(np.float64)
        return cls(frames, np.einsum("wf,wfk->wk", share, values), np.einsum("wf,wfk->wk", share, values**2))


class Heard:
    """What was heard of one speaker: the online cepstral mean and variance normalisation (CMVN) of a front end that has it.

    A window is standardised by mean and deviation of the windows before it, to which the constants count as
    `cmvn_prior_windows` more; the first of all so by the constants alone. Beyond CMVN_MEMORY_WINDOWS older windows fade. The
    device does the same (firmware/frontend/ser_cmvn.c).
    """

    def __init__(self, front_end: FrontEnd, constants: Standardisation):
        """Begins with a speaker of whom nothing was heard."""
        self._windows = float(front_end.cmvn_prior_windows)
        self._mean: np.ndarray = np.array(constants.mean, np.float32).astype(np.float64)
        self._deviation: np.ndarray = np.array(constants.deviation, np.float32).astype(np.float64)
        self._least = self._deviation * LEAST_DEVIATION
        self._sums: np.ndarray = self._windows * self._mean
        self._squares: np.ndarray = self._windows * (self._deviation**2 + self._mean**2)

    def standardise(self, windows: np.ndarray) -> np.ndarray:
        """Returns float32 [windows, frames, n_features], standardised, of windows one behind the other, and remembers them."""
        mean, deviation = self.follow(Levels.of_windows(windows), range(len(windows)))
        return _apply(windows, mean, deviation)

    def follow(self, levels: Levels, places: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Remembers the windows in these places; returns the mean and deviation, float32 [places, n_features], of each."""
        found = np.empty((2, len(places), len(self._mean)), np.float32)
        for number, place in enumerate(places):
            found[:, number] = self._mean, self._deviation
            if self._windows and levels.frames[place]:
                self._remember(levels.means[place], levels.squares[place])
        return found[0], found[1]

    def _remember(self, mean: np.ndarray, square: np.ndarray) -> None:
        self._windows += 1
        self._sums += mean
        self._squares += square
        if self._windows > CMVN_MEMORY_WINDOWS:
            kept = CMVN_MEMORY_WINDOWS / self._windows
            self._windows, self._sums, self._squares = CMVN_MEMORY_WINDOWS, kept * self._sums, kept * self._squares
        average = self._sums / self._windows
        variance = self._squares / self._windows - average**2
        self._mean, self._deviation = average, np.sqrt(np.maximum(variance, self._least**2))


def _apply(windows: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Standardises windows by the constants of each, float32 [windows, n_features]."""
    mapped = (windows - mean[:, np.newaxis]) / deviation[:, np.newaxis]
    return np.where(is_padding(windows)[..., np.newaxis], np.float32(0), mapped)


@dataclasses.dataclass(frozen=True)
class Sessions:
    """What records' speakers were heard say before: each clip's id decides whether it begins a session, and behind what."""

    clips: float = 0  # of a session, on average; 1: each clip begins one, 0: all clips of a speaker are one
    behind_another: float = (
        0  # the share of sessions that begin behind another speaker; before others nothing was heard
    )


ONE_SESSION = Sessions()
EACH_ALONE = Sessions(clips=1)
EACH_BEHIND_A_STRANGER = Sessions(clips=1, behind_another=1)
_STRANGERS_WINDOWS = (4, 64)  # of another speaker, at least and at most, as far as he has them


def standardise_examples(
    examples: Sequence[Example],
    front_end: FrontEnd,
    constants: Standardisation,
    sessions: Sessions = ONE_SESSION,
) -> np.ndarray:
    """Standardises records as a device does that hears their speakers.

    Where the front end has online CMVN, the clips of one speaker (and of one augmented copy) are heard one after the other,
    in an order that depends on their ids and on the copy alone.

    Args:
      examples: records with the front end's features, in any order.
      front_end: the model's.
      constants: the model's.
      sessions: where the device was switched on, or another began to speak.

    Returns:
      float32 [examples, frames, n_features], in the order of the examples.
    """
    features = np.stack([example.features for example in examples])
    if not front_end.cmvn_prior_windows:
        return standardise(features, constants)
    return _apply(features, *follow_speakers(examples, Levels.of_windows(features), front_end, constants, sessions))


class Spoken(Protocol):
    """What of a record decides when it is heard: an `Example`, or less."""

    @property
    def clip_id(self) -> str:
        """The clip."""

    @property
    def copy(self) -> int:
        """The number of the augmented copy."""

    @property
    def window(self) -> int:
        """The number of the window in it."""

    @property
    def speaker_key(self) -> str:
        """Who speaks."""


def follow_speakers(
    records: Sequence[Spoken],
    levels: Levels,
    front_end: FrontEnd,
    constants: Standardisation,
    sessions: Sessions,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and deviation, float32 [records, n_features] each, by which `standardise_examples` standardises."""
    means, deviations = np.empty((2, *levels.means.shape), np.float32)
    for before, places in _list_sessions(records, sessions):
        heard = Heard(front_end, constants)
        heard.follow(levels, before)
        means[places], deviations[places] = heard.follow(levels, places)
    return means, deviations


def _list_sessions(examples: Sequence[Spoken], sessions: Sessions) -> Iterator[tuple[list[int], list[int]]]:
    """Yields the places of each session's records in the order in which they are heard, behind those of another speaker."""
    heard = _order_heard(examples)
    of_copy: dict[int, list[list[int]]] = {}
    for (_, copy), places in heard.items():
        of_copy.setdefault(copy, []).append(places)
    for (_, copy), places in heard.items():
        session, before = list[int](), list[int]()
        for clip_id, clip in itertools.groupby(places, key=lambda place: examples[place].clip_id):
            draw = functools.partial(unit_hash, "session", clip_id, copy)
            if not session or (sessions.clips and draw("begins") * sessions.clips < 1):
                if session:
                    yield before, session
                is_behind = draw("is behind another") < sessions.behind_another
                session, before = [], _choose_heard(of_copy[copy], places, draw) if is_behind else []
            session += clip
        yield before, session


def _choose_heard(speakers: list[list[int]], own: list[int], draw: Callable[[str], float]) -> list[int]:
    """Returns the places of some windows of another speaker, one behind the other; none where there is no other."""
    places = speakers[int(draw("who") * len(speakers))]
    if places is own:
        places = speakers[speakers.index(own) - 1]
    if places is own:
        return []
    least, most = _STRANGERS_WINDOWS
    count = min(len(places), least + int(draw("how many") * (most - least)))
    first = int(draw("from where") * (len(places) - count + 1))
    return places[first : first + count]


def count_heard(examples: Sequence[Spoken]) -> np.ndarray:
    """Returns how many windows of its speaker were heard before the clip of each record, int64 [examples]."""
    found = np.zeros(len(examples), np.int64)
    for places in _order_heard(examples).values():
        clips = [examples[place].clip_id for place in places]
        found[places] = [clips.index(clip) for clip in clips]
    return found


def _order_heard(examples: Sequence[Spoken]) -> dict[tuple[str, int], list[int]]:
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
