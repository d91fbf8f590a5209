"""A folder for the Hugging Face hub, made of the demo's run and used as its card says."""

import ast
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml

import ser_tinyml
from schemas.errors import GateFailed, UserError
from schemas.run_files import Board, Evaluation
from ser_tinyml.report.hub import make_folder
from ser_tinyml.store import run_files

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def folder(run, demo_root, tmp_path_factory):
    output = tmp_path_factory.mktemp("hub") / "model"
    run("ser_tinyml", "export-hub", output, f"--model={demo_root}")
    return output


def run_snippet(folder: pathlib.Path) -> str:
    snippet = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)[1]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", snippet]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.needs("cc")
def test_the_cards_snippet_runs_in_the_folder_and_says_what_the_run_says(folder, demo_root, demo_corpus, tmp_path):
    alone = shutil.copytree(folder, tmp_path / "alone")
    recording = next((demo_corpus / "savee").rglob("*.wav"))
    shutil.copy(recording, alone / "recording.wav")
    said = ast.literal_eval(run_snippet(alone))
    assert said == ser_tinyml.load(str(demo_root)).predict_file(str(recording)).probabilities


def test_the_cards_head_is_the_hubs_yaml(folder):
    head = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    assert head["pipeline_tag"] == "audio-classification" and head["license"] == "other"
    (result,) = head["model-index"][0]["results"]
    assert 0 < result["metrics"][0]["value"] <= 1


def test_classes_and_front_end_are_those_of_the_model(folder, demo_root):
    config, inputs = (json.loads((folder / name).read_text()) for name in ("config.json", "preprocessor_config.json"))
    exported = json.loads((demo_root / "export" / "export.json").read_text())
    assert list(config["id2label"].values()) == exported["labels"] == list(config["label2id"])
    assert {name: inputs[name] for name in exported["front_end"]} == exported["front_end"]
    assert inputs["mean"] == exported["standardisation"]["mean"]


def test_no_path_of_this_machine_is_in_the_text(folder, demo_root):
    texts = [path.read_text() for path in folder.iterdir() if path.suffix in (".md", ".json", ".h")]
    assert not any(str(demo_root.parent) in text for text in texts)


def test_a_folder_that_holds_something_is_left_alone(run, folder, demo_root):
    refused = run("ser_tinyml", "export-hub", folder, f"--model={demo_root}", check=False)
    assert refused.returncode == 1 and "is not empty: nothing of it is overwritten" in refused.stderr


def test_a_model_that_is_not_blessed_is_refused(demo_root, tmp_path, seal):
    root = shutil.copytree(demo_root, tmp_path / "root", ignore=shutil.ignore_patterns("firmware", "report", "*.tfrecord.gz"))
    for kind, folder, step in ((Evaluation, "evaluation", "evaluator"), (Board, "board", "infra_validator")):
        document = json.loads((root / folder / kind.FILE_NAME).read_text())
        document["gates"][0]["passed"] = False
        (root / folder / kind.FILE_NAME).write_text(json.dumps(document))
        seal(root / folder, step)
        assert not run_files.read(kind, str(root / folder)).gates[0].passed
    seal(root / "examples", "transform")
    with pytest.raises(GateFailed, match="its model is not blessed:\n  .*FAILED"):
        make_folder(str(root))


def test_what_is_no_run_is_refused(demo_root):
    with pytest.raises(UserError, match="is no finished run: its card needs"):
        make_folder(str(demo_root / "export"))
