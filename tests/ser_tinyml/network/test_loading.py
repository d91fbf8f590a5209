import hashlib
import json
import pathlib
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest
import tensorflow as tf

from schemas.errors import UserError
from ser_tinyml.network.loading import load_model
from tests.conftest import REPOSITORY

layers = tf.keras.layers


@pytest.fixture(params=["model.h5", "model.keras"])
def path(request, tmp_path):
    return tmp_path / request.param


def save(path: pathlib.Path, *inner) -> tf.keras.Model:
    model = tf.keras.Sequential([layers.Input((3, 2)), *inner, layers.Flatten(), layers.Dense(4, name="classes")])
    model.save(path)
    return model


def test_a_model_is_loaded_as_it_was_saved(path):
    saved = save(path)
    for stored, loaded in zip(saved.get_weights(), load_model(str(path)).get_weights(), strict=True):
        np.testing.assert_array_equal(stored, loaded)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused_by_name(path, value):
    model = save(path)
    kernel, bias = model.get_layer("classes").get_weights()
    kernel[1, 2] = value
    model.get_layer("classes").set_weights([kernel, bias])
    model.save(path)
    with pytest.raises(UserError, match=rf"{path.name}: the weights classes/kernel:0 are not all finite"):
        load_model(str(path))


def test_code_in_a_file_is_refused_by_its_layers_name_and_does_not_run(path, tmp_path):
    mark = str(tmp_path / "ran")

    def leave_mark(inputs, path=mark):
        open(path, "w").close()  # noqa: PTH123, no imports in what is stored
        return inputs

    save(path, layers.Lambda(leave_mark, name="quiet"))
    pathlib.Path(mark).unlink()
    with pytest.raises(UserError, match=r"the layer quiet \(Lambda\) is code"):
        load_model(str(path))
    assert not pathlib.Path(mark).exists()


def test_a_module_that_is_not_kerass_is_refused_before_it_is_imported(tmp_path):
    save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as stored:
        parts = {name: stored.read(name) for name in stored.namelist()}
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1] |= {"module": "antigravity", "class_name": "Layer"}
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as changed:
        for name, content in (parts | {"config.json": json.dumps(config).encode()}).items():
            changed.writestr(name, content)
    with pytest.raises(UserError, match="is code that only its author's program has"):
        load_model(str(tmp_path / "other.keras"))


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("TFOpLambda", {"function": "io.write_file"}),
        ("TensorFlowOpLayer", {"node_def": "op: WriteFile"}),
        ("ClassMethod", {"cls_symbol": "io.gfile", "method_name": "remove"}),
        ("InstanceMethod", {"method_name": "assign"}),
    ],
)
def test_a_layer_that_calls_tensorflow_by_name_is_refused(tmp_path, kind, config):
    save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "a") as file:
        described = json.loads(file.attrs["model_config"])
        described["config"]["layers"][1] = {"class_name": kind, "config": config | {"name": "quiet"}}
        file.attrs["model_config"] = json.dumps(described)
    with pytest.raises(UserError, match=r"the layer quiet \(.*\) is code that only its author's program has"):
        load_model(str(tmp_path / "model.h5"))


def test_another_file_than_the_one_that_was_exported_is_told(path):
    save(path)
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    load_model(str(path), right)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(UserError, match=rf"{path.name} is not the model that was exported"):
        load_model(str(path), right)


NO_MODELS = {
    b"": "the file is empty",
    b"<html>": "the file is a web page",
    b"version https://git-lfs.github.com/spec/v1": "the file is a pointer of Git LFS",
    b'{"layers": []}': "the file is JSON",
    b"\x18\0\0\0TFL3": "the file is a TFLite model",
    b"PK\3\4 no archive": "the file is no Keras model",
    b"\x89HDF\r\n\x1a\n and nothing": "can't be loaded as a Keras model",
}


@pytest.mark.parametrize(("content", "reason"), NO_MODELS.items())
def test_what_is_no_model_is_one_sentence(path, content, reason):
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"{path.name}:? {reason}") as error:
        load_model(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
def test_code_runs_where_its_author_is_trusted(tmp_path, name):
    """In a process of its own, since what allows it holds for the whole of one."""
    save(tmp_path / name, layers.Lambda(lambda inputs: 2 * inputs))
    script = (
        "import sys, numpy as np; from ser_tinyml.network.loading import load_model; "
        "model = load_model(sys.argv[1], allow_code=True); print(model.layers[0](np.ones((1, 3, 2))).numpy().sum())"
    )
    command = [sys.executable, "-c", script, str(tmp_path / name)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    assert ended.stdout.strip() == "12.0", ended.stderr


def test_a_softmax_is_added_where_it_is_asked_for(path):
    saved = save(path)
    inputs = np.random.default_rng(0).standard_normal((5, 3, 2)).astype(np.float32)
    logits = saved.predict(inputs, verbose=0)
    found = load_model(str(path), add_softmax=True).predict(inputs, verbose=0)
    np.testing.assert_allclose(found, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), rtol=1e-5)


def test_a_saved_model_of_keras_2_is_read_and_another_is_told(tmp_path):
    saved = save(tmp_path / "model.h5")
    saved.save(tmp_path / "folder [1]", save_format="tf")
    found = load_model(str(tmp_path / "folder [1]"))
    for stored, loaded in zip(saved.get_weights(), found.get_weights(), strict=True):
        np.testing.assert_array_equal(stored, loaded)
    (tmp_path / "folder [1]/keras_metadata.pb").unlink()
    with pytest.raises(UserError, match="holds a graph without its Keras layers"):
        load_model(str(tmp_path / "folder [1]"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty is a folder, and no SavedModel"):
        load_model(str(tmp_path / "empty"))
