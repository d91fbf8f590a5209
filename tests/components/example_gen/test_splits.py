import collections
import itertools

import pytest

from components import corpora
from components.corpora.clip import Clip
from components.example_gen.inspect import Recording
from components.example_gen.splits import assign_splits
from schemas.artifacts import UserError
from schemas.labels import LABELS, SPLITS

EMOTIONS = ("neutral", "happy", "surprised", "sad")


def make_recordings(corpus: str, speakers=None, takes: int = 3) -> list[Recording]:
    return [
        Recording(
            Clip(f"{speaker}-{emotion}-{take}", corpus, speaker, emotion),
            f"{corpus}{speaker}{emotion}{take}",
            2,
            16000,
            False,
        )
        for speaker in speakers or corpora.published_speakers(corpus)
        for emotion in EMOTIONS
        for take in range(takes)
    ]


def splits_of_speakers(rows):
    splits = collections.defaultdict(set)
    for row in rows:
        splits[row.speaker_key].add(row.split)
    return splits


def test_no_speaker_is_in_two_splits_and_each_split_has_each_label():
    rows = assign_splits(make_recordings("ravdess") + make_recordings("savee"), "speaker", 0.15, 0.25).rows
    assert all(len(splits) == 1 for splits in splits_of_speakers(rows).values())
    assert {(row.split, row.label) for row in rows} == set(itertools.product(SPLITS, LABELS))


def test_both_sexes_are_in_every_split():
    rows = assign_splits(make_recordings("ravdess"), "speaker", 0.15, 0.25).rows
    sexes = {(row.split, corpora.sex_of(row.corpus, row.speaker)) for row in rows}
    assert len(sexes) == 6


@pytest.mark.parametrize("protocol", ["speaker", "clip"])
def test_clips_and_speakers_that_are_added_move_nobody(protocol):
    few = make_recordings("ravdess", [f"{n:02}" for n in range(1, 21)], takes=8)
    more = make_recordings("ravdess", takes=10) + make_recordings("tess") + make_recordings("savee")
    before = {row.clip_id: row.split for row in assign_splits(few, protocol, 0.15, 0.25).rows}
    after = {row.clip_id: row.split for row in assign_splits(more[::-1], protocol, 0.15, 0.25).rows}
    assert {clip: after[clip] for clip in before} == before


def test_a_small_copy_of_a_corpus_still_gets_all_splits():
    for speakers in (["01", "02", "03"], ["05", "07", "09", "11"], ["22", "24", "01", "02", "03"]):
        rows = assign_splits(make_recordings("ravdess", speakers), "speaker", 0.15, 0.25).rows
        assert {row.split for row in rows} == {"train", "validation", "test"}


def test_two_speakers_cannot_fill_three_splits():
    with pytest.raises(UserError, match=r"2 speakers .*--split=clip"):
        assign_splits(make_recordings("tess"), "speaker", 0.15, 0.25)


def test_clip_split_has_about_the_fractions_asked_for():
    rows = assign_splits(make_recordings("ravdess", takes=20), "clip", 0.2, 0.1).rows
    counts = collections.Counter(row.split for row in rows)
    assert abs(counts["validation"] / len(rows) - 0.2) < 0.03
    assert abs(counts["test"] / len(rows) - 0.1) < 0.03


def test_notebook_split_is_left_to_the_copies():
    assert {row.split for row in assign_splits(make_recordings("tess"), "notebook", 0.18, 0.1).rows} == {"per_copy"}
