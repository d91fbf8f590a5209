"""The bulk job: every recording is predicted as `predict` does it, or in quarantine, whatever the runner and the files."""

import csv
import json
import pathlib
import shutil

import numpy as np
import pyarrow.parquet
import pytest
import soundfile

import ser_tinyml
from components.bulk_inference import component
from components.bulk_inference.parameters import Parameters
from schemas.errors import UsageError, UserError
from schemas.run_files import BulkPredictions
from ser_tinyml.store import run_files

pytestmark = pytest.mark.needs("cc")

TWO_THREADS = ["--runner=DirectRunner", "--direct_running_mode=multi_threading", "--direct_num_workers=2"]
TWO_PROCESSES = ["--runner=DirectRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=2"]


@pytest.fixture(scope="module")
def rows(demo_root) -> list[dict]:
    """The demo's held-out clips, as its manifest has them."""
    lines = (demo_root / "manifest" / "manifest.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["split"] == "test"][:5]


@pytest.fixture(scope="module")
def recordings(rows, tmp_path_factory) -> pathlib.Path:
    """Recordings in folders, some of which can't be heard, and what is none."""
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "below").mkdir()
    for number, row in enumerate(rows):
        shutil.copy(row["path"], folder / ("below" if number % 2 else "") / f"{number}.wav")
    soundfile.write(folder / "silent.flac", np.zeros(32_000), 16_000)
    soundfile.write(folder / "short.wav", np.ones(100), 16_000)
    (folder / "page.mp3").write_text("<!doctype html>")
    (folder / "cut.wav").write_bytes((folder / "0.wav").read_bytes()[:3_000])
    (folder / "notes.txt").write_text("no recording")
    return folder


def run_job(output, model, *inputs, options=(), **flags) -> BulkPredictions:
    parameters = Parameters(model=str(model), input=tuple(map(str, inputs)), **flags)
    component.run(str(output), parameters, beam_options=list(options))
    return run_files.read(BulkPredictions, str(output))


def read_rows(output: pathlib.Path) -> dict[str, dict]:
    lines = [line for path in output.glob("predictions-*.jsonl") for line in path.read_text().splitlines()]
    return {row["path"]: row for row in map(json.loads, lines)}


@pytest.fixture(scope="module")
def made(demo_root, recordings, tmp_path_factory) -> tuple[pathlib.Path, BulkPredictions]:
    output = tmp_path_factory.mktemp("bulk") / "out"
    return output, run_job(output, demo_root, recordings)


def test_what_is_said_of_a_recording_is_what_predict_says(made, demo_root):
    model = ser_tinyml.load(str(demo_root))
    found = read_rows(made[0])
    assert len(found) == 6
    for path, row in found.items():
        assert row == {"path": path, "clip_id": row["clip_id"]} | model.predict_file(path).to_json()


def test_nothing_is_lost(made, recordings):
    output, bulk = made
    assert (bulk.recordings, bulk.predicted, bulk.without_speech) == (9, 6, 1)
    assert sum(bulk.classes.values()) + bulk.without_speech == bulk.predicted
    quarantine = [json.loads(line) for line in (output / "quarantine.jsonl").read_text().splitlines()]
    names = {pathlib.Path(row["path"]).name: row["reason"] for row in quarantine}
    assert names == {"short.wav": "too_short", "page.mp3": "html_page", "cut.wav": "truncated_data"}
    assert bulk.quarantined == {"too_short": 1, "html_page": 1, "truncated_data": 1}
    assert {row["path"] for row in quarantine} | set(read_rows(output)) == {
        str(path) for path in recordings.rglob("*.*") if path.suffix != ".txt"
    }


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ((), {"num_shards": 1, "format": "csv"}),
        (TWO_THREADS, {"num_shards": 16, "format": "parquet"}),
        pytest.param(TWO_PROCESSES, {"num_shards": 3}, marks=pytest.mark.slow),
    ],
    ids=["in memory", "two threads", "two processes"],
)
def test_runner_shards_and_format_change_no_row(made, demo_root, recordings, tmp_path, options, flags):
    bulk = run_job(tmp_path / "out", demo_root, recordings, options=options, **flags)
    assert bulk.digest == made[1].digest and bulk.quarantined == made[1].quarantined
    expected = read_rows(made[0])
    shards = [tmp_path / "out" / name for name in bulk.shards]
    assert len(shards) == flags["num_shards"] and all(path.is_file() for path in shards)
    if bulk.format == "csv":
        with shards[0].open() as file:
            table = {row["path"]: row for row in csv.DictReader(file)}
        assert {path: row["class"] for path, row in table.items()} == {
            path: row["class"] or "" for path, row in expected.items()
        }
    elif bulk.format == "parquet":
        table = {row["path"]: row for path in shards for row in pyarrow.parquet.read_table(path).to_pylist()}
        assert table == {path: row | {"probabilities": row["probabilities"] or None} for path, row in expected.items()}
    else:
        assert read_rows(tmp_path / "out") == expected


def test_the_rows_of_a_manifest_are_held_to_it_and_parts_are_parts(demo_root, rows, tmp_path):
    whole, changed, part, gone = (dict(row) for row in rows[:4])
    changed["clip_id"] = "0" * 64
    part |= {"file_sha256": part["clip_id"], "clip_id": "1" * 64, "start": 0.5, "end": 1.5}
    gone["path"] = str(tmp_path / "gone.wav")
    lines = [json.dumps(row) for row in (whole, changed, part, gone)]
    (tmp_path / "manifest.jsonl").write_text("\n".join([*lines, "no row"]) + "\n")
    bulk = run_job(tmp_path / "out", demo_root, tmp_path / "manifest.jsonl", max_quarantine_fraction=1.0)
    assert bulk.quarantined == {"changed": 1, "not_found": 1, "invalid_row": 1} and bulk.recordings == 5
    found = read_rows(tmp_path / "out")
    assert found[whole["path"]]["clip_id"] == whole["clip_id"]
    assert found[part["path"]]["clip_id"] == "1" * 64 and found[part["path"]]["seconds"] == 1.0


def test_what_can_not_be_done_is_told(demo_root, recordings, tmp_path):
    with pytest.raises(UsageError, match=r"--model is not given.*\n.*--input is not given"):
        Parameters()
    with pytest.raises(UserError, match="--input=/none: there is no such file or directory"):
        run_job(tmp_path / "out", demo_root, "/none")
    with pytest.raises(UserError, match=r"3 of 9 recordings are in quarantine.*--max_quarantine_fraction=0.1"):
        run_job(tmp_path / "out", demo_root, recordings, max_quarantine_fraction=0.1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="1 of 1 recordings are in quarantine"):
        run_job(tmp_path / "out", demo_root, tmp_path / "empty")
