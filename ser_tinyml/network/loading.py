"""Keras models from files, and to them."""

import contextlib
import json
import pathlib
import re
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tf_keras.protobuf.saved_metadata_pb2 import SavedMetadata

from schemas.errors import UserError
from schemas.run_files import Export
from ser_tinyml.network import keras3
from ser_tinyml.network.autograph import exempt_keras
from ser_tinyml.store import files
from ser_tinyml.store.digests import sha256_of_model

exempt_keras()

_GRAPH = "saved_model.pb"  # in the folder of a SavedModel


def load_model(path: str, sha256: str = "", *, allow_code: bool = False, add_softmax: bool = False) -> tf.keras.Model:
    """Returns the Keras model of an .h5 or .keras file of Keras 2 or 3, or of a SavedModel that Keras 2 wrote.

    What a file is, is told by its content. Of its layers the description is read, and the network built from that; no code
    that is in it runs. Native code gets what it can't know to be harmless: a file that nothing has loaded yet is loaded in a
    process of its own.

    Args:
      path: the file, or the folder of a SavedModel.
      sha256: what it must have, where it was loaded before.
      allow_code: lets Lambda layers run their author's code.
      add_softmax: puts a softmax behind the last layer.

    Raises:
      UserError: it can't be read, is not that file, holds code or a weight that is no finite number, or does not map one
        input to one output.
    """
    if sha256 and sha256_of_model(path) != sha256:
        raise UserError(f"{path} is not the model that was exported: run the exporter again")
    with _local_copy(path) as local:
        try:
            config, is_keras3, load_weights = _open(local)
            if not allow_code:
                _refuse_code(config)
            elif not is_keras3:
                tf.keras.__internal__.enable_unsafe_deserialization()
            model = _build(keras3.translate_config(config) if is_keras3 else config)
            load_weights(model)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        except Exception as error:  # of h5py, zipfile, json, Keras and TensorFlow
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise UserError(f"{path} can't be loaded as a Keras model (.h5, .keras or SavedModel): {reason}") from error
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise UserError(f"{path} has {len(model.inputs)} inputs and {len(model.outputs)} outputs, expected one of each")
    for weight in model.weights:
        if not np.isfinite(weight.numpy()).all():
            raise UserError(f"{path}: the weights {weight.name} are not all finite numbers")
    return _with_softmax(model) if add_softmax else model


def load_exported(path: str, exported: Export) -> tf.keras.Model:
    """Returns the Keras model of an export as it was exported; raises UserError where the file is another one by now."""
    options = {"allow_code": exported.allow_model_code, "add_softmax": exported.add_softmax}
    return load_model(path, exported.model_sha256, **options)


def _with_softmax(model: tf.keras.Model) -> tf.keras.Model:
    probabilities = tf.keras.layers.Softmax(name="added_softmax")(model.outputs[0])
    return tf.keras.Model(model.inputs, probabilities, name=model.name)


@contextlib.contextmanager
def _local_copy(path: str) -> Iterator[pathlib.Path]:
    """Yields the path of a copy on this machine's disk: of a file, or of a SavedModel's folder."""
    with tempfile.TemporaryDirectory() as folder:
        local = pathlib.Path(folder, "model")
        if files.is_folder(path):
            if not files.exists(files.join(path, _GRAPH)):
                raise UserError(f"{path} is a folder, and no SavedModel: there is no {_GRAPH} in it")
            for file in files.list_files(path):
                copy = local / file.removeprefix(path).lstrip("/")
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(files.read_bytes(file))
        else:
            local.write_bytes(files.read_bytes(path))
        yield local


_Loader = Callable[[tf.keras.Model], Any]


def _open(local: pathlib.Path) -> tuple[dict, bool, _Loader]:
    """Returns the description of a model, whether it is Keras 3's, and what gives the built model its weights.

    Raises:
      UserError: it is something else than a model with its layers and weights.
    """
    if local.is_dir():
        return _read_saved_model(local), False, lambda model: _load_checkpoint(model, local / "variables" / "variables")
    head = local.read_bytes()[:512]
    if zipfile.is_zipfile(local):
        return _open_archive(local)
    if not h5py.is_hdf5(local):
        raise UserError(_explain(head))
    with h5py.File(local) as file:
        if "model_config" not in file.attrs:
            raise UserError(
                "the file has weights and no description of its layers: save the whole model, not its weights"
            )
        config = json.loads(file.attrs["model_config"])
        version = str(file.attrs.get("keras_version", "2"))
        if not len(file.get("model_weights", ())):
            raise UserError("the file describes layers and has no weights")
    weights = local.rename(local.with_name("model.h5"))
    return config, version.startswith("3"), lambda model: model.load_weights(weights)


