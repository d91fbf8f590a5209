"""Keras model -> float, dynamic-range and full-int8 TFLite."""

import contextlib
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from schemas.errors import UserError
from ser_tinyml import progress
from ser_tinyml.codegen.requantize import requantize_outputs
from ser_tinyml.codegen.tflite_file import without_leftovers
from ser_tinyml.codegen.weight_bits import store_four_bits
from ser_tinyml.runtimes.native_log import quiet_native_log

FORMATS = ("float", "dynamic", "int8")


def drop_training_only(model: tf.keras.Model) -> tf.keras.Model:
    """Returns the network that infers the same without what keeps the converter from fusing its LSTMs.

    That is `stateful`, since each window begins anew, dropout of the state, and `unroll`.
    """
    config = model.get_config()
    _drop_options(config)
    same = type(model).from_config(config)
    same.set_weights(model.get_weights())
    return same


def _drop_options(config: Any) -> None:
    if isinstance(config, list | tuple):
        for value in config:
            _drop_options(value)
    elif isinstance(config, dict):
        if isinstance(options := config.get("config"), dict):
            for name in ("stateful", "recurrent_dropout") + (("unroll",) if config.get("class_name") == "LSTM" else ()):
                if name in options:
                    options[name] = type(options[name])(0)
        for value in config.values():
            _drop_options(value)


def fix_batch_size(model: tf.keras.Model) -> tf.keras.Model:
    """Returns the same layers and weights for batches of one clip: only then the converter fuses LSTMs."""
    shape = model.inputs[0].shape[1:]
    if None in shape:
        raise UserError(
            f"the model's input is {tuple(model.inputs[0].shape)}: all but the batch must be of a fixed size"
        )
    single = tf.keras.models.clone_model(model, tf.keras.layers.Input(batch_shape=(1, *shape), name="mfcc"))
    single.set_weights(model.get_weights())
    return single


def refuse_loops(model: tf.keras.Model) -> None:
    """Raises UserError where a recurrent layer stays a loop over frames: calibration for int8 crashes on one.

    Which LSTMs are fused into one operator is that of Keras's own implementation: tanh, sigmoid, a bias, no dropout of the
    state, and no mask (`drop_training_only` takes the dropout away).
    """
    layers, inner = tf.keras.layers, list(model._flatten_layers())  # `submodules` fails on dropout's caches
    loops = [layer for layer in inner if isinstance(layer, layers.RNN) and not layer.unroll]
    for layer in loops:
        config = layer.get_config()
        if not isinstance(layer, layers.LSTM) or any(config[name] != value for name, value in _FUSED.items()):
            raise UserError(_LOOP.format(f"the layer {layer.name} ({type(layer).__name__})"))
    for layer in inner:
        if loops and (isinstance(layer, layers.Masking) or getattr(layer, "mask_zero", False)):
            raise UserError(_LOOP.format(f"the layer {loops[0].name}, masked by {layer.name},"))


_FUSED = {"activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True, "recurrent_dropout": 0}
_LOOP = (
    "{} can't be exported: of recurrent layers only an LSTM with activation=tanh, recurrent_activation=sigmoid, a bias and no "
    "mask becomes one TFLite operator; with unroll=True others need none"
)


def convert(model: tf.keras.Model, calibration: np.ndarray, weight_bits: int = 8) -> dict[str, bytes]:
    """Returns TFLite flatbuffers by format.

    Args:
      model: of batch size one, float32 [1, frames, coefficients] -> [1, classes].
      calibration: float32 [examples, frames, coefficients], the model's own inputs; their ranges decide the int8 scales.
      weight_bits: of the int8 weights; 4 where the model's are rounded to that.

    Returns:
      "float": float32 weights and arithmetic. "dynamic": int8 weights, float32 input and output. "int8": int8 weights,
      arithmetic, input and output.
    """

    with _saved(model) as folder:
        formats = progress.track(FORMATS, "formats", len(FORMATS))
        return {name: _convert(folder, name, calibration, weight_bits) for name in formats}


def convert_int8(model: tf.keras.Model, calibration: np.ndarray, weight_bits: int = 8) -> bytes:
    """Returns the int8 file of `convert` alone."""
    with _saved(model) as folder:
        return _convert(folder, "int8", calibration, weight_bits)


@contextlib.contextmanager
def _saved(model: tf.keras.Model) -> Iterator[str]:
    """Writes a SavedModel that infers and no more, which the body converts from.

    Keras's own, from which `from_keras_model` converts each time anew, holds every layer's functions as well, and takes ten
    times as long.
    """
    given, made = model.inputs[0], model.output_names[0]
    function = tf.function(
        lambda given: {made: model(given, training=False)},
        input_signature=[tf.TensorSpec(given.shape, given.dtype, name=model.input_names[0])],
    )
    module = tf.Module()
    module.used = model.variables
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=function.get_concrete_function())
        yield folder


def _convert(saved_model: str, name: str, calibration: np.ndarray, weight_bits: int) -> bytes:
    content = run_converter(tf.lite.TFLiteConverter.from_saved_model(saved_model), name, calibration)
    return store_four_bits(content) if (name, weight_bits) == ("int8", 4) else content


def run_converter(converter: tf.lite.TFLiteConverter, name: str, calibration: np.ndarray) -> bytes:
    """Returns what a converter makes of its model in one of FORMATS; `calibration` is that of `convert`."""

    def representative() -> Iterator[list[np.ndarray]]:
        for example in calibration:
            yield [example[np.newaxis]]

    if name != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if name == "int8":
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    with quiet_native_log():
        content = without_leftovers(bytes(converter.convert()))
    return requantize_outputs(content) if name == "int8" else content
