import collections
import dataclasses
import itertools

import pytest

from schemas.classes import PRESETS, SPLITS
from schemas.errors import UserError
from ser_tinyml import corpora
from ser_tinyml.corpora.corpus import Clip
from ser_tinyml.corpora.recordings import Recording
from ser_tinyml.corpora.splits import MOST_FOLDS, Fold, assign_splits, most_folds, parse_fold, split_of


def sex_of(speaker_key: str) -> str:
    corpus, speaker = speaker_key.split("/")
    return corpora.CORPORA[corpus].speakers[speaker]


EMOTIONS = ("neutral", "happy", "surprised", "sad")
FOUR = PRESETS["four"]


def make_recordings(corpus: str, speakers=None, takes: int = 3, emotions=EMOTIONS) -> list[Recording]:
    """Of a corpus that is nobody's, `speakers` are speaker -> sex."""
    return [
        Recording(
            Clip(
                f"{speaker}-{emotion}-{take}",
                corpus,
                speaker,
                emotion,
                sex=speakers[speaker] if isinstance(speakers, dict) else "",
            ),
            f"{corpus}{speaker}{emotion}{take}",
            2,
            16000,
            False,
            label=FOUR.find(emotion).name,
        )
        for speaker in speakers or corpora.CORPORA[corpus].speakers
        for emotion in emotions
        for take in range(takes)
    ]


def splits_of_speakers(rows):
    splits = collections.defaultdict(set)
    for row in rows:
        splits[row.speaker_key].add(row.split)
    return splits


def test_no_speaker_is_in_two_splits_and_each_split_has_each_label():
    rows = assign_splits(
        make_recordings("ravdess") + make_recordings("savee"), "speaker", validation=0.15, test=0.25
    ).rows
    assert all(len(splits) == 1 for splits in splits_of_speakers(rows).values())
    assert {(row.split, row.label) for row in rows} == set(itertools.product(SPLITS, FOUR.labels))


def test_both_sexes_are_in_every_split():
    rows = assign_splits(make_recordings("ravdess"), "speaker", validation=0.15, test=0.25).rows
    sexes = {(row.split, corpora.CORPORA[row.corpus].speakers[row.speaker]) for row in rows}
    assert len(sexes) == 6


@pytest.mark.parametrize("protocol", ["speaker", "clip"])
def test_clips_and_speakers_that_are_added_move_nobody(protocol):
    few = make_recordings("ravdess", [f"{n:02}" for n in range(1, 21)], takes=8)
    more = make_recordings("ravdess", takes=10) + make_recordings("tess") + make_recordings("savee")
    before = {row.clip_id: row.split for row in assign_splits(few, protocol, validation=0.15, test=0.25).rows}
    after = {row.clip_id: row.split for row in assign_splits(more[::-1], protocol, validation=0.15, test=0.25).rows}
    assert {clip: after[clip] for clip in before} == before


def test_a_small_copy_of_a_corpus_still_gets_all_splits():
    for speakers in (["01", "02", "03"], ["05", "07", "09", "11"], ["22", "24", "01", "02", "03"]):
        rows = assign_splits(make_recordings("ravdess", speakers), "speaker", validation=0.15, test=0.25).rows
        assert {row.split for row in rows} == {"train", "validation", "test"}


def test_two_speakers_cannot_fill_three_splits():
    with pytest.raises(UserError, match=r"2 speakers .*--split=clip"):
        assign_splits(make_recordings("tess"), "speaker", validation=0.15, test=0.25)


def test_clip_split_has_about_the_fractions_asked_for():
    rows = assign_splits(make_recordings("ravdess", takes=20), "clip", validation=0.2, test=0.1).rows
    counts = collections.Counter(row.split for row in rows)
    assert abs(counts["validation"] / len(rows) - 0.2) < 0.03
    assert abs(counts["test"] / len(rows) - 0.1) < 0.03


def test_notebook_split_is_left_to_the_copies():
    assert {
        row.split for row in assign_splits(make_recordings("tess"), "notebook", validation=0.18, test=0.1).rows
    } == {"per_copy"}


def test_each_speaker_is_in_the_test_split_of_one_fold_and_each_fold_has_both_sexes():
    recordings = make_recordings("ravdess") + make_recordings("tess") + make_recordings("savee")
    tested = collections.Counter()
    for number in range(1, 6):
        rows = assign_splits(recordings, "speaker", validation=0.1, test=0.25, fold=Fold(number, 5)).rows
        splits = splits_of_speakers(rows)
        assert all(len(found) == 1 for found in splits.values())
        assert all("train" in splits[f"tess/{speaker}"] for speaker in corpora.CORPORA["tess"].speakers)
        in_test = [speaker for speaker, found in splits.items() if found == {"test"}]
        assert {sex_of(speaker) for speaker in in_test} == {"male", "female"}
        assert sum(speaker.startswith("savee") for speaker in in_test) == (number <= 4)
        tested.update(in_test)
    assert set(tested.values()) == {1} and len(tested) == 24 + 4


def test_a_corpus_that_is_added_is_tested_by_its_own_rule(monkeypatch):
    """Nothing but its file and the registry knows its name."""
    speakers = {f"{n}": ("female", "male")[n % 2] for n in range(1001, 1092)}
    added = dataclasses.replace(corpora.CORPORA["ravdess"], name="added", speakers=speakers)
    monkeypatch.setitem(corpora.CORPORA, "added", added)
    recordings = make_recordings("added", takes=1)
    tested = collections.Counter()
    for number in range(1, 6):
        rows = assign_splits(recordings, "speaker", validation=0.1, test=0.25, fold=Fold(number, 5)).rows
        tested.update({row.speaker for row in rows if row.split == "test"})
    assert set(tested) == set(speakers) and set(tested.values()) == {1}