def _explain(head: bytes) -> str:
    """Returns what a file is that is no model, from its beginning."""
    text = head.lstrip().lower()
    if not head:
        return "the file is empty"
    if head[4:8] == b"TFL3":
        return "the file is a TFLite model, which has no Keras layers"
    if text.startswith((b"<!doctype", b"<html")):
        return "the file is a web page, not a model: download the file itself"
    if text.startswith(b"version https://git-lfs"):
        return "the file is a pointer of Git LFS, not the model: run `git lfs pull`"
    if text.startswith((b"{", b"[")):
        return "the file is JSON: it describes layers at most, and has no weights"
    return "the file is no Keras model (.h5, .keras or SavedModel)"


def _open_archive(local: pathlib.Path) -> tuple[dict, bool, _Loader]:
    with zipfile.ZipFile(local) as archive:
        if missing := {"config.json", "metadata.json", "model.weights.h5"} - set(archive.namelist()):
            raise UserError(f"the archive is no Keras model: it lacks {', '.join(sorted(missing))}")
        config, metadata = (json.loads(archive.read(name)) for name in ("config.json", "metadata.json"))
        weights = pathlib.Path(archive.extract("model.weights.h5", local.parent))
    is_keras3 = str(metadata.get("keras_version", "2")).startswith("3")
    if is_keras3:
        return config, True, lambda model: keras3.load_weights(model, str(weights))
    return config, False, lambda model: model.load_weights(weights)


def _read_saved_model(local: pathlib.Path) -> dict:
    try:
        metadata = SavedMetadata.FromString((local / "keras_metadata.pb").read_bytes())
    except FileNotFoundError:
        raise UserError(
            "the SavedModel holds a graph without its Keras layers (as Keras 3's model.export writes it): save the model as "
            ".keras instead"
        ) from None
    except DecodeError as error:
        raise UserError("the SavedModel's keras_metadata.pb is damaged") from error
    root: dict = next((json.loads(node.metadata) for node in metadata.nodes if node.node_path == "root"), {})
    if not root.get("config") or root.get("class_name") not in ("Sequential", "Functional", "Model"):
        raise UserError(f"the SavedModel is a {root.get('class_name')}, whose layers only its author's program knows")
    return {"class_name": root["class_name"], "config": root["config"]}


def _load_checkpoint(model: tf.keras.Model, prefix: pathlib.Path) -> None:
    model.load_weights(str(prefix)).expect_partial().assert_existing_objects_matched()


def _build(config: dict) -> tf.keras.Model:
    """Returns the network of a description, with initial weights."""
    if not isinstance(config, dict) or "class_name" not in config:
        raise UserError("the file has no description of its layers")
    try:
        if "module" in config:  # the format of .keras
            network = {name: value for name, value in config.items() if name != "compile_config"}
            return tf.keras.saving.deserialize_keras_object(network)
        return tf.keras.models.model_from_json(json.dumps(config))
    except (TypeError, ValueError) as error:
        if unknown := re.search(r"Unknown layer: '?(\w+)|Could not locate class '?(\w+)", str(error)):
            raise UserError(f"a layer is of the class {unknown[1] or unknown[2]}, which is none of Keras's") from error
        raise


def _refuse_code(config: Any) -> None:
    """Raises UserError where a description holds a function, or names one that is not Keras's: building it would run that."""
    if isinstance(config, list):
        for value in config:
            _refuse_code(value)
    if isinstance(config, dict):
        kind, module = str(config.get("class_name")), str(config.get("module") or "keras")
        inner = config.get("config")
        called = inner.get("function") if isinstance(inner, dict) and kind == "TFOpLambda" else None
        is_operation = called is None or str(called).startswith(_OPERATIONS)
        if kind in _CODE or module.partition(".")[0] not in ("keras", "tf_keras", "builtins") or not is_operation:
            name = inner.get("name") if isinstance(inner, dict) else None
            what = f"the layer {name} ({called or kind})" if name else f"{module}.{kind}"
            raise UserError(
                f"{what} is code that only its author's program has; code in a file is not run, unless --allow_model_code says "
                "that its author is trusted"
            )
        for value in config.values():
            _refuse_code(value)


# Class names of Keras's descriptions: functions, and layers that call whatever TensorFlow has by its name, as write_file.
_CODE = ("Lambda", "__lambda__", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod")
_OPERATIONS = (
    "math.",
    "nn.",
    "__operators__.",
    "reshape",
    "expand_dims",
    "squeeze",
    "concat",
    "transpose",
    "reverse",
    "cast",
)


def encode_model(network: tf.keras.Model) -> bytes:
    """Returns an HDF5 file: unlike the .keras archive it holds no date, so that the same weights are the same bytes."""
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are saving your model as an HDF5 file")
        path = pathlib.Path(directory, "ser.h5")
        network.compile(loss="categorical_crossentropy")  # else Keras warns that it is not; no part of the file
        tf.keras.models.save_model(network, path, include_optimizer=False, save_format="h5")
        return path.read_bytes()
