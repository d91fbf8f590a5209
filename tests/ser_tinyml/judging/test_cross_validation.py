import dataclasses
import json

import numpy as np
import pytest

from schemas.classes import PRESETS
from schemas.run_files import ALONE, HEARD_BEFORE, Evaluation, Heard, ModelEvaluation, Occasion, OutputComparison
from ser_tinyml.judging import cross_validation
from ser_tinyml.judging.metrics import score
from ser_tinyml.store import run_files

FLASHED = ModelEvaluation(
    bytes=0,
    latency_ms=0.0,
    agreement=1.0,
    calibration_error=0.0,
    scores=score(np.arange(4), np.arange(4)),
    per_class={},
    confusion=(),
    slices={},
)
NOTHING_JUDGED = Evaluation(
    split="test",
    clips=0,
    windows=0,
    labels=PRESETS["four"].labels,
    protocol="disjoint_speakers",
    heard=Heard(speakers=(), clips=0, has_unnamed_speakers=False),
    synthetic=False,
    dataset_digest="",
    models={"tflm": FLASHED},
    tflm_against_int8=OutputComparison(windows=0, same_class=0, identical_outputs=0, largest_difference=0),
    noisy={},
    flashed="tflm",
    reliability=(),
    coverage=(),
    reject_below=0.0,
    noise_curve=(),
    baseline=None,
    occasion=Occasion(when="", command="", version="", commit=""),
    gates=(),
    blessed=True,
)


def write_fold(folder, rows, **changes):
    """`rows` are (corpus, speaker, true class, class by Keras, class by int8)."""
    folder.mkdir(parents=True)
    lines = []
    for corpus, speaker, true, *predicted in rows:
        probabilities = {
            model: {label: 0.7 if n == found else 0.1 for n, label in enumerate(PRESETS["four"].labels)}
            for model, found in zip(("keras", "int8"), predicted, strict=True)
        }
        row = {
            "clip_id": "",
            "copy": 0,
            "corpus": corpus,
            "speaker": speaker,
            "label": PRESETS["four"].labels[true],
            "probabilities": probabilities,
        }
        lines.append(json.dumps(row))
    (folder / "predictions.jsonl").write_text("\n".join(lines) + "\n")
    run_files.write(dataclasses.replace(NOTHING_JUDGED, **changes), str(folder))
    return str(folder)


def make_rows(speaker, wrong=0, corpus="ravdess"):
    """Two clips a class; int8 gets the first `wrong` of them wrong, Keras none."""
    classes = [0, 1, 2, 3] * 2
    return [(corpus, speaker, c, c, (c + 1) % 4 if n < wrong else c) for n, c in enumerate(classes)]


@pytest.fixture
def document(tmp_path):
    evaluations = {
        "1/2": write_fold(tmp_path / "1", make_rows("01") + make_rows("02", wrong=4)),
        "2/2": write_fold(tmp_path / "2", make_rows("03", wrong=8) + make_rows("DC", corpus="savee")),
        "tess": write_fold(tmp_path / "t", make_rows("OAF", wrong=2, corpus="tess"), blessed=False),
    }
    cross_validation.run(str(tmp_path / "out"), evaluations)
    return json.loads((tmp_path / "out/cross_validation.json").read_text())


def test_mean_and_deviation_are_over_folds(document):
    int8 = document["models"]["int8"]
    assert [document["folds"][fold]["int8"]["uar"] for fold in ("1/2", "2/2")] == [0.75, 0.5]
    assert int8["mean"]["uar"] == 0.625
    assert int8["deviation"]["uar"] == pytest.approx(0.25 / 2**0.5)
    assert document["models"]["keras"]["mean"]["accuracy"] == 1


def test_corpora_and_speakers_stand_apart(document):
    int8 = document["models"]["int8"]
    assert int8["by_speaker"]["ravdess/02"]["accuracy"] == 0.5
    always = {name: [1, 1] for name in ("accuracy", "macro_f1", "uar")}
    assert int8["by_corpus"]["savee"] == {"clips": 8, "accuracy": 1, "macro_f1": 1, "uar": 1, "intervals": always}
    assert document["left_out"]["tess"]["int8"]["accuracy"] == 0.75
    assert document["blessed"] == {"1/2": True, "2/2": True, "tess": False}


def test_the_interval_is_over_speakers(document):
    """Three speakers with 1, 0.5 and 0: resampled, their mean is 0 with probability 1/27 and so is 1."""
    low, high = document["models"]["int8"]["by_corpus"]["ravdess"]["intervals"]["accuracy"]
    assert (low, high) == (0, 1)
    assert document["models"]["keras"]["all_clips"]["intervals"]["uar"] == [1, 1]


def test_tables_are_the_same_each_time(document, tmp_path):
    table = (tmp_path / "out/cross_validation.md").read_text()
    assert "| int8 | 0.625 ± 0.177 |" in table and "tess left out" in table
    evaluations = {"1/2": str(tmp_path / "1"), "2/2": str(tmp_path / "2"), "tess": str(tmp_path / "t")}
    cross_validation.run(str(tmp_path / "again"), evaluations)
    for name in ("cross_validation.md", "cross_validation.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_what_is_flashed_is_told_by_each_clip_alone(tmp_path):
    """Where the front end learns its speaker; elsewhere that is the same figure."""
    alone = score(np.arange(4), np.array([0, 1, 2, 0]))
    models = {"tflm": dataclasses.replace(FLASHED, slices={HEARD_BEFORE: {ALONE: alone}})}
    evaluations = {f"{n}/2": write_fold(tmp_path / str(n), make_rows(f"0{n}"), models=models) for n in (1, 2)}
    cross_validation.run(str(tmp_path / "out"), evaluations)
    told = (tmp_path / "out/cross_validation.md").read_text()
    assert (
        "| flashed, UAR of each clip alone | 0.750 | 0.750 |" in told and "has a UAR of 0.750 (mean of folds)" in told
    )


def test_every_row_of_a_table_has_a_cell_for_each_column(document, tmp_path):
    tables = (tmp_path / "out/cross_validation.md").read_text().split("\n\n")
    assert len(tables) == 5
    for table in tables:
        head, line, *rows = table.splitlines()
        assert set(line) == {"|", "-"} and {row.count("|") for row in (head, line, *rows)} == {head.count("|")}
    assert "| int8, savee | 8 | 1.000 (1.000 to 1.000) |" in tables[2]
    assert "| ravdess/02 | 8 | 0.500 |" in tables[3]
    assert "| keras, tess left out | 8 | 1.000 (1.000 to 1.000) |" in tables[4]


def test_corpora_that_were_left_out_alone_make_no_mean(tmp_path):
    rows = make_rows("OAF", corpus="tess")
    cross_validation.run(str(tmp_path / "out"), {"tess": write_fold(tmp_path / "t", rows)})
    document = json.loads((tmp_path / "out/cross_validation.json").read_text())
    assert document["models"] == document["folds"] == {} and document["left_out"]["tess"]["keras"]["uar"] == 1
    assert (tmp_path / "out/cross_validation.md").read_text().startswith("| | clips | UAR")
