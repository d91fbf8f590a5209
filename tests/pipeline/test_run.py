import json
import re
import shutil

import pytest

from pipeline.run import run_once
from pipeline.steps import STEPS, plan_steps
from schemas.errors import GateFailed
from schemas.run_files import Artifact
from ser_tinyml.store import run_files

FEW = ("--noise_clips=2", "--board_clips=2")  # where a test is not of these

STEP_NAMES = ["example_gen", "transform", "trainer", "exporter", "evaluator", "infra_validator", "pusher", "reporter"]


def test_the_demo_leaves_all_artifacts(demo_root):
    for name in (
        "manifest/manifest.jsonl",
        "examples/train-00000-of-00004.tfrecord.gz",
        "examples/quarantine.jsonl",
        "examples/statistics.json",
        "examples/schema.pbtxt",
        "examples/dataset.json",
        "model/ser.h5",
        "model/history.csv",
        "model/training.json",
        "export/ser_float.tflite",
        "export/ser_dynamic.tflite",
        "export/ser_int8.tflite",
        "export/ser_model_data.cc",
        "export/ser_model_data.h",
        "export/ser_model.c",
        "export/ser_model.h",
        "export/ser_model.bin",
        "export/export.json",
        "evaluation/evaluation.json",
        "evaluation/windows.npz",
        "board/board.json",
        "evaluation/curves.png",
        "firmware/CMakeLists.txt",
        "firmware/MODEL_CARD.md",
        "firmware/ser_firmware.zip",
        "report/index.html",
        "lineage.json",
    ):
        assert (demo_root / name).exists(), name
    assert not list(demo_root.rglob("*.partial"))


def test_the_console_shows_the_table_and_the_report_and_no_librarys_chatter(demo_run):
    root, result = demo_run
    lines = result.stdout.strip().splitlines()
    assert lines[-1] == str(root / "report/index.html")
    assert [line.split()[0] for line in lines[-7:-2]] == ["keras", "float", "dynamic", "int8", "tflm"]
    told = result.stderr.splitlines()  # how far a step is, where this machine takes long for it
    assert not [line for line in told if not re.fullmatch(r"\d+ of \d+ [a-z ]+, [\d.e+]+ a second, \d+ s left", line)]


def test_a_finished_step_is_not_run_twice_and_a_damaged_one_is(demo_run, demo_flags, tmp_path, run):
    root = tmp_path / "run [1]* é"  # a name, no pattern
    shutil.copytree(demo_run[0], root)
    again = run("pipeline.run", *demo_flags, f"--pipeline_root={root}", "--json")
    assert [line.split()[1].rstrip(":") for line in again.stderr.splitlines() if line.startswith("==")] == STEP_NAMES
    assert again.stderr.count("done before") == len(STEP_NAMES)
    figures, evaluation = json.loads(again.stdout), json.loads((root / "evaluation/evaluation.json").read_text())
    assert figures["blessed"] and figures["gates"] == evaluation["gates"]
    assert {name: row["uar"] for name, row in figures["models"].items()} == {
        name: row["scores"]["uar"] for name, row in evaluation["models"].items()
    }

    before = (root / "manifest/manifest.jsonl").read_bytes()
    (root / "manifest/manifest.jsonl").write_text("{}")
    repaired = run("pipeline.run", *demo_flags, f"--pipeline_root={root}")
    # What is made of the same bytes is not made again.
    assert repaired.stdout.count("done before") == len(STEP_NAMES) - 1
    assert "== example_gen: done before" not in repaired.stdout
    assert (root / "manifest/manifest.jsonl").read_bytes() == before


@pytest.mark.parametrize(("judged", "told"), [("evaluation", "not blessed"), ("board", "did not pass")])
def test_a_gate_that_fails_ends_a_run_in_which_all_is_done(demo_root, tmp_path, judged, told):
    for folder in ("evaluation", "board"):
        shutil.copytree(demo_root / folder, tmp_path / folder)
    path = tmp_path / judged / f"{judged}.json"
    document = json.loads(path.read_text())
    document["gates"][0]["passed"] = False
    path.write_text(json.dumps(document))
    with pytest.raises(GateFailed, match=f"{told}:\n  {re.escape(document['gates'][0]['name'])}"):
        run_once(str(tmp_path), [], [], as_json=False)


@pytest.mark.slow
def test_an_unblessed_model_is_reported_and_ends_the_run_non_zero(demo_run, demo_flags, tmp_path, run):
    root = tmp_path / "run"
    shutil.copytree(demo_run[0], root)
    flags = ("--max_accuracy_loss=-50", *FEW)
    result = run("pipeline.run", *demo_flags, f"--pipeline_root={root}", *flags, check=False)
    assert result.returncode == 3
    assert re.search("int8 accuracy loss against Keras.*FAILED by .* points", result.stderr)
    assert "The model is not blessed" in (root / "report/index.html").read_text()
    again = run("pipeline.run", *demo_flags, f"--pipeline_root={root}", *flags, check=False)
    assert again.returncode == 3 and again.stdout.count("done before") == len(STEP_NAMES)


