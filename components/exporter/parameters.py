"""Which model is exported, and how, as flags."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

from components.step import StepParameters, parameter
from schemas.errors import UsageError
from schemas.record import CALIBRATION_EXAMPLES

# The names of all files that the step writes, as a regular expression.
MAKES = r"ser_(float|dynamic|int8)\.tflite|ser_model(_data|_apart)?\.(c|cc|h)|ser_model\.bin|export\.json"


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """Which model, and how it is calibrated."""

    model_path: str = parameter(
        "",
        "A model from elsewhere instead of the trained one: .h5 or .keras of Keras 2 or 3, a SavedModel of Keras 2, or an int8 "
        ".tflite.",
    )
    add_softmax: bool = parameter(
        False, "Puts a softmax behind --model_path, where that gives logits instead of probabilities."
    )
    allow_model_code: bool = parameter(
        False, "Lets Lambda layers in --model_path run: only for a file whose author you trust with your account."
    )
    model_labels: str = parameter(
        "",
        "The classes of --model_path in the order of its outputs, with commas between them; by default the dataset's.",
    )
    model_front_end: str = parameter(
        "",
        "The front end of --model_path: a JSON file with parameters of schemas/front_end.py; by default the dataset's.",
    )
    model_standardisation: str = parameter(
        "none",
        "What --model_path takes: none (raw MFCCs), dataset (standardised with the dataset's constants), or a JSON file "
        '{"mean": [...], "deviation": [...]}.',
    )
    uncertain_share: float = parameter(
        0.1,
        "Share of the validation clips that the model is least sure of: a class with less probability than theirs is told as "
        "uncertain. 0: none is.",
        at_least=0,
        below=1,
    )
    calibration_examples: int = parameter(
        CALIBRATION_EXAMPLES,
        "Training records, chosen by hash, whose ranges decide the int8 scales.",
        at_least=1,
        at_most=100_000,
    )

    def list_checks(self) -> Sequence[Callable[[], object]]:
        """Returns the checks of flags that only a model from elsewhere has."""
        return [functools.partial(self._check_foreign, flag) for flag in ("add_softmax", "allow_model_code")]

    def _check_foreign(self, flag: str) -> None:
        if getattr(self, flag) and not self.model_path:
            raise UsageError(f"--{flag} is of a model from elsewhere: it goes with --model_path")
