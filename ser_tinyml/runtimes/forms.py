"""The forms in which a finished model runs on its interpreters and compilers: each is loaded when it is asked for."""

import json
from collections.abc import Callable

from schemas.errors import UserError
from schemas.front_end import PROSODY
from ser_tinyml.codegen.tflite_file import describe_model
from ser_tinyml.network.loading import load_exported, load_model
from ser_tinyml.runtimes.keras import Keras
from ser_tinyml.runtimes.predictions import Candidate
from ser_tinyml.runtimes.tflite import TFLite
from ser_tinyml.runtimes.tflm import Tflm, measure_arena
from ser_tinyml.store import files
from ser_tinyml.store.finished_model import FinishedModel, Interface, is_tflite

Forms = dict[str, Callable[[], Candidate]]  # runtime -> what loads the model there


def list_forms(model: FinishedModel) -> Forms:
    """Returns the forms of an exported model that are at hand; loading one raises UserError where a file was changed."""
    exported = model.exported
    assert exported, "a file from anywhere is opened by open_file"
    forms: Forms = {}
    if path := model.find_keras():

        def load_keras() -> Candidate:
            keras = load_exported(path, exported)
            return Candidate(Keras(keras), 4 * keras.count_params())

        forms["keras"] = load_keras
    for name in model.list_tflite():
        forms[name] = lambda name=name: _load_tflite(model.read_tflite(name))  # type: ignore[misc]
    forms["tflm"] = lambda: _load_tflm(model.read_tflite("int8"), exported.arena_bytes)
    return forms


def open_file(path: str, interface: Interface) -> Forms:
    """Opens a Keras model or a TFLite file from anywhere and returns its forms.

    Raises:
      UserError: it is none, or does not take and give what `interface` says.
    """
    forms: Forms
    if is_tflite(path):
        content = files.read_bytes(path)
        try:
            described = describe_model(content)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        shapes = described.input.shape[1:], described.output.shape[1:]
        forms = {"float": lambda: _load_tflite(content)}
        if (described.input.dtype, described.output.dtype) == ("int8", "int8"):
            forms = {"int8": forms["float"], "tflm": lambda: _load_tflm(content, measure_arena(content))}
    else:
        keras = load_model(path)
        shapes = tuple(keras.inputs[0].shape[1:]), tuple(keras.outputs[0].shape[1:])
        forms = {"keras": lambda: Candidate(Keras(keras), 4 * keras.count_params())}
    expected = (interface.front_end.n_frames, interface.front_end.n_features), (len(interface.labels),)
    if shapes != expected:
        frames, values = expected[0]
        with_prosody = shapes[0] == (frames, values + len(PROSODY)) and not interface.front_end.prosody
        raise UserError(
            f"{path} takes {shapes[0]} and gives {shapes[1]}; the front end gives {expected[0]}, and there are "
            f"{len(interface.labels)} classes: {', '.join(interface.labels)}"
            + (f"; --model_front_end names a file with {json.dumps({'prosody': PROSODY})}" if with_prosody else "")
        )
    return forms


def _load_tflite(content: bytes) -> Candidate:
    return Candidate(TFLite(content), len(content))


def _load_tflm(content: bytes, arena_bytes: int) -> Candidate:
    return Candidate(Tflm(content, arena_bytes), len(content))
