"""What a dataset holds. All sums are of integers, so that no order of summation changes a bit."""

import collections
import dataclasses
import hashlib

import numpy as np

from schemas.record import Example
from ser_tinyml.audio.standardise import is_padding

_FIXED_POINT = 2**32  # sums of MFCCs, of their squares, and of seconds are kept in units of 2**-32
_DIGEST_MODULUS = 2**256
_COUNTERS = ("labels", "corpora", "emotions", "speakers", "augmentations")


@dataclasses.dataclass
class SplitStatistics:
    """Counts and sums over the records of a split."""

    examples: int = 0
    digest: int = 0  # sum modulo 2**256 of the records' SHA-256: the same for any order and any shards
    synthetic: int = 0
    labels: collections.Counter = dataclasses.field(default_factory=collections.Counter)  # by index
    corpora: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    emotions: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    speakers: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    augmentations: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    seconds: int = 0  # of the recordings, in units of 2**-32 s
    shortest: float = np.inf  # s
    longest: float = 0.0
    frames: int = 0  # without padding, as are the sums below
    sums: np.ndarray = dataclasses.field(default_factory=lambda: np.array(0, object))  # Python's integers: no overflow
    squares: np.ndarray = dataclasses.field(default_factory=lambda: np.array(0, object))
    minimum: np.ndarray = dataclasses.field(default_factory=lambda: np.array(np.inf))
    maximum: np.ndarray = dataclasses.field(default_factory=lambda: np.array(-np.inf))

    def add_example(self, example: Example, record: bytes, recording_seconds: float) -> None:
        """Counts one record, made of a recording of so many seconds."""
        features = example.features
        features = features[~is_padding(features)].astype(np.float64)
        self.examples += 1
        self.digest = (self.digest + int.from_bytes(hashlib.sha256(record).digest(), "big")) % _DIGEST_MODULUS
        self.synthetic += example.synthetic
        self.seconds += round(recording_seconds * _FIXED_POINT)
        self.shortest, self.longest = min(self.shortest, recording_seconds), max(self.longest, recording_seconds)
        self.frames += len(features)
        self.sums = self.sums + _to_fixed_point(features.sum(axis=0))
        self.squares = self.squares + _to_fixed_point(np.square(features).sum(axis=0))
        self.minimum = np.minimum(self.minimum, features.min(axis=0))
        self.maximum = np.maximum(self.maximum, features.max(axis=0))
        self.labels[example.label] += 1
        self.corpora[example.corpus] += 1
        self.emotions[example.emotion] += 1
        self.speakers[f"{example.corpus}/{example.speaker}"] += 1
        self.augmentations[example.augmentation] += 1

    def add(self, other: "SplitStatistics") -> None:
        """Adds another split's statistics to these."""
        self.examples += other.examples
        self.digest = (self.digest + other.digest) % _DIGEST_MODULUS
        self.synthetic += other.synthetic
        for name in _COUNTERS:
            getattr(self, name).update(getattr(other, name))
        self.seconds += other.seconds
        self.shortest, self.longest = min(self.shortest, other.shortest), max(self.longest, other.longest)
        self.frames += other.frames
        self.sums = self.sums + other.sums
        self.squares = self.squares + other.squares
        self.minimum, self.maximum = np.minimum(self.minimum, other.minimum), np.maximum(self.maximum, other.maximum)

    def to_dict(self, labels: tuple[str, ...]) -> dict:
        """Returns what statistics.json has of a split; mean and deviation are per feature, MFCCs and then prosody."""
        document: dict = {"examples": self.examples, "digest": f"{self.digest:064x}", "synthetic": self.synthetic}
        document["labels"] = {label: self.labels[index] for index, label in enumerate(labels)}
        for name in _COUNTERS[1:]:
            document[name] = dict(sorted(getattr(self, name).items()))
        if self.examples:
            mean = [total / _FIXED_POINT / self.frames for total in self.sums]
            squares = [total / _FIXED_POINT / self.frames for total in self.squares]
            deviation = [float(np.sqrt(max(0.0, s - m * m))) for s, m in zip(squares, mean, strict=True)]
            document["recording_seconds"] = {
                "mean": self.seconds / _FIXED_POINT / self.examples,
                "minimum": self.shortest,
                "maximum": self.longest,
            }
            document["features"] = {
                "mean": mean,
                "deviation": deviation,
                "minimum": self.minimum.tolist(),
                "maximum": self.maximum.tolist(),
            }
        return document


def _to_fixed_point(values: np.ndarray) -> np.ndarray:
    """Converts the sums of one record, which are far below 2**63, unlike those of many."""
    return np.rint(values * _FIXED_POINT).astype(np.int64).astype(object)


@dataclasses.dataclass
class DatasetStatistics:
    """Counts over decoded clips, and their records' statistics by split."""

    decoded: int = 0
    audio: int = 0  # records of sound
    violations: collections.Counter = dataclasses.field(default_factory=collections.Counter)  # of the records' schema
    splits: dict[str, SplitStatistics] = dataclasses.field(default_factory=dict)

    def split(self, name: str) -> SplitStatistics:
        """Returns the statistics of a split, empty ones at first."""
        return self.splits.setdefault(name, SplitStatistics())

    def add(self, other: "DatasetStatistics") -> None:
        """Adds other statistics to these."""
        self.decoded += other.decoded
        self.audio += other.audio
        self.violations.update(other.violations)
        for name, split in other.splits.items():
            self.split(name).add(split)
