"""What goes into the bundle, as flags."""

import dataclasses

from components.step import StepParameters, parameter

# The names of all files that the step writes, as a regular expression.
MAKES = (
    r"(frontend|engine|app|library|boards|tests|cmake|generated|golden|third_party|packages|zephyr|arduino/ser-tinyml)/.*|"
    r"CMakeLists\.txt|README\.md|MODEL_CARD\.md|LICENSE|library\.json|idf_component\.yml|ser-tinyml\.ser-tinyml\.pdsc|"
    r"sbom\.cdx\.json|ser_firmware\.zip|arduino/ser-tinyml\.zip"
)


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """What goes into the bundle beside the model."""

    golden_windows: int = parameter(
        4, "Held-out windows, chosen by hash, that the bundle's own test replays.", at_least=1, at_most=1000
    )
    project_url: str = parameter(
        "", "Page of the project that the bundle's packages name; empty: they name none, and Arduino's index wants one."
    )
