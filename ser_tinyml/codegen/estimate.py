"""What a real board takes for a decision, estimated from instructions that its emulated sister has counted.

A board of firmware/boards that has an `estimate.json` says there what its processor and flash are like, and where each fact is
from. A board without one gets no estimate.
"""

import dataclasses
import json
import pathlib

from ser_tinyml.codegen.firmware_tree import find_firmware


@dataclasses.dataclass(frozen=True)
class BoardFacts:
    """What `estimate.json` says of a board."""

    board: str  # its folder's name
    processor: str
    instructions_of: str  # the emulated board that counts the instructions
    clock_hz: float
    cycles_an_instruction: float
    wait_cycles_a_word: float  # of weights and tables, which come from the flash
    active_milliamperes: float
    supply_volts: float
    assumptions: tuple[str, ...]  # what is said of each fact, with its source

    def milliseconds(self, instructions: float, flash_words: float) -> float:
        """Returns how long instructions take that read so many words of 32 bits from the flash."""
        cycles = instructions * self.cycles_an_instruction + flash_words * self.wait_cycles_a_word
        return round(1e3 * cycles / self.clock_hz, 1)

    def millijoules(self, milliseconds: float) -> float:
        """Returns the energy of the processor that works for so long."""
        return round(milliseconds * self.active_milliamperes * self.supply_volts / 1e3, 3)


def read_facts(firmware: pathlib.Path | None = None) -> dict[str, BoardFacts]:
    """Returns the facts of the boards that have some, by the board's name; `firmware` is the project's own by default."""
    paths = sorted(((firmware or find_firmware()) / "boards").glob("*/estimate.json"))
    return {path.parent.name: _read(path) for path in paths}


def _read(path: pathlib.Path) -> BoardFacts:
    said = json.loads(path.read_text())
    facts = said["facts"]
    return BoardFacts(
        board=path.parent.name,
        processor=said["processor"],
        instructions_of=said["instructions_of"],
        assumptions=tuple(_describe(fact) for fact in facts.values()),
        **{name: fact["value"] for name, fact in facts.items()},
    )


def _describe(fact: dict[str, str]) -> str:
    """Says a fact with its source, or that it is assumed and why."""
    return f"{fact['says']} ({fact['source'] if 'source' in fact else 'assumed: ' + fact['assumption']})"
