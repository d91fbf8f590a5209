"""The flags that name a finished model, of the steps that put one to use."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from components.step import StepParameters, parameter
from schemas.classes import parse_labels
from schemas.errors import UsageError


@dataclasses.dataclass(frozen=True)
class ModelParameters(StepParameters):
    """Which model, and what its file does not say."""

    model: str = parameter(
        "",
        "The model: the root of a run, an export, a firmware bundle, a Keras model or a TFLite file. It must be given.",
    )
    model_labels: str = parameter(
        "",
        "The classes of a file, in the order of its outputs, with commas between them; by default "
        "neutral,happy,surprise,unpleasant. A run and its files know their own, as they do of the next two.",
    )
    model_front_end: str = parameter(
        "", "The front end of a file: JSON with parameters of schemas/front_end.py; by default the usual one."
    )
    model_standardisation: str = parameter(
        "", 'What a file takes: a JSON file {"mean": [...], "deviation": [...]}; by default raw features.'
    )

    def list_checks(self) -> Sequence[Callable[[], object]]:
        """Returns the check that a model is named."""
        return (self._check_model,)

    def _check_model(self) -> None:
        if not self.model:
            raise UsageError("--model is not given: the root of a run, for one")

    def describe_file(self) -> dict[str, Any]:
        """Returns what `ser_tinyml.load` is told of a file, by its arguments."""
        return {
            "labels": parse_labels("model_labels", self.model_labels) if self.model_labels else None,
            "front_end": self.model_front_end or None,
            "standardisation": self.model_standardisation or None,
        }
