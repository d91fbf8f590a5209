"""What the firmware must hold on the emulated board, as flags."""

import dataclasses

from components.step import StepParameters, parameter

_ADDRESS_SPACE = 2**32  # bytes, of a 32-bit processor

# The names of all files that the step writes, as a regular expression.
MAKES = r"board\.json"


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """How much is replayed, and what must hold."""

    board_clips: int = parameter(
        64, "Held-out clips, chosen by hash, that are replayed on the emulated board.", at_least=1, at_most=10_000
    )
    min_board_agreement: float = parameter(
        0.995,
        "Share of clips that the firmware must give the class that Python's features get; one clip may always differ.",
        at_least=0,
        at_most=1,
    )
    max_flash_bytes: int = parameter(
        512 * 1024, "Of the firmware, weights included: half of an nRF52840's.", at_least=1, at_most=_ADDRESS_SPACE
    )
    max_ram_bytes: int = parameter(
        128 * 1024,
        "Of the firmware, stack and audio ring included: half of an nRF52840's.",
        at_least=1,
        at_most=_ADDRESS_SPACE,
    )
