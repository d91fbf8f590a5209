"""The SavedModel of serve-model: what it says, where it runs, and what it is held to."""

import base64
import hashlib
import io
import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from components.serving import component
from components.serving.parameters import Parameters
from schemas.errors import UsageError, UserError
from schemas.front_end import PROSODY, FrontEnd
from schemas.manifest import ManifestRow
from schemas.run_files import Serving
from ser_tinyml.store import run_files
from ser_tinyml.store.manifest import write_manifest

FRONT_END = FrontEnd(prosody=PROSODY)
LABELS = ("calm", "upset")


def write_model(folder: pathlib.Path) -> dict[str, str]:
    """Writes a network that was never trained, whose answers differ from window to window; returns the flags that name it."""
    import tensorflow as tf

    from ser_tinyml.network.loading import encode_model

    tf.keras.utils.set_random_seed(5)
    layers = [
        tf.keras.layers.LSTM(8),
        tf.keras.layers.Dense(2, activation="softmax", kernel_initializer="random_normal"),
    ]
    shape = FRONT_END.n_frames, FRONT_END.n_features
    network = tf.keras.Sequential([tf.keras.layers.Input(shape), *layers])
    (folder / "network.h5").write_bytes(encode_model(network))
    (folder / "front_end.json").write_text(json.dumps({"prosody": PROSODY}))
    constants = {
        "mean": [-300.0] + [0.0] * 12 + [1.0, 0.5, -40.0],
        "deviation": [150.0] + [30.0] * 12 + [1.0, 0.5, 15.0],
    }
    (folder / "constants.json").write_text(json.dumps(constants))
    return {
        "model": str(folder / "network.h5"),
        "model_labels": ",".join(LABELS),
        "model_front_end": str(folder / "front_end.json"),
        "model_standardisation": str(folder / "constants.json"),
    }


def write_recordings(folder: pathlib.Path) -> str:
    """Writes recordings of several rates, and their manifest; returns its path."""
    rows = []
    for number, rate in enumerate((16_000, 44_100)):
        time = np.arange(round((1.9 + 0.4 * number) * rate)) / rate
        voice = sum(
            np.sin(2 * np.pi * 130 * (1 + number / 4) * harmonic * time) / harmonic for harmonic in range(1, 20)
        )
        noise = np.random.default_rng(number).standard_normal(len(time))
        sound = np.where((time > 0.4) & (time < 1.7), 0.1 * voice, 0) + 0.0005 * noise
        path = folder / f"{number}.wav"
        soundfile.write(path, sound, rate, subtype="PCM_16")
        clip_id = hashlib.sha256(path.read_bytes()).hexdigest()
        rows.append(ManifestRow(clip_id, str(path), "own", "ann", "calm", "calm", "test", time[-1], rate, False))
    write_manifest(str(folder / "manifest.jsonl"), rows)
    return str(folder / "manifest.jsonl")


