"""Keras models from files, and to them."""

import pathlib
import tempfile
import warnings

import tensorflow as tf

from schemas.errors import UserError
from ser_tinyml.network.autograph import exempt_keras
from ser_tinyml.store import files

exempt_keras()


def load_model(path: str) -> tf.keras.Model:
    """Returns the Keras model of an .h5 or .keras file; raises UserError where it can't be read or isn't one in, one out."""
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


def encode_model(network: tf.keras.Model) -> bytes:
    """Returns an HDF5 file: unlike the .keras archive it holds no date, so that the same weights are the same bytes."""
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are saving your model as an HDF5 file")
        path = pathlib.Path(directory, "ser.h5")
        network.compile(loss="categorical_crossentropy")  # else Keras warns that it is not; no part of the file
        tf.keras.models.save_model(network, path, include_optimizer=False, save_format="h5")
        return path.read_bytes()
