"""The report of `ser-tinyml tune`: which configurations nothing beats, as a page and as Markdown."""

import dataclasses
import math
from collections.abc import Callable, Mapping

from markupsafe import Markup

from ser_tinyml.judging.trials import Budget, Trial
from ser_tinyml.report.charts import draw_lines
from ser_tinyml.report.rendering import render


@dataclasses.dataclass(frozen=True)
class Tuning:
    """A search that has ended."""

    trials: tuple[Trial, ...]
    front: tuple[tuple[Trial, float], ...]  # the Pareto front, and the UAR of its test speakers, mean of folds
    best: Trial  # of the front
    budget: Budget
    folds: int
    flags: str  # the best trial's flag file
    flag_file: str  # its path

    @property
    def trained(self) -> list[Trial]:
        """The trials that were within the budget."""
        return [trial for trial in self.trials if not trial.pruned]

    @property
    def pruned(self) -> list[Trial]:
        """The trials that were beyond it."""
        return [trial for trial in self.trials if trial.pruned]


HEAD = ["trial", "validation UAR", "test UAR", "instructions", "ms", "flash, KB", "flags"]


def render_html(tuning: Tuning) -> str:
    """Returns a page that needs no other file."""
    pictures = [
        _draw(tuning, "million instructions a decision", lambda trial: _cost(trial).instructions / 1e6),
        _draw(tuning, "KB of flash", lambda trial: _cost(trial).flash_bytes / 1024),
    ]
    return render("tuning.html.j2", tuning=tuning, head=HEAD, rows=_list_rows(tuning), pictures=pictures)


def render_markdown(tuning: Tuning) -> str:
    """Returns the same without pictures."""
    return render("tuning.md.j2", tuning=tuning, head=HEAD, rows=_list_rows(tuning))


def _cost(trial: Trial):
    assert trial.cost, "a trained trial has one"
    return trial.cost


def _list_rows(tuning: Tuning) -> list[list[str]]:
    rows = []
    for trial, test_uar in tuning.front:
        cost = _cost(trial)
        rows.append(
            [
                f"{trial.number}{' (chosen)' if trial == tuning.best else ''}",
                f"{trial.uar:.3f}",
                f"{test_uar:.3f}",
                f"{cost.instructions:,}",
                f"{cost.milliseconds:.0f}",
                f"{cost.flash_bytes / 1024:.1f}",
                trial.command_line,
            ]
        )
    return rows


def _draw(tuning: Tuning, x_label: str, place: Callable[[Trial], float]) -> Markup:
    """Returns a picture of all trained trials, with those of the front joined that are better the more they cost in `place`."""
    points = sorted((place(trial), trial.uar) for trial in tuning.trained)
    front: list[tuple[float, float]] = []
    for x, uar in points:
        if front and front[-1][0] == x and uar > front[-1][1]:
            front.pop()
        if not front or uar > front[-1][1]:
            front.append((x, uar))
    return draw_lines(
        {"trials": points, "front": front},
        title=f"Validation UAR against {x_label}",
        x_label=x_label,
        y_label="validation UAR",
        x_ticks=_make_ticks([x for x, _ in points]),
        unjoined="trials",
    )


def _make_ticks(values: list[float]) -> Mapping[float, str]:
    """Returns round numbers from 0 to beyond the largest value."""
    step = 10 ** math.floor(math.log10(max(values)))
    step = next(size for size in (step / 5, step / 2, step, 2 * step) if math.ceil(max(values) / size) <= 6)
    return {n * step: f"{n * step:g}" for n in range(math.ceil(max(values) / step) + 1)}