def test_lineage_tells_what_each_step_read_and_made(demo_root):
    steps = json.loads((demo_root / "lineage.json").read_text())["steps"]
    assert list(steps) == STEP_NAMES
    for name, step in steps.items():
        assert set(step) == {"code", "libraries", "parameters", "inputs", "output"}, name
        assert all(len(digest) == 64 for digest in (*step["inputs"].values(), step["output"])), name
    assert steps["trainer"]["parameters"]["epochs"] == 5
    assert steps["trainer"]["inputs"]["examples"] == steps["transform"]["output"]


def test_every_file_that_a_step_leaves_is_on_its_record(demo_root):
    for step in STEPS:
        folder = demo_root / step.output
        record = run_files.read(Artifact, str(folder))
        found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {"artifact.json"}
        assert record.finished and set(record.files) == found, step.name
    assert not (demo_root / "run.lock").exists()


def test_a_model_from_elsewhere_is_not_trained():
    assert [step.name for step in plan_steps("")] == STEP_NAMES == [step.name for step in STEPS]
    planned = plan_steps("foreign.h5")
    assert "trainer" not in [step.name for step in planned]
    assert not any("model" in step.inputs for step in planned)


FIRST_STEP, RUN = ("components.example_gen", "--output"), ("pipeline.run", "--pipeline_root")


@pytest.mark.parametrize(
    ("command", "flags", "message"),
    [
        (FIRST_STEP, ["--corpus=ravdess:{empty}"], "no audio file"),
        (FIRST_STEP, ["--corpus=ravdess:{missing}"], "no such directory"),
        (FIRST_STEP, ["--corpus=iemocap:{empty}"], "unknown corpus 'iemocap'"),
        (RUN, ["--corpus=ravdess:{text}"], "not_audio"),
        (FIRST_STEP, ["--corpus=ravdess:{nothing}"], "empty_file"),
        (RUN, ["--corpus=ravdess:{empty}", "--no_such_flag=1"], "unknown flag --no_such_flag=1"),
        (FIRST_STEP, ["--corpus=ravdess:{empty}", "--split=random"], "split"),
        (RUN, [], "no corpus given"),
    ],
    ids=["empty", "missing", "unknown", "text", "empty_file", "flag", "enum", "none"],
)
def test_wrong_input_is_a_message_and_no_traceback(tmp_path, run, command, flags, message):
    folders = {name: tmp_path / name for name in ("empty", "text", "nothing", "missing")}
    for name in ("empty", "text", "nothing"):
        folders[name].mkdir()
    (folders["text"] / "03-01-03-01-01-01-01.wav").write_text("no audio")
    (folders["nothing"] / "03-01-03-01-01-01-01.wav").touch()
    module, output = command
    arguments = [flag.format(**folders) for flag in flags]
    result = run(module, *arguments, f"{output}={tmp_path / 'root'}", check=False)
    assert result.returncode != 0
    assert message in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_a_model_from_elsewhere_is_exported_evaluated_and_reported(demo_run, demo_flags, tmp_path, run):
    root = tmp_path / "run {1,2}?"
    shutil.copytree(demo_run[0], root)
    shutil.move(root / "model" / "ser.h5", tmp_path / "a [b]*.h5")
    shutil.rmtree(root / "model")
    foreign = [f"--model_path={tmp_path / 'a [b]*.h5'}", "--model_standardisation=dataset", *FEW]
    result = run("pipeline.run", *demo_flags, f"--pipeline_root={root}", *foreign)
    assert "== transform: done before" in result.stdout and "trainer" not in result.stdout
    assert not (root / "model").exists()
    evaluation = json.loads((root / "evaluation/evaluation.json").read_text())
    assert evaluation["blessed"] and evaluation["protocol"] == "model_from_elsewhere"
    assert evaluation["models"]["keras"]["agreement"] == 1.0
    assert "comes from elsewhere" in (root / "report/index.html").read_text()


def test_an_int8_file_from_elsewhere_goes_straight_to_source_evaluation_and_board(demo_run, demo_flags, tmp_path, run):
    """The demo's own, whose Keras model nobody has any more."""
    root = tmp_path / "run"
    shutil.copytree(demo_run[0], root)
    shutil.copy(root / "export/ser_int8.tflite", tmp_path / "theirs.tflite")
    shutil.rmtree(root / "model")
    foreign = [f"--model_path={tmp_path / 'theirs.tflite'}", "--model_standardisation=dataset", *FEW]
    run("pipeline.run", *demo_flags, f"--pipeline_root={root}", *foreign)
    before, after = (
        json.loads((folder / "evaluation/evaluation.json").read_text())["models"] for folder in (demo_run[0], root)
    )
    assert sorted(after) == ["int8", "tflm"]
    assert {name: model["scores"] for name, model in after.items()} == {name: before[name]["scores"] for name in after}
    assert (root / "firmware/generated/ser_int8.tflite").read_bytes() == (tmp_path / "theirs.tflite").read_bytes()
    assert json.loads((root / "board/board.json").read_text())["validated"]
    assert "comes from elsewhere" in (root / "report/index.html").read_text()
