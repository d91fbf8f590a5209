import dataclasses
import json

import pytest

from schemas.errors import UserError
from schemas.front_end import FrontEnd, Standardisation
from schemas.run_files import (
    Board,
    BoardCost,
    ClassScores,
    Dataset,
    Evaluation,
    Heard,
    ModelEvaluation,
    Occasion,
    RunHistory,
    Scores,
    Shards,
    Split,
    StepRun,
)
from ser_tinyml.judging.side_by_side import compare_runs
from ser_tinyml.store import run_files

LABELS = ("calm", "happy")

MODEL = ModelEvaluation(
    bytes=5000,
    latency_ms=1.0,
    agreement=1.0,
    calibration_error=0.07,
    scores=Scores(clips=8, accuracy=0.8, macro_f1=0.78, uar=0.75, intervals={"uar": (0.6, 0.9)}),
    per_class={
        "calm": ClassScores(precision=1.0, recall=0.9, f1=0.9, clips=4, recall_interval=None),
        "happy": ClassScores(precision=1.0, recall=0.6, f1=0.7, clips=4, recall_interval=None),
    },
    confusion=((4, 0), (2, 2)),
    slices={},
)
EVALUATION = Evaluation(
    split="test",
    clips=8,
    windows=16,
    labels=LABELS,
    protocol="disjoint_speakers",
    heard=Heard(speakers=(), clips=0, has_unnamed_speakers=False),
    synthetic=False,
    dataset_digest="",
    models={"keras": dataclasses.replace(MODEL, bytes=20_000), "tflm": MODEL},
    flashed="tflm",
    tflm_against_int8=None,
    noisy={"tflm": Scores(clips=8, accuracy=0.5, macro_f1=0.5, uar=0.55, intervals={})},
    reliability=(),
    coverage=(),
    reject_below=0.0,
    noise_curve=(),
    baseline=None,
    gates=(),
    blessed=True,
    occasion=Occasion(when="", command="", version="", commit=""),
)
DATASET = Dataset(
    digest="0123456789abcdef" * 4,
    synthetic=False,
    labels=LABELS,
    leds=("#000000", "#ffffff"),
    label_of_emotion={},
    front_end=FrontEnd(),
    standardisation=Standardisation.identity(13),
    parameters={},
    decoded=40,
    quarantined={"too short": 2, "no sound": 3},
    splits={
        name: Split(examples=examples, shards=(), labels={}, corpora={})
        for name, examples in (("train", 100), ("validation", 20), ("test", 16))
    },
    audio=Shards(examples=0, shards=()),
)
COST = BoardCost(
    clips=1,
    windows=2,
    flash_bytes=300_000,
    ram_bytes=90_000,
    stack_bytes=1000,
    stack_bound_bytes=1500,
    engine_flash_bytes=4000,
    engine_ram_bytes=5000,
    instructions_frontend=7_000_000,
    instructions_engine=2_000_000,
    instructions_arduino={"frontend": 7_000_000, "engine": 2_000_000},
    layers=(),
    estimates=(),
    libraries={},
)


def write_predictions(folder, said: str, first: int = 0) -> None:
    """A row a letter of `said`: whether the clip's class is given ("y") or not ("n")."""
    rows = []
    for number, right in enumerate(said, start=first):
        label, other = LABELS[number % 2], LABELS[1 - number % 2]
        says = {label: 0.9 if right == "y" else 0.1, other: 0.1 if right == "y" else 0.9}
        row = {"clip_id": str(number), "copy": 0, "corpus": "own", "speaker": str(number % 2), "label": label}
        rows.append(json.dumps(row | {"probabilities": {"tflm": {name: says[name] for name in LABELS}}}))
    (folder / "predictions.jsonl").write_text("\n".join(rows))


