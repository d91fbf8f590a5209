"""`ser-tinyml predict`: recordings in, a table, JSON, CSV or pictures out."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from ser_tinyml.cli.over_time import draw_over_time
from ser_tinyml.prediction.model import Prediction
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.needs("cc")
LABELS = ("neutral", "happy", "surprise", "unpleasant")


@pytest.fixture(scope="module")
def folder(demo_root, tmp_path_factory):
    """Two held-out recordings in folders, one of them as MP3, silence, what is no sound, and a document."""
    folder = tmp_path_factory.mktemp("recordings")
    rows = [json.loads(line) for line in (demo_root / "manifest/manifest.jsonl").read_text().splitlines()]
    one, other = [row["path"] for row in rows if row["split"] == "test"][:2]
    (folder / "deep/er").mkdir(parents=True)
    shutil.copy(one, folder / "deep/er/one.wav")
    soundfile.write(folder / "other.mp3", *soundfile.read(other))
    soundfile.write(folder / "silence.flac", np.zeros(32_000), 16_000)
    (folder / "broken.wav").write_text("no sound")
    (folder / "notes.txt").write_text("of no concern")
    return folder


def test_a_folder_is_a_table_and_what_is_broken_is_a_line_of_its_own(run, demo_root, folder):
    ended = run("ser_tinyml", "predict", folder, f"--model={demo_root}", check=False)
    head, *rows = ended.stdout.splitlines()
    assert head.split() == ["recording", "seconds", "emotion", *LABELS]
    assert [row.split()[0].rpartition("/")[2] for row in rows] == ["one.wav", "other.mp3", "silence.flac"]
    assert rows[0].split()[2] in LABELS and rows[2].endswith("2.00  no speech")
    (told,) = ended.stderr.splitlines()
    assert told.startswith(f"error: {folder}/broken.wav: not_audio: ") and ended.returncode == 1


def test_lines_of_json_are_whole_and_in_order_however_many_jobs_there_are(run, demo_root, folder):
    command = ("ser_tinyml", "predict", folder, folder / "nothing.wav", f"--model={demo_root}", "--json")
    one, two = (run(*command, f"--jobs={jobs}", check=False) for jobs in (1, 2))
    assert one.stdout == two.stdout and one.returncode == two.returncode == 1 and one.stderr == ""
    rows = {json.loads(line)["path"].rpartition("/")[2]: json.loads(line) for line in one.stdout.splitlines()}
    assert list(rows) == ["broken.wav", "one.wav", "other.mp3", "silence.flac", "nothing.wav"]
    assert rows["broken.wav"]["error"].startswith("not_audio: ") and "No such file" in rows["nothing.wav"]["error"]
    assert rows["silence.flac"]["class"] is None and rows["silence.flac"]["windows"] == []
    said = rows["one.wav"]
    assert said["class"] == max(said["probabilities"], key=said["probabilities"].__getitem__)
    mean = np.mean([window["probabilities"] for window in said["windows"]], axis=0)
    np.testing.assert_allclose(mean, [*said["probabilities"].values()], atol=1e-5)


def test_csv_has_a_row_a_recording(run, demo_root, folder):
    ended = run("ser_tinyml", "predict", folder, f"--model={demo_root}", "--csv", check=False)
    rows = list(csv.DictReader(io.StringIO(ended.stdout)))
    assert [row["class"] in LABELS for row in rows] == [False, True, True, False]
    assert [bool(row["error"]) for row in rows] == [True, False, False, False]
    assert rows[0]["uncertain"] == "" and sum(float(rows[1][label]) for label in LABELS) > 0.98


def test_the_standard_input_is_heard_as_the_file_is(demo_root, folder):
    command = [sys.executable, "-m", "ser_tinyml", "predict", "-", f"--model={demo_root}", "--json"]
    content = (folder / "other.mp3").read_bytes()
    piped = subprocess.run(command, cwd=REPOSITORY, input=content, capture_output=True, check=True)
    command[4] = str(folder / "other.mp3")
    named = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True)
    assert json.loads(piped.stdout) | {"path": command[4]} == json.loads(named.stdout)


@pytest.mark.parametrize(("name", "begins"), [("x.png", b"\x89PNG"), ("x.svg", b"<?xml")])
def test_a_picture_is_of_the_same_bytes_each_time(run, demo_root, folder, tmp_path, name, begins):
    recording = folder / "deep/er/one.wav"
    for number in (1, 2):
        run("ser_tinyml", "predict", recording, f"--model={demo_root}", f"--plot={tmp_path}/{number}{name}")
    one, two = ((tmp_path / f"{number}{name}").read_bytes() for number in (1, 2))
    assert one == two and one.startswith(begins)


def test_a_terminals_plot_stands_below_its_row(run, demo_root, folder):
    ended = run("ser_tinyml", "predict", "--plot", folder / "deep/er/one.wav", f"--model={demo_root}")
    lines = ended.stdout.splitlines()
    assert [line.split()[0] for line in lines[2:6]] == [*LABELS] and lines[6].split()[:2] == ["0.0", "s"]


def test_a_plot_has_the_nearest_window_and_dots_where_nobody_speaks():
    found = Prediction(("a", "b"), 10.0, 1.0, np.array([0.0, 8.0]), np.array([[1, 0], [0, 1]], np.float32), 0.0)
    a, b, _ = draw_over_time(found, columns=46)
    assert a.split() == ["a", "████" + "·" * 28 + "▁▁▁▁" + "·" * 4]
    assert b.split() == ["b", "▁▁▁▁" + "·" * 28 + "████" + "·" * 4]
    assert len(a) == 45


@pytest.mark.parametrize(
    ("flags", "code", "told"),
    [
        (["x.wav", "--plot=x.jpg"], 2, r"--plot=x.jpg: expected a name that ends in .png or .svg"),
        (["x.wav", "--plot", "--json"], 2, "--plot is for people"),
        (["x.wav", "y.wav", "--plot=x.png"], 2, "--plot=x.png is the picture of one recording; there are 2"),
        (["x.wav", "--jobs=0"], 2, "--jobs=0: expected at least 1"),
        (["-", "-"], 2, "there is one standard input"),
        (["x.wav", "--runtime=gpu"], 2, "runtime 'gpu': unknown"),
        (["x.wav", "--model_labels=a,b"], 2, "labels is of a file"),
        (["tests/tools"], 1, "tests/tools: no recording is in this directory or below it"),
    ],
)
def test_what_can_not_be_meant_is_told(run, demo_root, flags, code, told):
    ended = run("ser_tinyml", "predict", *flags, f"--model={demo_root}", check=False)
    assert ended.returncode == code and f"error: {told}" in ended.stderr and "Traceback" not in ended.stderr


def test_a_name_of_any_bytes_is_printed(demo_root, folder, tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff \xc3\xa4.wav"
    shutil.copy(folder / "deep/er/one.wav", path)
    for flag in (b"--json", b"--csv"):
        command = [sys.executable, "-m", "ser_tinyml", "predict", path, f"--model={demo_root}", flag]
        ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True)
        assert b"neutral" in ended.stdout
