"""The model that is judged: of a run, of a firmware bundle, or a file, in each form of it that is at hand."""

import dataclasses
import hashlib
import json

import numpy as np

from schemas.errors import UserError
from schemas.front_end import PROSODY, FrontEnd, Standardisation
from schemas.run_files import Export, TrainedOn, Training
from ser_tinyml.codegen.source_check import count_differing_bytes
from ser_tinyml.codegen.tflite_file import describe_model, is_tflite
from ser_tinyml.judging.evaluation import Candidate
from ser_tinyml.network.fake_quantized import load_fake_quantized
from ser_tinyml.network.loading import load_exported, load_model
from ser_tinyml.runtimes.isolated import call_isolated
from ser_tinyml.runtimes.keras import Keras
from ser_tinyml.runtimes.tflite import TFLite
from ser_tinyml.runtimes.tflm import Tflm, measure_arena
from ser_tinyml.store import files, run_files

_TRIAL_SECONDS, _TRIAL_BYTES = 600, 8 * 2**30  # of a model from elsewhere


@dataclasses.dataclass(frozen=True)
class Interface:
    """What a model takes and gives."""

    labels: tuple[str, ...]  # in the order of its outputs
    front_end: FrontEnd
    standardisation: Standardisation


@dataclasses.dataclass(frozen=True)
class Subject:
    """A model that is judged."""

    candidates: dict[str, Candidate]  # runtime -> it; the first is what the others are compared with
    interface: Interface
    trained_on: TrainedOn | None  # None: nobody here knows
    reject_below: float  # the likeliest class's probability, below which an answer is uncertain; 0: none is
    differing_source_bytes: int | None  # of its TFLM source, compiled, against the int8 file; None: it has none

    @property
    def flashed(self) -> str:
        """The runtime whose figures are the device's; of a model that has none for it, the last."""
        return "tflm" if "tflm" in self.candidates else [*self.candidates][-1]

    def only(self, runtimes: tuple[str, ...]) -> "Subject":
        """Returns the subject in these forms; UserError where it lacks one."""
        if lacking := [name for name in runtimes if name not in self.candidates]:
            raise UserError(f"there is no {lacking[0]} of this model; there are {', '.join(self.candidates)}")
        chosen = {name: candidate for name, candidate in self.candidates.items() if name in runtimes}
        return dataclasses.replace(self, candidates=chosen)


def load_export(export: str, model: str | None = None) -> Subject:
    """Loads an exported model, or what a firmware bundle has of one.

    Args:
      export: its directory, with export.json; TFLite files that are not in a bundle are left out.
      model: directory of the trained Keras model; without it, that is left out.

    Raises:
      UserError: a file is not as it was exported.
    """
    exported = run_files.read(Export, export)
    training = run_files.read(Training, model) if model and not exported.model_path else None
    candidates: dict[str, Candidate] = {}
    path = exported.model_path or (training and files.join(str(model), training.model))
    if path and not exported.is_tflite:
        keras = load_exported(path, exported)
        candidates["keras"] = Candidate(Keras(keras), 4 * keras.count_params())
    for name in exported.formats:
        path = files.join(export, f"ser_{name}.tflite")
        if name != "int8" and not files.exists(path):
            continue
        content = files.read_bytes(path)
        if hashlib.sha256(content).hexdigest() != exported.files[f"ser_{name}.tflite"].sha256:
            raise UserError(f"{path} is not the file that was exported")
        candidates[name] = Candidate(TFLite(content), len(content))
    candidates["tflm"] = Candidate(Tflm(content, exported.arena_bytes), len(content))  # the last one is int8
    if training and training.fake_quantized:
        rounded = load_fake_quantized(files.join(str(model), training.fake_quantized))
        candidates["fake_quantized"] = Candidate(Keras(rounded), candidates["keras"].bytes)
    return Subject(
        candidates,
        Interface(exported.labels, exported.front_end, exported.standardisation),
        trained_on=exported.trained_on,
        reject_below=exported.reject_below,
        differing_source_bytes=count_differing_bytes(export),
    )


def load_file(path: str, interface: Interface) -> Subject:
    """Loads a Keras model or a TFLite file from anywhere, of which nobody knows what it was trained on.

    It is tried in a process of its own first: what its native code does to itself there ends nothing here.

    Raises:
      UserError: it is none, or does not take and give what `interface` says.
    """
    call_isolated(
        _try_file, path, interface, called=f"trying {path}", limit_seconds=_TRIAL_SECONDS, limit_bytes=_TRIAL_BYTES
    )
    return _open_file(path, interface)


def _try_file(path: str, interface: Interface) -> None:
    window = np.zeros((1, interface.front_end.n_frames, interface.front_end.n_features), np.float32)
    for candidate in _open_file(path, interface).candidates.values():
        if not np.isfinite(candidate.runtime.predict(window).probabilities).all():
            raise UserError(f"{path} gives values that are not finite for silence")


def _open_file(path: str, interface: Interface) -> Subject:
    if is_tflite(path):
        content = files.read_bytes(path)
        try:
            described = describe_model(content)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        shapes = described.input.shape[1:], described.output.shape[1:]
        candidates = _load_tflite(content, described.input.dtype, described.output.dtype)
    else:
        keras = load_model(path)
        shapes = tuple(keras.inputs[0].shape[1:]), tuple(keras.outputs[0].shape[1:])
        candidates = {"keras": Candidate(Keras(keras), 4 * keras.count_params())}
    expected = (interface.front_end.n_frames, interface.front_end.n_features), (len(interface.labels),)
    if shapes != expected:
        frames, values = expected[0]
        with_prosody = shapes[0] == (frames, values + len(PROSODY)) and not interface.front_end.prosody
        raise UserError(
            f"{path} takes {shapes[0]} and gives {shapes[1]}; the front end gives {expected[0]}, and there are "
            f"{len(interface.labels)} classes: {', '.join(interface.labels)}"
            + (f"; --model_front_end names a file with {json.dumps({'prosody': PROSODY})}" if with_prosody else "")
        )
    return Subject(candidates, interface, trained_on=None, reject_below=0.0, differing_source_bytes=None)


def _load_tflite(content: bytes, *dtypes: str) -> dict[str, Candidate]:
    candidate = Candidate(TFLite(content), len(content))
    if dtypes != ("int8", "int8"):
        return {"float": candidate}
    return {"int8": candidate, "tflm": Candidate(Tflm(content, measure_arena(content)), len(content))}
