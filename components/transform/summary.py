"""What a dataset holds, summed in Beam. All sums are of integers, so that no order of summation changes a bit."""

import collections
import dataclasses
import hashlib
from collections.abc import Iterable

import apache_beam as beam
import numpy as np

from schemas.example import Example
from schemas.frontend import is_padding
from schemas.labels import LABELS

_FIXED_POINT = 2**32  # sums of MFCCs and of their squares are kept in units of 2**-32
_DIGEST_MODULUS = 2**256


@dataclasses.dataclass
class SplitSummary:
    """Counts and sums over the records of a split."""

    examples: int = 0
    digest: int = 0  # sum modulo 2**256 of the records' SHA-256: the same for any order and any shards
    labels: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    corpora: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    speakers: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    augmentations: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    synthetic: int = 0
    frames: int = 0  # without padding, as are the sums below
    sums: tuple[int, ...] = ()
    squares: tuple[int, ...] = ()
    minimum: tuple[float, ...] = ()
    maximum: tuple[float, ...] = ()

    def add(self, other: "SplitSummary") -> None:
        """Adds another summary to this one."""
        if not other.examples:
            return
        self.examples += other.examples
        self.digest = (self.digest + other.digest) % _DIGEST_MODULUS
        self.synthetic += other.synthetic
        self.frames += other.frames
        for name in ("labels", "corpora", "speakers", "augmentations"):
            getattr(self, name).update(getattr(other, name))
        for name, function in (("sums", sum), ("squares", sum), ("minimum", min), ("maximum", max)):
            mine, theirs = getattr(self, name), getattr(other, name)
            setattr(self, name, tuple(map(function, zip(mine, theirs, strict=True))) if mine else theirs)

    def to_dict(self) -> dict:
        """For statistics.json; mean and deviation are per coefficient, over all frames."""
        document: dict = {"examples": self.examples, "digest": f"{self.digest:064x}", "synthetic": self.synthetic}
        document["labels"] = {label: self.labels[label] for label in LABELS}
        for name in ("corpora", "speakers", "augmentations"):
            document[name] = dict(sorted(getattr(self, name).items()))
        if self.frames:
            mean = [total / _FIXED_POINT / self.frames for total in self.sums]
            squares = [total / _FIXED_POINT / self.frames for total in self.squares]
            deviation = [float(np.sqrt(max(0.0, s - m * m))) for s, m in zip(squares, mean, strict=True)]
            document["mfcc"] = {
                "mean": mean,
                "deviation": deviation,
                "minimum": list(self.minimum),
                "maximum": list(self.maximum),
            }
        return document


def summarise(example: Example, record: bytes) -> SplitSummary:
    """The summary of one record."""
    mfcc = example.mfcc[~is_padding(example.mfcc)].astype(np.float64)
    return SplitSummary(
        examples=1,
        digest=int.from_bytes(hashlib.sha256(record).digest(), "big"),
        labels=collections.Counter([LABELS[example.label]]),
        corpora=collections.Counter([example.corpus]),
        speakers=collections.Counter([f"{example.corpus}/{example.speaker}"]),
        augmentations=collections.Counter([example.augmentation]),
        synthetic=int(example.synthetic),
        frames=len(mfcc),
        sums=tuple(round(total * _FIXED_POINT) for total in mfcc.sum(axis=0).tolist()),
        squares=tuple(round(total * _FIXED_POINT) for total in np.square(mfcc).sum(axis=0).tolist()),
        minimum=tuple(mfcc.min(axis=0).tolist()),
        maximum=tuple(mfcc.max(axis=0).tolist()),
    )


class Summarise(beam.CombineFn):
    """Adds up the summaries of a split."""

    def create_accumulator(self) -> SplitSummary:
        return SplitSummary()

    def add_input(self, accumulator: SplitSummary, summary: SplitSummary) -> SplitSummary:
        accumulator.add(summary)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[SplitSummary]) -> SplitSummary:
        merged = SplitSummary()
        for accumulator in accumulators:
            merged.add(accumulator)
        return merged

    def extract_output(self, accumulator: SplitSummary) -> SplitSummary:
        return accumulator
