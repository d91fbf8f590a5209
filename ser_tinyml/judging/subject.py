"""The model that is judged: of a run, of a firmware bundle, or a file, in each form of it that is at hand."""

import dataclasses

import numpy as np

from schemas.errors import UserError
from schemas.run_files import Export, TrainedOn, Training
from ser_tinyml.codegen.source_check import count_differing_bytes
from ser_tinyml.network.fake_quantized import load_fake_quantized
from ser_tinyml.runtimes.forms import list_forms, open_file
from ser_tinyml.runtimes.isolated import call_isolated
from ser_tinyml.runtimes.keras import Keras
from ser_tinyml.runtimes.predictions import Candidate
from ser_tinyml.store import files, run_files
from ser_tinyml.store.finished_model import FinishedModel, Interface

_TRIAL_SECONDS, _TRIAL_BYTES = 600, 8 * 2**30  # of a model from elsewhere


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
    found = FinishedModel(export, export, exported, model or "")
    candidates = {name: load() for name, load in list_forms(found).items()}
    training = run_files.read(Training, found.trained) if found.trained and not exported.model_path else None
    if training and training.fake_quantized:
        rounded = load_fake_quantized(files.join(found.trained, training.fake_quantized))
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
    candidates = {name: load() for name, load in open_file(path, interface).items()}
    return Subject(candidates, interface, trained_on=None, reject_below=0.0, differing_source_bytes=None)