@pytest.fixture(scope="module")
def flags(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("given")
    return write_model(folder) | {"manifest": write_recordings(folder)}


@pytest.fixture(scope="module")
def served(flags, tmp_path_factory) -> pathlib.Path:
    """The SavedModel with decoders."""
    output = tmp_path_factory.mktemp("served") / "speech"
    component.run(str(output), Parameters(**flags))
    return output


def run_elsewhere(folder: pathlib.Path, code: str, *arguments: str) -> str:
    """Runs code where this project is not: in an isolated interpreter, in another folder."""
    command = [sys.executable, "-I", "-c", code, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_it_says_in_every_encoding_what_keras_says(served):
    found = run_files.read(Serving, str(served))
    assert list(found.forms) == ["samples", "wav", "flac", "ogg", "mp3"] and found.faithful
    for form in found.forms.values():
        assert form.clips == 2 and form.agreement == 1 and form.same_windows == 1
        assert 0 < form.largest_difference < 0.01
    assert 0 < found.feature_difference < 0.01
    component.require_blessing(str(served))


def test_it_answers_a_rest_request_where_this_project_is_not(served, flags, tmp_path):
    """What TensorFlow Serving makes of the request's JSON is made here by its rules."""
    rows = [json.loads(line) for line in pathlib.Path(flags["manifest"]).read_text().splitlines()]
    instances = [{"b64": base64.b64encode(pathlib.Path(row["path"]).read_bytes()).decode()} for row in rows]
    (tmp_path / "request.json").write_text(json.dumps({"instances": instances}))
    code = """
import base64, json, sys
import tensorflow as tf, tensorflow_io as tfio
tfio.audio.resample(tf.zeros([1]), 1, 1)  # loads its operators
served = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
instances = json.load(open("request.json"))["instances"]
answer = served(audio=tf.constant([base64.b64decode(each["b64"]) for each in instances]))
assert not [name for name in sys.modules if name.split(".")[0] in ("ser_tinyml", "schemas", "components")]
print(json.dumps({name: value.numpy().astype(str).tolist() for name, value in answer.items()}))
"""
    answer = json.loads(run_elsewhere(tmp_path, code, str(served / "1")))
    assert answer["labels"] == [list(LABELS)] * 2
    names = ("class", "windows", "window_starts", "probabilities", "window_probabilities")
    for label, count, starts, probabilities, windows in zip(*(answer[name] for name in names), strict=True):
        said = np.array(probabilities, float)
        assert label == LABELS[said.argmax()] and np.isclose(said.sum(), 1)
        inside = np.array(windows, float)[: int(count)]
        np.testing.assert_allclose(inside.mean(axis=0), said, atol=1e-6)
        assert not np.array(windows, float)[int(count) :].any()
        assert float(starts[0]) == pytest.approx(0.3, abs=0.03)  # 0.1 s before the voice


def test_a_recording_without_speech_has_no_class_and_one_that_is_none_is_told(served):
    from ser_tinyml.serving.saved_model import load_saved_model

    below = served / "1"
    saved = {str(path.relative_to(below)): path.read_bytes() for path in below.rglob("*") if path.is_file()}
    server = load_saved_model(saved, True)
    silent = io.BytesIO()
    soundfile.write(silent, np.zeros(16_000), 16_000, format="FLAC")
    answer = server.hear_encoded(silent.getvalue())
    assert answer.label is None and not answer.probabilities.any() and not len(answer.window_starts)
    for content, said in (
        (b"not a recording", "neither WAV"),
        (silent.getvalue()[:60], "."),
        (b"RIFF", "does not describe"),
    ):
        with pytest.raises(Exception, match=said) as raised:
            server.hear_encoded(content)
        assert type(raised.value).__module__.startswith("tensorflow.")
    with pytest.raises(Exception, match="less sound than a frame"):
        server.hear_samples(np.ones(1000, np.float32), 16_000)
    with pytest.raises(Exception, match="no finite numbers"):
        server.hear_samples(np.full(9000, np.nan, np.float32), 16_000)


def test_what_must_be_given_is_told(flags, tmp_path):
    with pytest.raises(UsageError, match="--model is not given"):
        Parameters()
    without = {name: value for name, value in flags.items() if name != "manifest"}
    with pytest.raises(UsageError, match="has no manifest: --manifest=FILE"):
        component.run(str(tmp_path / "out"), Parameters(**without))
    with pytest.raises(UserError, match="there is no such file"):
        component.run(str(tmp_path / "out"), Parameters(**without, manifest=str(tmp_path / "none.jsonl")))


@pytest.mark.slow
def test_saved_model_cli_shows_it_and_runs_the_one_without_decoders(flags, tmp_path, run):
    program = shutil.which("saved_model_cli", path=str(pathlib.Path(sys.executable).parent))
    assert program, "TensorFlow brings it"
    words = [*(f"--{name}={value}" for name, value in flags.items()), "--nodecoders", "--model_version=7"]
    folders = [tmp_path / "speech", tmp_path / "again"]
    for folder in folders:
        run("ser_tinyml", "serve-model", *words, f"--output={folder}")
    assert run_files.read(Serving, str(folders[0])).forms.keys() == {"samples"}
    made = [{p.relative_to(folder): p.read_bytes() for p in folder.rglob("*/*") if p.is_file()} for folder in folders]
    assert made[0] == made[1] and len(made[0]) == 3, "the same model is the same bytes"
    of_serving = ["--dir", folders[0] / "7", "--tag_set", "serve", "--signature_def", "serving_default"]
    shown = subprocess.run([program, "show", *of_serving], capture_output=True, text=True, check=True).stdout
    assert "inputs['samples']" in shown and "outputs['window_probabilities']" in shown
    sound = np.concatenate([np.zeros((1, 8_000)), 0.1 * np.random.default_rng(0).standard_normal((1, 24_000))], axis=1)
    np.save(tmp_path / "sound.npy", sound.astype(np.float32))
    given = ["--inputs", f"samples={tmp_path / 'sound.npy'}"]
    ran = subprocess.run([program, "run", *of_serving, *given], capture_output=True, text=True, check=True).stdout
    assert "Result for output key class" in ran and ("calm" in ran or "upset" in ran)
