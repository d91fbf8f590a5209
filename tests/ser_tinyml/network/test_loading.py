import hashlib
import json
import pathlib
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from schemas.errors import UserError
from ser_tinyml.network.loading import load_model

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
