"""`ser_tinyml.load`: any finished model, on any runtime."""

import json
import pathlib
import shutil
import subprocess
import sys

import pytest

import ser_tinyml
from schemas.errors import UsageError, UserError

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.needs("cc")


@pytest.fixture(scope="module")
def heard(held_out):
    """The held-out recordings, speaker by speaker, in the order in which the evaluator hears them."""
    return sorted(held_out, key=lambda recording: (recording.speaker, recording.order))


@pytest.mark.parametrize(("runtime", "judged"), [("engine", "tflm"), ("int8", "int8"), ("float", "float")])
def test_a_prediction_of_a_held_out_recording_is_the_evaluators_row(demo_root, heard, runtime, judged):
    model = ser_tinyml.load(str(demo_root), runtime)
    speaker = None
    for recording in heard:
        if recording.speaker != speaker:
            model.follow_speaker()
            speaker = recording.speaker
        found = model.predict_file(recording.path).probabilities
        assert {label: round(value, 6) for label, value in found.items()} == recording.probabilities[judged]


@pytest.fixture(scope="module")
def constants(demo_root, tmp_path_factory) -> dict[str, str]:
    """What the demo's files need to be told, as arguments of `load`."""
    exported = json.loads((demo_root / "export/export.json").read_text())
    folder = tmp_path_factory.mktemp("constants")
    for name in ("front_end", "standardisation"):
        (folder / f"{name}.json").write_text(json.dumps(exported[name]))
    return {name: str(folder / f"{name}.json") for name in ("front_end", "standardisation")}


@pytest.mark.parametrize(
    ("path", "runtime", "judged"),
    [
        ("export", "engine", "tflm"),
        ("firmware", "engine", "tflm"),
        ("model/ser.h5", "keras", "keras"),
        ("export/ser_dynamic.tflite", "float", "dynamic"),
        ("export/ser_int8.tflite", "int8", "int8"),
    ],
)
def test_each_kind_of_path_runs_by_default_on_its_own_runtime(demo_root, heard, path, runtime, judged):
    model = ser_tinyml.load(str(demo_root / path))
    assert model.runtime == runtime and model.labels == ("neutral", "happy", "surprise", "unpleasant")
    found = model.predict_file(heard[0].path)
    assert found.probabilities == pytest.approx(heard[0].probabilities[judged], abs=1e-5)
    assert found.reject_below == json.loads((demo_root / "export/export.json").read_text())["reject_below"] > 0


def test_a_file_that_is_no_longer_the_exports_own_is_one_from_anywhere(demo_root, tmp_path):
    shutil.copytree(demo_root / "export", tmp_path / "export")
    file = tmp_path / "export/ser_int8.tflite"
    file.write_bytes(file.read_bytes() + bytes(16))
    with pytest.raises(UserError, match="model_front_end names a file"):
        ser_tinyml.load(str(file))


def test_an_int8_file_from_anywhere_runs_as_generated_c(demo_root, heard, constants):
    model = ser_tinyml.load(str(demo_root / "export/ser_int8.tflite"), "engine", **constants)
    found = model.predict_file(heard[0].path).probabilities
    assert found == pytest.approx(heard[0].probabilities["tflm"], abs=1e-6)


def test_a_model_that_learns_no_speaker_follows_none(demo_root, constants, tmp_path):
    front_end = json.loads(pathlib.Path(constants["front_end"]).read_text())
    assert front_end["cmvn_prior_windows"] == 8
    (tmp_path / "front_end.json").write_text(json.dumps(front_end | {"cmvn_prior_windows": 0}))
    fixed = constants | {"front_end": str(tmp_path / "front_end.json")}
    model = ser_tinyml.load(str(demo_root / "export/ser_int8.tflite"), "engine", **fixed)
    with pytest.raises(UserError, match="trained without --cmvn_prior_windows"):
        model.follow_speaker()


def test_importing_loads_no_library_and_the_generated_c_no_tensorflow(demo_root, held_out):
    code = f"""
import sys
import ser_tinyml
assert not {{"numpy", "scipy", "tensorflow", "apache_beam"}} & set(sys.modules)
model = ser_tinyml.load({str(demo_root)!r})
assert model.runtime == "engine"
assert model.predict_file({held_out[0].path!r}).label in model.labels
model.stream()
assert not {{"tensorflow", "tf_keras", "apache_beam", "jinja2", "matplotlib"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


def test_without_a_compiler_the_int8_file_runs(demo_root, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    model = ser_tinyml.load(str(demo_root / "export"))
    assert model.runtime == "int8"
    with pytest.raises(UserError, match=r"^there is no C compiler \(cc\)"):
        model.stream()


@pytest.mark.parametrize(
    ("path", "arguments", "error", "told"),
    [
        ("", {"runtime": "gpu"}, UsageError, "runtime 'gpu': unknown; known are keras, float"),
        ("", {"labels": ["a", "b"]}, UsageError, "labels is of a file; .* knows its own"),
        ("manifest", {}, UserError, "is no finished model: no run, no export and no firmware bundle"),
        ("nowhere", {}, UserError, "nowhere: there is no such file or directory"),
        ("firmware", {"runtime": "float"}, UserError, "there is no float of .*; there are int8, tflm, engine, device"),
        ("export/ser_int8.tflite", {"labels": ["a", "a"]}, UserError, "labels: label 2 is there twice: 'a'"),
        ("export/ser_int8.tflite", {"labels": ["a", "b"]}, UserError, "takes .* and gives .*, and there are 2 classes"),
        ("export/ser_float.tflite", {"runtime": "engine"}, UserError, "there is no generated C of .*: it is no int8"),
    ],
)
def test_what_can_not_be_loaded_is_told(demo_root, constants, path, arguments, error, told):
    given = {name: constants[name] for name in constants if "engine" in arguments.values() and "." in path}
    with pytest.raises(error, match=told):
        ser_tinyml.load(str(demo_root / path), **given, **arguments)
