"""Babble: what other speakers of the training split say, several at once."""

import bisect
import dataclasses
import functools
from collections.abc import Iterable

import numpy as np

from schemas.manifest import PER_COPY, ManifestRow
from ser_tinyml.audio.decode import Crop, Undecodable, decode_window
from ser_tinyml.audio.noise import ANYTHING
from ser_tinyml.store.digests import unit_hash

_MOST = 256  # so that a worker keeps all that they say, at most 66 MB at 16 kHz
_SECONDS = 4.0  # of each that are heard, over and over


@dataclasses.dataclass(frozen=True)
class Talker:
    """A clip of the training split that is heard behind others."""

    speaker: str  # with the corpus
    path: str
    crop: Crop
    sha256: str  # of the file


def choose_talkers(rows: Iterable[ManifestRow]) -> tuple[Talker, ...]:
    """Chooses clips of the training split by their ids alone, as many of each speaker as of another.

    Args:
      rows: of a manifest, in any order.

    Returns:
      At most 256, in an order that their ids decide.
    """
    by_speaker: dict[str, list[tuple[float, ManifestRow]]] = {}
    for row in rows:
        if row.split in ("train", PER_COPY):
            of_speaker = by_speaker.setdefault(row.speaker_key, [])
            bisect.insort(of_speaker, (unit_hash("talker", row.clip_id), row), key=lambda each: each[0])
            del of_speaker[_MOST:]
    ranked = [(rank, chance, row) for found in by_speaker.values() for rank, (chance, row) in enumerate(found)]
    ranked.sort(key=lambda each: each[:2])
    return tuple(_describe(row) for _, _, row in ranked[:_MOST])


def _describe(row: ManifestRow) -> Talker:
    end = row.start + _SECONDS
    crop = Crop(row.start, min(end, row.end) if row.end else end)
    return Talker(row.speaker_key, row.path, crop, row.file_sha256 or row.clip_id)


def babble(
    talkers: Iterable[Talker], count: int, *, rng: np.random.Generator, length: int, sample_rate: int
) -> np.ndarray | None:
    """Returns so many talkers at once, each as loud as the others, and each from anywhere in what it says.

    Args:
      talkers: who may be heard; those that can't be decoded are passed over.
      count: how many are heard; fewer where fewer are there.
      rng: chooses them.
      length: samples to return.
      sample_rate: of the result, in Hz.

    Returns:
      float32 [length], or None where nobody can be heard.
    """
    among = list(talkers)
    together, heard = np.zeros(length, np.float32), 0
    for number in rng.permutation(len(among)):
        speech = _read(among[number], sample_rate)
        if speech is not None:
            together += np.resize(np.roll(speech, -rng.integers(len(speech))), length)
            heard += 1
        if heard == count:
            break
    return together if heard else None


@functools.lru_cache(maxsize=2 * _MOST)
def _read(talker: Talker, sample_rate: int) -> np.ndarray | None:
    """Returns what a talker says, float32 [samples] with a root mean square of 1; None where that can't be decoded."""
    try:
        window = decode_window(talker.path, talker.crop, sample_rate, acceptance=ANYTHING, sha256=talker.sha256)
    except Undecodable:
        return None  # where the clip itself is decoded, it goes to quarantine
    level = np.sqrt(np.mean(np.square(window.samples, dtype=np.float64)))
    return (window.samples / level).astype(np.float32) if level > 0 else None
