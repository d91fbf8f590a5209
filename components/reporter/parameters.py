"""The report has no flags."""

import dataclasses

from components.step import StepParameters

# The names of all files that the step writes, as a regular expression.
MAKES = r"index\.html"


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """The page has none."""
