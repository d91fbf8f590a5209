"""A finished model on other recordings: `ser-tinyml evaluate`."""

import dataclasses
import json
import pathlib
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf

import ser_tinyml
from pipeline.evaluate import describe_front_end, list_classes
from schemas.errors import UsageError, UserError
from schemas.run_files import Export, ManifestSummary
from ser_tinyml.judging import gates
from ser_tinyml.store import run_files
from ser_tinyml.store.finished_model import find_model

QUICK = {"noise_clips": 0, "num_shards": 1}


@pytest.fixture(scope="module")
def strangers(demo_root, tmp_path_factory):
    """DIR/EMOTION/SPEAKER/N.wav of two speakers whom training never heard, without surprise, and with some fear."""
    folder = tmp_path_factory.mktemp("strangers")
    rows = [json.loads(line) for line in (demo_root / "manifest/manifest.jsonl").read_text().splitlines()]
    held_out = [row for row in rows if row["split"] == "test" and row["corpus"] == "ravdess"]
    for number, row in enumerate(held_out):
        if row["emotion"] != "surprised" and row["speaker"] in ("06", "07"):
            place = folder / row["emotion"] / row["speaker"]
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(row["path"], place / f"{number}.wav")
    (folder / "fearful/06").mkdir(parents=True)
    shutil.copy(held_out[0]["path"], folder / "fearful/06/x.wav")
    return folder


@pytest.fixture(scope="module")
def evaluated(demo_root, strangers, tmp_path_factory):
    output = tmp_path_factory.mktemp("evaluated")
    return ser_tinyml.evaluate(str(demo_root), [f"folder:{strangers}"], str(output), noise_clips=4), output


def test_a_run_is_judged_on_a_folder_that_lacks_a_class(evaluated):
    evaluation, output = evaluated
    assert evaluation.labels_without_clips == ("surprise",) and evaluation.models["tflm"].chance == pytest.approx(1 / 3)
    assert set(evaluation.models) == {"keras", "float", "dynamic", "int8", "tflm"} and evaluation.flashed == "tflm"
    summary = run_files.read(ManifestSummary, str(output / "manifest"))
    assert summary.protocol == "test" and summary.files == summary.clips + sum(summary.excluded.values())
    assert summary.speakers == {"test": ("folder/06", "folder/07")}
    assert {level.kind for level in evaluation.noise_curve} == {"white", "hum", "babble", "hiss"}
    page = (output / "report/index.html").read_text()
    assert "No held-out clip is surprise" in page and "Training" not in page


def test_speakers_whom_training_never_heard_are_strangers_under_any_name(evaluated):
    evaluation, _ = evaluated
    assert evaluation.protocol == "disjoint_speakers" and evaluation.heard.clips == 0


def test_the_speakers_and_clips_of_its_training_are_found_and_refused(demo_root, tmp_path, run):
    rows = [json.loads(line) for line in (demo_root / "manifest/manifest.jsonl").read_text().splitlines()]
    actor = next(row["path"] for row in rows if row["split"] == "train" and row["corpus"] == "ravdess")
    flags = [
        f"--corpus=ravdess:{pathlib.Path(actor).parent}",
        f"--output={tmp_path}",
        "--noise_clips=0",
        "--runtime=tflm",
    ]
    ended = run("ser_tinyml", "evaluate", demo_root, *flags, "--json", check=False)
    assert ended.returncode == 3, ended.stderr
    figures = json.loads(ended.stdout)
    assert not figures["blessed"] and list(figures["models"]) == ["tflm"]
    assert re.search(r"speakers of these clips who trained it: \d+ speakers, at most 0: FAILED", ended.stderr)
    assert re.search(r"these clips that trained it: \d+ clips, at most 0: FAILED", ended.stderr)
    page = (tmp_path / "report/index.html").read_text()
    assert re.search(r'class="banner bad">Training heard these clips', page)
    assert (tmp_path / "evaluation/evaluation.json").is_file()


OF_A_FILE = {"model_standardisation": "{0}/constants.json", "model_front_end": "{0}/front_end.json"}


