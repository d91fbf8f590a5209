"""What Keras 3 saves, in the terms of Keras 2, whose LSTMs the TFLite converter fuses: the same layers, the same weights."""

import inspect
import re
from typing import Any

import h5py
import numpy as np
import tensorflow as tf

from schemas.errors import UserError
from ser_tinyml.network.autograph import exempt_keras

exempt_keras()

_INIT_ONLY = ("_initializer", "_regularizer", "_constraint")  # endings of what matters in training alone
_HARMLESS = ("seed", "optional", "quantization_config", "zero_output_for_mask")  # that change no output without a mask
_RENAMED: dict[tuple[str, str], str] = {
    ("LeakyReLU", "negative_slope"): "alpha",
    ("InputLayer", "batch_shape"): "batch_input_shape",
}
_ACTIVATIONS = {"silu": "swish"}  # Keras 2 has them under this name
_OF_PAIRS = (
    "Add",
    "Subtract",
    "Multiply",
    "Maximum",
    "Minimum",
)  # operations of two tensors that are layers in Keras 2


def translate_config(config: dict) -> dict:
    """Returns Keras 2's description of the model that Keras 3 describes, `{"class_name": ..., "config": ...}`.

    Raises:
      UserError: a layer has a parameter, or is called in a way, that Keras 2 does not have.
    """
    return _translate_layer(config)


def _translate_layer(layer: dict) -> dict:
    kind, config = str(layer["class_name"]), dict(layer["config"])
    if kind in ("Sequential", "Functional", "Model"):
        return {
            "class_name": "Sequential" if kind == "Sequential" else "Functional",
            "config": _translate_model(config),
        }
    found = getattr(tf.keras.layers, kind, None)
    if not inspect.isclass(found):
        raise UserError(f"the layer {config.get('name')} is a {kind} of Keras 3, which Keras 2 does not have")
    known, translated = _parameters_of(found), {}
    for name, value in config.items():
        name = _RENAMED.get((kind, name)) or name
        if name.endswith(_INIT_ONLY) or name in _HARMLESS:
            continue
        if name not in known:
            if value in (None, False):
                continue
            raise UserError(f"the layer {config.get('name')} ({kind}) has {name}={value}, which Keras 2 does not have")
        translated[name] = _translate_value(name, value)
    return {"class_name": kind, "config": translated}


def _parameters_of(kind: type) -> set[str]:
    """Returns the names of what a layer's class and those above it take."""
    taken = {"name", "trainable", "dtype", "batch_input_shape"}
    for part in inspect.getmro(kind):
        if part.__module__.partition(".")[0] == "tf_keras" and "__init__" in vars(part):
            taken |= set(inspect.signature(vars(part)["__init__"]).parameters)
    return taken - {"self", "args", "kwargs"}


def _translate_value(name: str, value: Any) -> Any:
    if isinstance(value, dict) and "class_name" in value:
        if value["class_name"] in ("DTypePolicy", "FloatDTypePolicy"):
            policy = value["config"]["name"]
            return "float32" if policy.startswith("mixed_") else policy  # of which the weights are float32
        if value["class_name"] == "function":
            return _ACTIVATIONS.get(value["config"], value["config"])
        return _translate_layer(value)
    if name == "cells":
        return [_translate_layer(cell) for cell in value]
    return _ACTIVATIONS.get(value, value) if name.endswith("activation") and isinstance(value, str) else value


def _translate_model(config: dict) -> dict:
    layers = []
    for layer in config["layers"]:
        translated = _translate_layer(layer)
        if "inbound_nodes" in layer:
            nodes = [_translate_node(node, layer) for node in layer["inbound_nodes"]]
            translated |= {"name": layer["name"], "inbound_nodes": nodes}
        layers.append(translated)
    translated = {"name": config["name"], "layers": layers}
    for ends in ("input_layers", "output_layers"):
        if ends in config:
            translated[ends] = [config[ends]] if isinstance(config[ends][0], str) else config[ends]
    if config.get("build_input_shape") and layers and layers[0]["class_name"] != "InputLayer":
        translated["build_input_shape"] = config["build_input_shape"]
    return translated


def _translate_node(node: dict, layer: dict) -> list:
    """Returns one call of a layer, as Keras 2 has it: `[layer, node, tensor, arguments]` for each tensor of the input."""
    first, *others = node["args"]
    if layer["class_name"] in _OF_PAIRS and others:
        first, others = [first, *others], []
    called = getattr(tf.keras.layers, layer["class_name"], None)
    names = list(inspect.signature(called.call).parameters)[2:] if called else []
    arguments = dict(zip(names, others, strict=False)) | node["kwargs"]
    kept = {name: _history(value) for name, value in arguments.items() if value is not None and name != "training"}
    inputs = first if isinstance(first, list) else [first]
    if not all(map(_is_tensor, inputs)):
        raise UserError(
            f"the layer {layer['name']} ({layer['class_name']}) takes a constant, which Keras 2 can't be told"
        )
    return [[*_history(tensor), kept] for tensor in inputs]


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"


def _history(value: Any) -> Any:
    return list(value["config"]["keras_history"]) if _is_tensor(value) else value


def load_weights(model: tf.keras.Model, path: str) -> None:
    """Gives a translated model the weights of a `model.weights.h5` of Keras 3.

    Raises:
      UserError: a layer's weights are missing there, or are of other shapes.
    """
    with h5py.File(path) as file:
        _fill_layers(model, file)


def _fill_layers(model: tf.keras.Model, group: h5py.Group) -> None:
    """Fills a model's layers from `layers/NAME`: NAME counts the layers of a kind, and an attribute has their own name."""
    stored = group.get("layers", {})
    by_name = {stored[key]["vars"].attrs.get("name", key): key for key in stored if "vars" in stored[key]}
    counts: dict[str, int] = {}
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.InputLayer):
            continue
        snake = _to_snake_case(type(layer).__name__)
        number = counts.setdefault(snake, 0)
        counts[snake] += 1
        counted = f"{snake}_{number}" if number else snake
        _fill(layer, stored.get(by_name.get(layer.name, counted)))


def _fill(layer: tf.keras.layers.Layer, group: h5py.Group | None) -> None:
    if not layer.weights:
        return
    if group is None:
        raise UserError(f"the weights of the layer {layer.name} are missing")
    if isinstance(layer, tf.keras.Model):
        _fill_layers(layer, group)
        return
    inner = {name: part for name in group if isinstance(part := getattr(layer, name, None), tf.keras.layers.Layer)}
    for name, part in inner.items():
        _fill(part, group[name])
    of_inner = {id(weight) for part in inner.values() for weight in part.weights}
    own = [weight for weight in layer.weights if id(weight) not in of_inner]
    values = [np.asarray(group["vars"][str(n)]) for n in range(len(group["vars"]))] if "vars" in group else []
    if isinstance(layer, tf.keras.layers.Normalization):
        own = own[: len(values)]  # Keras 3 does not keep the count
    if [tuple(weight.shape) for weight in own] != [value.shape for value in values]:
        raise UserError(f"the weights of the layer {layer.name} are not those of its description")
    for weight, value in zip(own, values, strict=True):
        weight.assign(value)


def _to_snake_case(name: str) -> str:
    """Returns the name under which Keras 3 counts the layers of a class: `lstm`, `batch_normalization`, `conv1d`."""
    return re.sub(r"(?<!^)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", name).lower()
