"""What goes into the bundle, as flags."""

import dataclasses

from components.step import StepParameters, parameter


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """What goes into the bundle beside the model."""

    golden_windows: int = parameter(
        4, "Held-out windows, chosen by hash, that the bundle's own test replays.", at_least=1, at_most=1000
    )
    project_url: str = parameter(
        "", "Page of the project that the bundle's packages name; empty: they name none, and Arduino's index wants one."
    )
