"""Keras models from files, and to them."""

import hashlib
import json
import pathlib
import tempfile
import warnings
import zipfile
from typing import Any

import h5py
import numpy as np
import tensorflow as tf

from schemas.errors import UserError
from ser_tinyml.network.autograph import exempt_keras
from ser_tinyml.store import files

exempt_keras()


def load_model(path: str, sha256: str = "") -> tf.keras.Model:
    """Returns the Keras model of an .h5 or .keras file.

    Native code gets what it can't know to be harmless; a file that nothing has loaded yet is loaded in a process of its own.

    Args:
      path: the file.
      sha256: what it must have, where it was loaded before.

    Raises:
      UserError: it can't be read, is not that file, holds code or a weight that is no finite number, or does not map one
        input to one output.
    """
    content = files.read_bytes(path)
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise UserError(f"{path} is not the model that was exported: run the exporter again")
    with tempfile.NamedTemporaryFile(suffix=pathlib.PurePath(path).suffix) as local:
        local.write(content)
        local.flush()
        try:
            _refuse_code(_read_config(local.name), path)
            model = tf.keras.models.load_model(local.name, compile=False)
        except UserError:
            raise
        except Exception as error:  # of h5py, zipfile, json, Keras and TensorFlow
            raise UserError(
                f"{path} can't be loaded as a Keras 2 model (.h5 or .keras; files of Keras 3 are different): "
                f"{next(iter(str(error).splitlines()), type(error).__name__)}"
            ) from error
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise UserError(f"{path} has {len(model.inputs)} inputs and {len(model.outputs)} outputs, expected one of each")
    for weight in model.weights:
        if not np.isfinite(weight.numpy()).all():
            raise UserError(f"{path}: the weights {weight.name} are not all finite numbers")
    return model


def _read_config(path: str) -> Any:
    """Returns the description of the layers in a model's file; None where there is none."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    if h5py.is_hdf5(path):
        with h5py.File(path) as file:
            return json.loads(file.attrs.get("model_config", "null"))
    return None


def _refuse_code(config: Any, path: str) -> None:
    """Raises UserError where a description holds a function, or names one that is not Keras's: loading would run it."""
    if isinstance(config, list):
        for value in config:
            _refuse_code(value, path)
    if isinstance(config, dict):
        kind, module = str(config.get("class_name")), str(config.get("module") or "keras")
        if kind in _CODE or module.partition(".")[0] not in ("keras", "tf_keras", "builtins"):
            inner = config.get("config")
            name = inner.get("name") if isinstance(inner, dict) else None
            what = f"the layer {name} ({kind})" if name else f"{module}.{kind}"
            raise UserError(f"{path}: {what} is code that only its author's program has; code in a file is not run")
        for value in config.values():
            _refuse_code(value, path)


_CODE = ("Lambda", "__lambda__")  # class names of Keras's descriptions


def encode_model(network: tf.keras.Model) -> bytes:
    """Returns an HDF5 file: unlike the .keras archive it holds no date, so that the same weights are the same bytes."""
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are saving your model as an HDF5 file")
        path = pathlib.Path(directory, "ser.h5")
        network.compile(loss="categorical_crossentropy")  # else Keras warns that it is not; no part of the file
        tf.keras.models.save_model(network, path, include_optimizer=False, save_format="h5")
        return path.read_bytes()
