"""Keras models from files, for the steps that read one."""

import pathlib
import tempfile

import tensorflow as tf

from schemas.errors import UserError
from ser_tinyml.network.autograph import exempt_keras
from ser_tinyml.store import files

exempt_keras()


def load_model(path: str) -> tf.keras.Model:
    """A Keras model from an .h5 or .keras file; raises UserError where it can't be read or isn't one in, one out."""
    content = files.read_bytes(path)
    with tempfile.NamedTemporaryFile(suffix=pathlib.PurePath(path).suffix) as local:
        local.write(content)
        local.flush()
        try:
            model = tf.keras.models.load_model(local.name, compile=False)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UserError(
                f"{path} can't be loaded as a Keras 2 model (.h5 or .keras; files of Keras 3 are different): "
                f"{str(error).splitlines()[0]}"
            ) from error
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise UserError(f"{path} has {len(model.inputs)} inputs and {len(model.outputs)} outputs, expected one of each")
    return model


def trained_model_path(model: str) -> str:
    """Path of the Keras model in ROOT/model; raises UserError where training has not finished there."""
    return files.join(model, files.read_json(files.join(model, "training.json"))["model"])


def fake_quantized_path(model: str) -> str | None:
    """Path of the network that was fine-tuned with int8's roundings, in ROOT/model; None where training had no such part."""
    name = files.read_json(files.join(model, "training.json")).get("fake_quantized")
    return files.join(model, name) if name else None
