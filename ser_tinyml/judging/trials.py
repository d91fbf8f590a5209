"""The trials of a search: their journal, and which of them nothing beats."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pydantic

from schemas.errors import UserError
from ser_tinyml.codegen.cost import Cost
from ser_tinyml.store import files

_UNBUILDABLE = 10.0  # the excess of what can't be built at all


@dataclasses.dataclass(frozen=True)
class Budget:
    """What a decision may cost."""

    flash_bytes: int  # of the whole firmware
    milliseconds: float

    def measure_excess(self, cost: Cost | None) -> float:
        """Returns by what share a cost is beyond the budget, 0 where it is within; None is the cost of what can't be built."""
        if cost is None:
            return _UNBUILDABLE
        return max(cost.flash_bytes / self.flash_bytes, cost.milliseconds / self.milliseconds, 1.0) - 1

    def describe_excess(self, cost: Cost) -> str:
        """Returns what is beyond the budget, in words; "" where nothing is."""
        over = []
        if cost.flash_bytes > self.flash_bytes:
            over.append(f"{cost.flash_bytes / 1024:.1f} KB of flash, {self.flash_bytes / 1024:g} are allowed")
        if cost.milliseconds > self.milliseconds:
            over.append(f"{cost.milliseconds:.1f} ms a decision, {self.milliseconds:g} are allowed")
        return "; ".join(over)


@dataclasses.dataclass(frozen=True)
class Trial:
    """A configuration, and what came of it."""

    number: int
    drawn: dict[str, Any]  # by the search, in its own names
    flags: dict[str, Any]  # that it sets
    cost: Cost | None  # None where no firmware could have the configuration
    pruned: str  # why it was not trained; "" where it was
    validation_uar: tuple[float, ...]  # of each fold's validation speakers; none of what was not trained

    @property
    def uar(self) -> float:
        """The mean over the folds."""
        return sum(self.validation_uar) / len(self.validation_uar)

    @property
    def command_line(self) -> str:
        """What it sets, as flags of a command line."""
        return " ".join(line for name, value in self.flags.items() for line in format_flag(name, value))


def format_flag(name: str, value: Any) -> list[str]:
    """Returns a flag as a line of a flag file; as several lines where it may be given several times."""
    several = value if isinstance(value, list | tuple) else (value,)
    return [f"--{name}={str(each).lower() if isinstance(each, bool) else each}" for each in several]


_ROW = pydantic.TypeAdapter(Trial)


def read_journal(path: str) -> list[Trial]:
    """Returns the trials that a search has finished; none where it has not begun.

    Raises:
      UserError: the file is no journal.
    """
    if not files.exists(path):
        return []
    found = []
    for number, row in enumerate(files.read_json_lines(path)):
        try:
            found.append(_ROW.validate_python(row))
        except pydantic.ValidationError as error:
            raise UserError(f"{path}: line {number + 1} is no trial: {error.errors()[0]['msg']}") from error
        if found[-1].number != number:
            raise UserError(f"{path}: line {number + 1} is of trial {found[-1].number}, expected {number}")
    return found


def write_journal(path: str, trials: Sequence[Trial]) -> None:
    """Writes all trials, whole or not at all."""
    files.write_json_lines(path, [dataclasses.asdict(trial) for trial in trials])


def find_best(trials: Sequence[Trial]) -> Trial | None:
    """Returns the trained trial of the highest mean validation UAR; of equals the cheapest, then the first; None of none."""
    return max((trial for trial in trials if not trial.pruned), key=_rank, default=None)


def _rank(trial: Trial) -> tuple[float, int, int]:
    assert trial.cost
    return trial.uar, -trial.cost.instructions, -trial.number


def find_front(trials: Sequence[Trial]) -> list[Trial]:
    """Returns the Pareto front, cheapest first: the trained trials to which no other is equal or better in validation UAR,
    instructions and flash, and better in one of them. Of equals the first stands for all."""
    trained = [trial for trial in trials if not trial.pruned]
    front: dict[tuple[float, int, int], Trial] = {}
    for trial in trained:
        merits = _list_merits(trial)
        if not any(_beats(_list_merits(other), merits) for other in trained):
            front.setdefault(merits, trial)
    return sorted(front.values(), key=lambda trial: _list_merits(trial)[1:], reverse=True)


def _list_merits(trial: Trial) -> tuple[float, int, int]:
    assert trial.cost
    return trial.uar, -trial.cost.instructions, -trial.cost.flash_bytes


def _beats(one: tuple, other: tuple) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))
