import dataclasses
import hashlib
import itertools

import numpy as np
import pytest

from schemas.record import Example
from ser_tinyml.store.statistics import DatasetStatistics, SplitStatistics

LABELS = ("calm", "happy", "sad")
FIRST = Example(
    "a", "tess", "OAF", "happy", 1, 0, 0, "clean", False, np.array([[1, -2], [3, 6], [0, 0], [0, 0]], np.float32)
)
SECOND = dataclasses.replace(
    FIRST,
    clip_id="b",
    corpus="ravdess",
    speaker="01",
    emotion="neutral",
    label=0,
    augmentation="noise",
    synthetic=True,
    mfcc=np.array([[5, -2], [7, 2], [1, 4], [7, 4]], np.float32),
)
RECORDS = ((FIRST, b"one", 0.5), (SECOND, b"two", 0.75))


def count(*records) -> SplitStatistics:
    found = SplitStatistics()
    for record in records:
        found.add_example(*record)
    return found


def test_records_are_counted_by_what_they_are():
    document = count(*RECORDS, RECORDS[0]).to_dict(LABELS)
    assert document["examples"] == 3 and document["synthetic"] == 1
    assert document["labels"] == {"calm": 1, "happy": 2, "sad": 0}
    assert list(document["corpora"].items()) == [("ravdess", 1), ("tess", 2)]
    assert list(document["emotions"].items()) == [("happy", 2), ("neutral", 1)]
    assert list(document["speakers"].items()) == [("ravdess/01", 1), ("tess/OAF", 2)]
    assert list(document["augmentations"].items()) == [("clean", 2), ("noise", 1)]
    assert document["recording_seconds"] == {"mean": 1.75 / 3, "minimum": 0.5, "maximum": 0.75}


def test_features_are_described_without_the_frames_that_pad():
    """Exact, since sums of integers are: 6 frames, two of the first record and four of the second."""
    features = count(*RECORDS).to_dict(LABELS)["features"]
    assert features["mean"] == [24 / 6, 12 / 6]
    assert features["deviation"] == pytest.approx([(134 / 6 - 4**2) ** 0.5, (80 / 6 - 2**2) ** 0.5], abs=1e-12)
    assert features["minimum"] == [1, -2] and features["maximum"] == [7, 6]


def test_a_feature_that_never_changes_has_no_deviation():
    mfcc = np.full((47, 2), 0.1, np.float32)
    features = count((dataclasses.replace(FIRST, mfcc=mfcc), b"", 1.0)).to_dict(LABELS)["features"]
    assert features["deviation"] == pytest.approx([0, 0], abs=1e-4)
    assert features["mean"] == pytest.approx([0.1, 0.1], abs=1e-8)


def test_sums_of_loud_records_do_not_overflow():
    mfcc = np.full((47, 2), -1000, np.float32)
    mfcc[::2] = 500
    features = count(*[(dataclasses.replace(FIRST, mfcc=mfcc), b"", 1.0)] * 50).to_dict(LABELS)["features"]
    assert features["mean"] == pytest.approx(mfcc.mean(axis=0).tolist(), rel=1e-6)
    assert features["deviation"] == pytest.approx(mfcc.std(axis=0).tolist(), rel=1e-6)


def test_a_split_without_records_has_counts_alone():
    document = SplitStatistics().to_dict(LABELS)
    assert document == {
        "examples": 0,
        "digest": "0" * 64,
        "synthetic": 0,
        "labels": {"calm": 0, "happy": 0, "sad": 0},
        "corpora": {},
        "emotions": {},
        "speakers": {},
        "augmentations": {},
    }


def test_the_digest_is_the_sum_of_the_records_digests_in_64_digits():
    records = [(FIRST, bytes((number,)), 1.0) for number in range(40)]
    hashes = [int(hashlib.sha256(record).hexdigest(), 16) for _, record, _ in records]
    document = count(*records).to_dict(LABELS)
    assert document["digest"] == f"{sum(hashes) % 16**64:064x}"
    halves = count(*records[:20])
    halves.add(count(*records[20:]))
    assert halves.to_dict(LABELS) == document and len(document["digest"]) == 64


def test_statistics_are_the_same_however_the_records_were_divided():
    rng = np.random.default_rng(0)
    records = []
    for number in range(12):
        mfcc = (rng.standard_normal((9, 4)) * 100).astype(np.float32)
        example = dataclasses.replace(RECORDS[number % 2][0], mfcc=mfcc, speaker=str(number % 3))
        records.append((example, mfcc.tobytes(), float(rng.uniform(0.5, 4))))
    expected = count(*records).to_dict(LABELS)
    for sizes in itertools.permutations((0, 3, 9)):
        order, joined, at = rng.permutation(12), SplitStatistics(), 0
        for size in sizes:
            joined.add(count(*(records[number] for number in order[at : at + size])))
            at += size
        assert joined.to_dict(LABELS) == expected


def test_a_datasets_statistics_are_added_split_by_split():
    one, other = DatasetStatistics(), DatasetStatistics()
    one.decoded, other.decoded = 3, 4
    one.violations.update({"label is 7": 1})
    other.violations.update({"label is 7": 2, "copy is -1": 1})
    one.split("train").add_example(*RECORDS[0])
    other.split("train").add_example(*RECORDS[1])
    other.split("test").add_example(*RECORDS[1])
    one.add(other)
    assert one.decoded == 7 and one.audio == 0 and one.violations == {"label is 7": 3, "copy is -1": 1}
    assert one.split("train").to_dict(LABELS) == count(*RECORDS).to_dict(LABELS)
    assert one.split("test").examples == 1 and one.split("validation").examples == 0
    assert DatasetStatistics().decoded == 0