def test_all_folds_share_one_salt():
    """A copy in which some ranking leaves a fold without a label: all folds take the next one, none is tested twice."""
    recordings = make_recordings("ravdess", speakers=[f"{n:02}" for n in range(1, 11)])
    folds = [
        assign_splits(recordings, "speaker", validation=0.2, test=0.25, fold=Fold(number, 3)) for number in (1, 2, 3)
    ]
    assert len({fold.salt for fold in folds}) == 1
    tested = [row.clip_id for fold in folds for row in fold.rows if row.split == "test"]
    assert sorted(tested) == sorted(recording.clip_id for recording in recordings)


def test_a_corpus_that_is_left_out_is_the_test_split():
    recordings = make_recordings("ravdess") + make_recordings("tess")
    rows = assign_splits(recordings, "speaker", validation=0.1, test=0.25, fold=Fold(corpus="tess")).rows
    assert {row.corpus for row in rows if row.split == "test"} == {"tess"}
    assert {row.corpus for row in rows if row.split != "test"} == {"ravdess"}
    with pytest.raises(UserError, match="leaves that corpus out"):
        assign_splits(make_recordings("tess"), "speaker", validation=0.1, test=0.25, fold=Fold(corpus="tess"))


@pytest.mark.parametrize(
    "text", ["0/5", "6/5", "1/1", "five", "1/", "-1/5", "1/101", "1/1000000000", "1/" + "9" * 5000]
)
def test_a_wrong_fold_is_told(text):
    with pytest.raises(UserError, match="--fold="):
        parse_fold(text)


def test_folds_that_speakers_do_not_suffice_for_are_told():
    with pytest.raises(UserError, match="take fewer folds"):
        assign_splits(make_recordings("savee"), "speaker", validation=0.25, test=0.25, fold=Fold(5, 5))


def test_a_corpus_left_out_must_leave_two_speakers_for_training_and_validation():
    recordings = make_recordings("ravdess") + make_recordings("tess")
    fold = Fold(corpus="ravdess")
    with pytest.raises(
        UserError, match=r"without ravdess there are 2 speakers \(tess/OAF, tess/YAF\).*--validation_fr"
    ):
        assign_splits(recordings, "speaker", validation=0.1, test=0.25, fold=fold)
    rows = assign_splits(recordings, "speaker", validation=0.5, test=0.25, fold=fold).rows
    assert {(row.split, row.corpus) for row in rows} == {("train", "tess"), ("validation", "tess"), ("test", "ravdess")}


def test_a_fold_is_parsed():
    assert [parse_fold(text) for text in ("1/2", "2/2", f"1/{MOST_FOLDS}", "tess")] == [
        Fold(1, 2),
        Fold(2, 2),
        Fold(1, MOST_FOLDS),
        Fold(corpus="tess"),
    ]
    assert parse_fold("mine", ["mine"]) == Fold(corpus="mine")


def test_each_split_begins_where_the_one_before_ends():
    positions = (0.0, 0.2499, 0.25, 0.3499, 0.35, 0.9999)
    assert [split_of(position, 0.1, 0.25) for position in positions] == [
        *("test", "test", "validation", "validation", "train", "train"),
    ]


def test_a_corpus_that_is_left_out_may_lack_a_class():
    recordings = make_recordings("ravdess") + make_recordings("tess", emotions=("neutral", "happy"))
    rows = assign_splits(recordings, "speaker", validation=0.1, test=0.25, fold=Fold(corpus="tess")).rows
    assert {row.label for row in rows if row.split == "test"} == {"neutral", "happy"}


@pytest.mark.parametrize("train_only", [(), ("mine",)])
def test_a_class_that_only_training_has_is_asked_of_no_test_split(train_only):
    """TESS's speakers are never tested in a fold, and those of a corpus that is for training alone neither."""
    emotions = ("neutral", "happy", "sad")
    other = "mine" if train_only else "tess"
    recordings = make_recordings("ravdess", emotions=emotions) + make_recordings(
        other, {"a": "", "b": ""} if train_only else None
    )
    fold = Fold(1, 5)
    validation = 0.5  # that of TESS's two, too, one validates
    rows = assign_splits(recordings, "speaker", validation=validation, test=0.25, fold=fold, train_only=train_only).rows
    assert {row.corpus for row in rows if row.label == "surprise"} == {other}
    assert "test" not in {row.split for row in rows if row.corpus == other}


def test_ones_own_speakers_are_held_out_by_sex_where_there_are_enough_of_each():
    speakers = {f"{sex}{n}": sex for sex in ("female", "male") for n in range(6)}
    rows = assign_splits(make_recordings("mine", speakers), "speaker", validation=0.17, test=0.17).rows
    assert {(row.split, row.sex) for row in rows} == set(itertools.product(SPLITS, ("female", "male")))
    assert most_folds({"mine": speakers}) == 6


@pytest.mark.parametrize("sexes", [("female", "male", "male", "male"), ("", "", "", "")])
def test_of_few_of_ones_own_speakers_one_is_held_out_for_each_split(sexes):
    speakers = {f"{n}": sex for n, sex in enumerate(sexes)}
    rows = assign_splits(make_recordings("mine", speakers), "speaker", validation=0.01, test=0.01).rows
    speakers_of = {split: {row.speaker for row in rows if row.split == split} for split in SPLITS}
    assert {split: len(found) for split, found in speakers_of.items()} == {"train": 2, "validation": 1, "test": 1}
    assert most_folds({"mine": speakers}) == 4


def test_a_fraction_that_is_nobody_of_a_published_corpus_is_told():
    with pytest.raises(UserError, match="no validation clip would be"):
        assign_splits(make_recordings("ravdess"), "speaker", validation=0.02, test=0.25)