@pytest.fixture
def make_run(tmp_path):
    """Writes what `ser-tinyml evaluate` leaves, and with `parameters`, of the steps, what a whole run has beside it."""

    def make(name, said="yyyyyyyy", first=0, parameters=None, evaluation=EVALUATION) -> str:
        root = tmp_path / name
        (root / "evaluation").mkdir(parents=True)
        run_files.write(evaluation, str(root / "evaluation"))
        write_predictions(root / "evaluation", said, first)
        if parameters is not None:
            step = StepRun(code="", libraries={}, parameters={}, inputs={}, output="")
            steps = {each: dataclasses.replace(step, parameters=found) for each, found in parameters.items()}
            run_files.write(RunHistory(steps), str(root))
            run_files.write(DATASET, str(root / "examples"))
            board = Board(validated=True, skipped=(), gates=(), replay=None, cost=COST, false_alarms=())
            run_files.write(board, str(root / "board"))
        return str(root)

    return make


def test_others_are_compared_with_the_first_on_its_clips(make_run):
    roots = [make_run("one"), make_run("two", "yyyynnnn"), make_run("three", "yyyy", first=90), make_run("four", "nn")]
    found = compare_runs(roots)
    assert found.roots == roots
    none, two, three, four = found.differences
    assert none is None and three is None
    assert (two.other, two.clips, two.difference["accuracy"]) == (roots[0], 8, -0.5)
    assert (four.other, four.clips, four.difference["accuracy"]) == (roots[0], 2, -1)
    assert [bool(why) for why in found.why_not] == [True, False, True, False]
    assert found.why_not[2] == f"{roots[0]} was judged on other clips: nothing to compare"


def test_flags_that_differ_are_shown_and_none_where_a_run_has_no_such_flag(make_run):
    found = compare_runs(
        [
            make_run("one", parameters={"trainer": {"epochs": 5, "units": [8, 8]}, "transform": {"copies": 2}}),
            make_run("two", parameters={"trainer": {"epochs": 5, "units": [8, 16]}, "transform": {"copies": 2}}),
            make_run("three", parameters={"trainer": {"epochs": 9, "units": [8, 8]}}),
            make_run("judged elsewhere"),
        ]
    )
    assert found.flags == {
        "trainer --epochs": [5, 5, 9, None],
        "trainer --units": [[8, 8], [8, 16], [8, 8], None],
        "transform --copies": [2, 2, None, None],
    }
    assert list(found.flags) == sorted(found.flags)


def test_a_single_run_is_shown_without_a_flag_that_differs(make_run):
    found = compare_runs([make_run("one", parameters={"trainer": {"epochs": 5}})])
    assert found.flags == {} and found.differences == [None] and found.figures["UAR"] == [0.75]


def test_data_are_shown_of_runs_that_have_some(make_run):
    found = compare_runs([make_run("one", parameters={}), make_run("two")])
    assert found.data == {
        "digest of the records": ["0123456789abcdef", None],
        "classes": ["calm, happy", None],
        "clips decoded": [40, None],
        "clips in quarantine": [5, None],
        "train records": [100, None],
        "validation records": [20, None],
        "test records": [16, None],
    }


def test_figures_are_those_of_the_form_that_is_flashed(make_run):
    on_keras = dataclasses.replace(EVALUATION, flashed="keras", blessed=False)
    found = compare_runs([make_run("one", parameters={}), make_run("two", evaluation=on_keras)])
    assert found.figures == {
        "blessed": [True, False],
        "judged on": ["disjoint_speakers"] * 2,
        "held-out clips": [8, 8],
        "form": ["tflm", "keras"],
        "UAR": [0.75, 0.75],
        "UAR, lower end": [0.6, 0.6],
        "UAR, upper end": [0.9, 0.9],
        "chance": [0.5, 0.5],
        "accuracy": [0.8, 0.8],
        "macro-F1": [0.78, 0.78],
        "UAR with noise": [0.55, None],
        "worst class": ["happy", "happy"],
        "its recall": [0.6, 0.6],
        "calibration error": [0.07, 0.07],
        "bytes of the model": [5000, 20_000],
        "flash, bytes": [300_000, None],
        "RAM, bytes": [90_000, None],
        "instructions a window": [9_000_000, None],
    }


def test_a_run_that_was_not_judged_is_told(make_run, tmp_path):
    with pytest.raises(UserError, match=r"nowhere/evaluation/evaluation\.json"):
        compare_runs([make_run("one"), str(tmp_path / "nowhere")])
