"""Which model says what of which recordings, and how that is stored, as flags."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Literal

from components.model_parameters import ModelParameters
from components.step import parameter
from schemas.errors import UsageError

# The names of all files that the step writes, as a regular expression.
MAKES = r"predictions-\d{5}-of-\d{5}\.(jsonl|csv|parquet)|quarantine\.jsonl|(counts|bulk)\.json"


@dataclasses.dataclass(frozen=True)
class Parameters(ModelParameters):
    """Which recordings, on which runtime, and into which files."""

    input: tuple[str, ...] = parameter(
        (),
        "Recordings: a directory or a bucket, of which all in it and below it are taken, a recording, or a manifest (.jsonl), "
        "whose rows are held to their SHA-256. May be given several times.",
    )
    runtime: Literal["", "engine", "int8", "float", "dynamic", "tflm", "keras"] = parameter(
        "",
        "Where the model runs; by default the generated C (engine), where there is a C compiler here, else int8. All "
        "but engine need TensorFlow on the workers.",
    )
    format: Literal["jsonl", "csv", "parquet"] = parameter(
        "jsonl", "jsonl: what `predict --json` prints. csv: a row a recording. parquet: the same with all windows."
    )
    num_shards: int = parameter(4, "Files.", at_least=1, at_most=1024)
    max_quarantine_fraction: float = parameter(
        0.5, "The job fails where a larger share of the recordings is in quarantine.", at_least=0, at_most=1
    )

    def list_checks(self) -> Sequence[Callable[[], object]]:
        """Returns the checks of what must be given."""
        return (*super().list_checks(), self._check_input)

    def _check_input(self) -> None:
        if not self.input or not all(self.input):
            raise UsageError("--input is not given: a directory of recordings, for one")
