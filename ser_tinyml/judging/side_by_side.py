"""Finished runs beside each other: flags, data and figures, and what of the differences is more than chance."""

import dataclasses
from typing import Any

from schemas.errors import UserError
from schemas.run_files import Board, Comparison, Dataset, Evaluation, RunHistory
from ser_tinyml.judging.predicted import Clips, compare
from ser_tinyml.store import files, run_files

Rows = dict[str, list[Any]]  # what a row is of -> the value in each run, None where it has none


@dataclasses.dataclass(frozen=True)
class SideBySide:
    """Some runs, of which the others are compared with the first."""

    roots: list[str]
    flags: Rows  # that differ
    data: Rows
    figures: Rows
    differences: list[Comparison | None]  # what each run has more than the first; None where they share no clips
    why_not: list[str]  # why there is no difference; "" where there is one


def compare_runs(roots: list[str]) -> SideBySide:
    """Reads finished runs, or what `evaluate` left; raises UserError where one of them was not judged."""
    evaluations = [run_files.read(Evaluation, files.join(root, "evaluation")) for root in roots]
    clips = [Clips.read(root) for root in roots]
    differences: list[Comparison | None] = [None]
    why_not = ["it is what the others are compared with"]
    for each in clips[1:]:
        try:
            differences.append(compare(each, clips[0], called=roots[0]))
            why_not.append("")
        except UserError as error:
            differences.append(None)
            why_not.append(str(error))
    return SideBySide(
        roots=roots,
        flags=_find_differing_flags(roots),
        data=_describe_data(roots),
        figures=_describe_figures(roots, evaluations),
        differences=differences,
        why_not=why_not,
    )


def _find_differing_flags(roots: list[str]) -> Rows:
    of_run = [
        {
            f"{step} --{flag}": value
            for step, found in (_read(RunHistory, root, "") or RunHistory({})).steps.items()
            for flag, value in found.parameters.items()
        }
        for root in roots
    ]
    names = sorted({name for flags in of_run for name in flags})
    rows = {name: [flags.get(name) for flags in of_run] for name in names}
    return {name: values for name, values in rows.items() if any(value != values[0] for value in values)}


def _describe_data(roots: list[str]) -> Rows:
    found = [_read(Dataset, root, "examples") for root in roots]
    rows: Rows = {
        "digest of the records": [each and each.digest[:16] for each in found],
        "classes": [each and ", ".join(each.labels) for each in found],
        "clips decoded": [each and each.decoded for each in found],
        "clips in quarantine": [each and sum(each.quarantined.values()) for each in found],
    }
    for split in ("train", "validation", "test"):
        rows[f"{split} records"] = [each and each.splits[split].examples for each in found]
    return rows


def _describe_figures(roots: list[str], evaluations: list[Evaluation]) -> Rows:
    flashed = [each.models[each.flashed] for each in evaluations]
    boards = [_read(Board, root, "board") for root in roots]
    costs = [board.cost if board else None for board in boards]
    noisy = [each.noisy.get(each.flashed) for each in evaluations]
    return {
        "blessed": [each.blessed for each in evaluations],
        "judged on": [each.protocol for each in evaluations],
        "held-out clips": [each.clips for each in evaluations],
        "form": [each.flashed for each in evaluations],
        "UAR": [each.scores.uar for each in flashed],
        "UAR, lower end": [each.scores.intervals["uar"][0] for each in flashed],
        "UAR, upper end": [each.scores.intervals["uar"][1] for each in flashed],
        "chance": [each.chance for each in flashed],
        "accuracy": [each.scores.accuracy for each in flashed],
        "macro-F1": [each.scores.macro_f1 for each in flashed],
        "UAR with noise": [each and each.uar for each in noisy],
        "worst class": [each.worst_class for each in flashed],
        "its recall": [each.per_class[each.worst_class].recall for each in flashed],
        "calibration error": [each.calibration_error for each in flashed],
        "bytes of the model": [each.bytes for each in flashed],
        "flash, bytes": [cost and cost.flash_bytes for cost in costs],
        "RAM, bytes": [cost and cost.ram_bytes for cost in costs],
        "instructions a window": [cost and cost.instructions_frontend + cost.instructions_engine for cost in costs],
    }


def _read(kind: Any, root: str, below: str) -> Any:
    """Returns a document of a run; None where the run has none."""
    folder = files.join(root, below) if below else root
    return run_files.read(kind, folder) if files.exists(files.join(folder, kind.FILE_NAME)) else None