@pytest.mark.parametrize(
    ("model", "runtimes", "options"),
    [
        ("firmware", {"int8", "tflm"}, {}),
        pytest.param("export/ser_float.tflite", {"float"}, OF_A_FILE, marks=pytest.mark.slow),
        pytest.param(
            "export/ser_int8.tflite", {"int8", "tflm"}, OF_A_FILE | {"classes": "four"}, marks=pytest.mark.slow
        ),
        pytest.param("model/ser.h5", {"keras"}, OF_A_FILE | {"runtime": ("keras",)}, marks=pytest.mark.slow),
    ],
    ids=["bundle", "float", "int8", "keras"],
)
def test_bundles_and_files_are_judged_like_the_run(demo_root, strangers, tmp_path, evaluated, model, runtimes, options):
    exported = run_files.read(Export, str(demo_root / "export"))
    (tmp_path / "constants.json").write_text(json.dumps(exported.standardisation.to_dict()))
    (tmp_path / "front_end.json").write_text(json.dumps(exported.front_end.to_dict()))
    filled = {name: value.format(tmp_path) if isinstance(value, str) else value for name, value in options.items()}
    found = ser_tinyml.evaluate(
        str(demo_root / model), [f"folder:{strangers}"], str(tmp_path / "out"), noise_clips=0, **filled
    )
    assert set(found.models) == runtimes
    assert found.protocol == ("disjoint_speakers" if model == "firmware" else "model_from_elsewhere")
    for name, row in found.models.items():
        assert row.scores == evaluated[0].models[name].scores


@pytest.mark.parametrize(
    ("activation", "failed"),
    [
        ("softmax", "UAR, lower end of its 95 % interval over speakers, against chance: 0.3333333, above 0.3333333"),
        ("tanh", "largest deviation of a window's probabilities from a sum of 1"),
    ],
    ids=["always the same", "no softmax"],
)
def test_a_model_of_no_use_is_not_blessed(strangers, tmp_path, activation, failed):
    layers = tf.keras.layers
    inner = [layers.Flatten(), layers.Dense(4, activation=activation, kernel_initializer="zeros")]
    model = tf.keras.Sequential([layers.Input((47, 13)), *inner])
    model.layers[-1].set_weights([np.zeros((611, 4)), np.array([0.0, 0.5, 0.0, -1.5])])
    model.save(tmp_path / "constant.h5")
    model, output = str(tmp_path / "constant.h5"), str(tmp_path / "out")
    evaluation = ser_tinyml.evaluate(model, [f"folder:{strangers}"], output, noise_clips=0)
    told = "\n".join(gates.describe(gate) for gate in evaluation.gates if not gate.passed)
    assert not evaluation.blessed and failed in told and "recall of" in told


def test_what_is_no_model_is_told(strangers, tmp_path):
    (tmp_path / "page.html").write_text("<!doctype html>")
    with pytest.raises(UserError, match="web page"):
        ser_tinyml.evaluate(str(tmp_path / "page.html"), [f"folder:{strangers}"], str(tmp_path / "out"), **QUICK)
    with pytest.raises(UserError, match="nobody/here"):
        ser_tinyml.evaluate("nobody/here", [f"folder:{strangers}"], str(tmp_path / "out"), **QUICK)


def test_wrong_options_are_told(demo_root, strangers, tmp_path):
    corpus, output = [f"folder:{strangers}"], str(tmp_path / "out")
    with pytest.raises(UsageError, match="min_uar"):
        ser_tinyml.evaluate(str(demo_root), corpus, output, min_uar=7.0)
    with pytest.raises(UsageError, match="model_standardisation is of a file"):
        ser_tinyml.evaluate(str(demo_root), corpus, output, model_standardisation="dataset")
    with pytest.raises(UsageError, match="is the root of a run"):
        ser_tinyml.evaluate(str(demo_root), corpus, str(demo_root))
    with pytest.raises(UsageError, match="no_such_option"):
        ser_tinyml.evaluate(str(demo_root), corpus, output, no_such_option=1)
    with pytest.raises(UsageError, match=r"spoken.*keras, float, dynamic, int8, tflm"):
        ser_tinyml.evaluate(str(demo_root), corpus, output, runtime=("spoken",))


def test_a_changed_file_of_a_bundle_is_told(demo_root, strangers, tmp_path):
    shutil.copytree(demo_root / "firmware/generated", tmp_path / "generated")
    content = bytearray((tmp_path / "generated/ser_int8.tflite").read_bytes())
    content[90_000] ^= 1
    (tmp_path / "generated/ser_int8.tflite").write_bytes(content)
    with pytest.raises(UserError, match=r"ser_int8\.tflite is not the file that was exported"):
        ser_tinyml.evaluate(str(tmp_path), [f"folder:{strangers}"], str(tmp_path / "out"), **QUICK)


def test_classes_of_a_model_take_the_emotions_that_it_learned_and_their_own_names(demo_root):
    exported = find_model(str(demo_root)).exported
    classes = {each["name"]: each["emotions"] for each in list_classes(exported)["classes"]}
    assert classes["unpleasant"] == ["angry", "sad", "unpleasant"] and classes["neutral"] == ["calm", "neutral"]
    renamed = dataclasses.replace(exported, label_of_emotion={"x": "neutral"})
    assert list_classes(renamed)["classes"][0]["emotions"] == ["x", "neutral"]
    assert describe_front_end(exported.front_end)["window_seconds"] == 1.5
