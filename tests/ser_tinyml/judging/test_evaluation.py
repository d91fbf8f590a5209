import numpy as np
import pytest

from schemas.classes import PRESETS
from schemas.front_end import FrontEnd, Standardisation
from schemas.manifest import ManifestRow
from schemas.record import Example
from schemas.run_files import OutputComparison
from ser_tinyml.judging.evaluation import Judged, compare_runtimes, evaluate, list_predictions
from ser_tinyml.judging.held_out import HeldOut
from ser_tinyml.runtimes.predictions import Candidate, Predictions

LABELS = PRESETS["four"].labels

# (clip, corpus, speaker, emotion, label), two windows each
CLIPS = [
    ("a", "tess", "OAF", "happy", 1),
    ("b", "tess", "OAF", "sad", 2),
    ("c", "ravdess", "01", "happy", 1),
    ("d", "own", "me", "sad", 2),
]


class Fixed:
    """A runtime that gives these probabilities, whatever it hears."""

    def __init__(self, classes, latency_ms):
        self.predictions = Predictions(np.where(np.eye(4, dtype=bool)[classes], 0.7, 0.1), latency_ms)

    def predict(self, inputs, begins=None):
        assert len(inputs) == len(self.predictions.probabilities)
        return self.predictions


def make_row(clip_id, *, duration, sex, intensity="strong"):
    rest = {"split": "test", "sample_rate": 16_000, "synthetic": False, "sex": sex, "intensity": intensity}
    named = {"path": "", "corpus": "", "speaker": "", "emotion": "", "label": ""}
    return ManifestRow(clip_id=clip_id, duration=duration, **named, **rest)


@pytest.fixture
def held_out():
    mfcc = np.zeros((2, 3), np.float32)
    records = [
        Example(clip, corpus, speaker, emotion, label, 0, window, "clean", False, mfcc)
        for clip, corpus, speaker, emotion, label in CLIPS
        for window in (0, 1)
    ]
    return HeldOut.from_records(records, np.arange(4), Standardisation.identity(3), FrontEnd())


@pytest.fixture
def candidates():
    """Keras is right; int8 takes clip b for class 3."""
    return {
        "keras": Candidate(Fixed([1, 1, 2, 2, 1, 1, 2, 2], 5.0), 4000),
        "int8": Candidate(Fixed([1, 1, 3, 3, 1, 1, 2, 2], 0.5), 1000),
    }


def judge(candidates, held_out, rows=()):
    judged = Judged.from_candidates(candidates, held_out, "int8")
    return evaluate(candidates, judged, held_out, labels=LABELS, rows={row.clip_id: row for row in rows})


def test_every_candidate_is_scored_and_compared_with_the_first(candidates, held_out):
    keras, int8 = judge(candidates, held_out).values()
    assert (keras.bytes, keras.latency_ms, keras.agreement) == (4000, 5.0, 1.0)
    assert (int8.bytes, int8.latency_ms, int8.agreement) == (1000, 0.5, 0.75)
    assert (keras.scores.uar, int8.scores.uar, int8.scores.accuracy, int8.scores.clips) == (1.0, 0.75, 0.75, 4)
    assert keras.calibration_error == pytest.approx(0.3) and int8.calibration_error == pytest.approx(0.05)
    assert int8.confusion == ((0, 0, 0, 0), (0, 2, 0, 0), (0, 0, 1, 1), (0, 0, 0, 0))


def test_each_class_has_its_scores_and_those_with_clips_an_interval(candidates, held_out):
    per_class = judge(candidates, held_out)["int8"].per_class
    assert tuple(per_class) == LABELS
    assert [per_class[label].recall for label in LABELS] == [0, 1, 0.5, 0]
    assert [per_class[label].clips for label in LABELS] == [0, 2, 2, 0]
    assert per_class[LABELS[0]].recall_interval is per_class[LABELS[3]].recall_interval is None
    assert per_class[LABELS[1]].recall_interval == (1, 1) and per_class[LABELS[2]].recall_interval == (0, 1)


def test_clips_are_divided_by_what_differs_among_them(candidates, held_out):
    rows = [
        make_row("a", duration=1.99, sex="female"),
        make_row("b", duration=2.0, sex="female"),
        make_row("c", duration=5.0, sex="male"),
        make_row("d", duration=4.9, sex=""),
    ]
    slices = judge(candidates, held_out, rows)["int8"].slices
    assert {by: {part: scores.clips for part, scores in parts.items()} for by, parts in slices.items()} == {
        "corpus": {"own": 1, "ravdess": 1, "tess": 2},
        "speaker": {"own/me": 1, "ravdess/01": 1, "tess/OAF": 2},
        "sex": {"female": 2, "male": 1, "not known": 1},
        "language": {"English": 3, "not known": 1},
        "emotion": {"happy": 2, "sad": 2},
        "duration": {"0 to 2 s": 1, "2 to 3 s": 1, "3 to 5 s": 1, "5 s and more": 1},
    }
    assert {part: scores.accuracy for part, scores in slices["emotion"].items()} == {"happy": 1.0, "sad": 0.5}
    assert {part: scores.accuracy for part, scores in slices["sex"].items()}["female"] == 0.5
    assert slices["speaker"]["ravdess/01"].intervals["uar"] == (1, 1)


def test_what_the_manifest_knows_of_some_clips_is_told_of_them(candidates, held_out):
    rows = [make_row("a", duration=3.0, sex="female")]
    slices = judge(candidates, held_out, rows)["keras"].slices
    assert {part: scores.clips for part, scores in slices["sex"].items()} == {"female": 1, "not known": 3}
    assert {part: scores.clips for part, scores in slices["intensity"].items()} == {"strong": 1, "not known": 3}
    assert {part: scores.clips for part, scores in slices["duration"].items()} == {"3 to 5 s": 1, "not known": 3}
    assert set(judge(candidates, held_out)["keras"].slices) == {"corpus", "speaker", "language", "emotion"}


def test_rows_tell_who_speaks_the_class_and_what_each_runtime_says(candidates, held_out):
    judged = Judged.from_candidates(candidates, held_out, "int8")
    judged.votes["int8"][3] = (1 / 3, 0, 2 / 3, 0)
    rows = list_predictions(held_out, judged, LABELS)
    assert [(row["clip_id"], row["copy"], row["corpus"], row["speaker"]) for row in rows] == [
        (clip, 0, corpus, speaker) for clip, corpus, speaker, *_ in CLIPS
    ]
    assert [row["label"] for row in rows] == [LABELS[label] for *_, label in CLIPS]
    assert rows[0]["probabilities"]["keras"] == dict(zip(LABELS, (0.1, 0.7, 0.1, 0.1), strict=True))
    assert list(rows[3]["probabilities"]["int8"].values()) == [0.333333, 0.0, 0.666667, 0.0]


def test_labels_that_are_not_all_of_the_models_are_refused(candidates, held_out):
    with pytest.raises(ValueError, match="zip"):
        list_predictions(held_out, Judged.from_candidates(candidates, held_out, "int8"), LABELS[:3])


def test_int8_outputs_are_compared_window_by_window():
    one = np.array([[100, -100], [10, -10], [0, 1], [-128, 127]], np.int8)
    other = np.array([[100, -100], [9, -10], [1, 0], [127, -128]], np.int8)
    found = compare_runtimes(*(Predictions((each + 128.0) / 256, 1.0, each) for each in (one, other)))
    assert found == OutputComparison(windows=4, same_class=2, identical_outputs=1, largest_difference=255)
