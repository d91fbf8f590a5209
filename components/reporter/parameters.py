"""The report has no flags."""

import dataclasses

from components.step import StepParameters


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """The page has none."""
