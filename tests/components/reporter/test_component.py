import base64
import csv
import dataclasses
import io
import json
import re

import pytest
import soundfile

from schemas.run_files import Board, Dataset, Evaluation, Heard, ManifestSummary
from ser_tinyml.report import page
from ser_tinyml.store import run_files


@pytest.fixture(scope="module")
def html(demo_root):
    return (demo_root / "report/index.html").read_text()


@pytest.fixture
def shown(demo_root):
    return page.Page(
        evaluation=run_files.read(Evaluation, str(demo_root / "evaluation")),
        exported=None,
        board=None,
        training=None,
        summary=run_files.read(ManifestSummary, str(demo_root / "manifest")),
        dataset=run_files.read(Dataset, str(demo_root / "examples")),
        graph=None,
        grids=[],
        pictures=page.Pictures(curves=b"", recordings=[], copies=b"", grids=b""),
        mistakes=[],
        disagreements=[],
        copies=[],
        predictions=[],
        lineage={},
    )


def test_page_is_self_contained_small_and_marked_as_synthetic(html):
    assert not re.findall(r'(?:src|href)="(?!data:|#)', html)
    assert "Synthetic speech" in html and len(html) < 5_000_000


def test_first_screen_tells_what_to_flash_whether_it_is_good_and_what_it_costs(html, demo_root):
    first = re.sub(r"<[^>]+>|\s+", " ", html[: html.index("<main")])
    evaluation = run_files.read(Evaluation, str(demo_root / "evaluation"))
    board = run_files.read(Board, str(demo_root / "board"))
    flashed = evaluation.models[evaluation.flashed]
    low, high = flashed.scores.intervals["uar"]
    assert "ser_model.c" in first and "board-validated" in first
    assert f"UAR {flashed.scores.uar:.2f}" in first and f"{low:.2f} to {high:.2f}; chance 0.25" in first
    assert f"{board.cost.ram_bytes / 1024:.0f} of 256 KiB RAM" in first
    assert "faithful" in first and "pipeline.run" in first and evaluation.occasion.when in first


def test_every_section_is_there_and_linked(html):
    found = re.findall(r'<h2 id="(\w+)">', html)
    assert found == re.findall(r'<li><a href="#(\w+)">', html)
    assert found == [
        *(
            "models",
            "gates",
            "firmware",
            "classes",
            "confusion",
            "who",
            "trust",
            "mistakes",
            "training",
            "grid",
            "data",
            "flags",
        )
    ]
    for by in ("corpus", "speaker", "sex", "emotion", "intensity", "duration"):
        assert f"By {by}" in html
    assert html.count('<svg viewBox="') == 4  # reliability, coverage, noise, hiss


def test_mistakes_can_be_heard(html, demo_root):
    sounds = re.findall(r'src="data:audio/flac;base64,([^"]+)"', html)
    assert len(sounds) >= 20
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(sounds[0])))
    assert rate == 16_000 and len(samples) == 24_000 and samples.any()
    mistakes = html[html.index('id="mistakes"') : html.index('id="training"')]
    given = [float(text) for text in re.findall(r"<figcaption>[^<]*heard as \w+ with ([\d.]+)", mistakes)]
    assert given == sorted(given, reverse=True) and given


def test_figures_are_there_as_files(html, demo_root):
    files = dict(re.findall(r'download="([\w.]+)" href="data:[\w/]+;base64,([^"]+)"', html))
    evaluation = json.loads(base64.b64decode(files["evaluation.json"]))
    assert evaluation["models"] == json.loads((demo_root / "evaluation/evaluation.json").read_text())["models"]
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(files["clips.csv"]).decode())))
    assert len(rows) == evaluation["clips"] and "tflm happy" in rows[0]


def test_a_leak_is_told_in_red(shown):
    evaluation = dataclasses.replace(
        shown.evaluation,
        protocol="shared_clips",
        heard=Heard(("ravdess/01",), 3, has_unnamed_speakers=False),
        synthetic=False,
    )
    html = page.render_page(dataclasses.replace(shown, evaluation=evaluation))
    assert re.search(r'class="banner bad">[^<]*these figures leak', html) and "Synthetic" not in html


def test_who_is_near_chance_is_named_before_all_else(shown):
    models = dict(shown.evaluation.models)
    flashed = models[shown.evaluation.flashed]
    poor = dataclasses.replace(flashed.per_class["happy"], recall_interval=(0.1, 0.6))
    good = {label: dataclasses.replace(poor, recall_interval=(0.5, 0.9)) for label in flashed.per_class}
    speakers = {
        "ravdess/01": dataclasses.replace(flashed.scores, intervals=dict.fromkeys(flashed.scores.intervals, (0.6, 0.9)))
    }
    models[shown.evaluation.flashed] = dataclasses.replace(
        flashed, per_class=good | {"happy": poor}, slices=flashed.slices | {"speaker": speakers}
    )
    html = page.render_page(dataclasses.replace(shown, evaluation=dataclasses.replace(shown.evaluation, models=models)))
    assert "Not surely above chance: the class happy." in html[: html.index("<main")]


def test_failed_gates_are_named_before_all_else(shown):
    gates = tuple(dataclasses.replace(gate, passed=False) for gate in shown.evaluation.gates[-1:])
    evaluation = dataclasses.replace(shown.evaluation, gates=gates, blessed=False)
    html = page.render_page(dataclasses.replace(shown, evaluation=evaluation))
    assert f"The model is not blessed: {gates[0].name}." in html and "failed by" in html
