"""The evaluations of all folds -> ROOT/cross_validation.

Writes:
  cross_validation.json   UAR, macro-F1 and accuracy of each fold, their mean and deviation, and over all clips with a 95 %
                          confidence interval; by corpus and by speaker; of a front end that learns its speaker, the flashed
                          model's UAR of each clip alone
  cross_validation.md     the same as tables
"""

import collections
import dataclasses
from collections.abc import Callable

import numpy as np

from schemas.run_files import Evaluation
from ser_tinyml.judging.intervals import score_strangers
from ser_tinyml.judging.predicted import Clips, name_speaker
from ser_tinyml.store import files, run_files

METRICS = ("uar", "macro_f1", "accuracy")
MODELS = ("keras", "int8")


def run(output: str, evaluations: dict[str, str]) -> None:
    """Joins the evaluations of all folds.

    Args:
      output: directory to write to.
      evaluations: fold -> directory of its evaluation. Folds named by a corpus that was left out stand apart.
    """
    rows = {
        fold: list(files.read_json_lines(files.join(path, "predictions.jsonl"))) for fold, path in evaluations.items()
    }
    left_out = {fold: found for fold, found in rows.items() if "/" not in fold}
    folds = {fold: found for fold, found in rows.items() if fold not in left_out}
    evaluated = {fold: run_files.read(Evaluation, path) for fold, path in evaluations.items()}
    document = {
        "folds": {fold: {model: _score(found, model) for model in MODELS} for fold, found in folds.items()},
        "models": {model: _join_folds(folds, model) for model in MODELS} if folds else {},
        "left_out": {corpus: {model: _score(found, model) for model in MODELS} for corpus, found in left_out.items()},
        "alone": {fold: alone.uar for fold, each in evaluated.items() if (alone := each.models[each.flashed].alone)},
        "blessed": {fold: each.blessed for fold, each in evaluated.items()},
    }
    files.write_json(files.join(output, "cross_validation.json"), document)
    files.write_text(files.join(output, "cross_validation.md"), _format(document))


def _join_folds(folds: dict[str, list[dict]], model: str) -> dict:
    of_folds = [_score(rows, model) for rows in folds.values()]
    everything = [row for rows in folds.values() for row in rows]
    return {
        "mean": {name: float(np.mean([fold[name] for fold in of_folds])) for name in METRICS},
        "deviation": {name: float(np.std([fold[name] for fold in of_folds], ddof=1)) for name in METRICS},
        "all_clips": _score(everything, model),
        "by_corpus": {
            name: _score(rows, model) for name, rows in _group(everything, lambda row: row["corpus"]).items()
        },
        "by_speaker": {name: _score(rows, model) for name, rows in _group(everything, name_speaker).items()},
    }


def _group(rows: list[dict], name_part: Callable[[dict], str]) -> dict[str, list[dict]]:
    groups = collections.defaultdict(list)
    for row in rows:
        groups[name_part(row)].append(row)
    return dict(sorted(groups.items()))


def _score(rows: list[dict], model: str) -> dict:
    """Returns metrics over all rows, with their confidence intervals over speakers."""
    clips = Clips.from_rows(rows)
    return dataclasses.asdict(score_strangers(clips.true, clips.elected[model], clips.speakers))


def _format(document: dict) -> str:
    """Returns the tables as Markdown."""
    lines = []
    if document["models"]:
        lines += [
            "| model | UAR, mean ± deviation of folds | macro-F1 | accuracy | UAR of all clips, 95 % interval over speakers |",
            "|---|---|---|---|---|",
        ]
        for model, found in document["models"].items():
            cells = [f"{found['mean'][name]:.3f} ± {found['deviation'][name]:.3f}" for name in METRICS]
            lines.append(f"| {model} | {' | '.join(cells)} | {_with_interval(found['all_clips'], 'uar')} |")
        lines += ["", "| fold | " + " | ".join(document["folds"]) + " |", "|---" * (len(document["folds"]) + 1) + "|"]
        for model in MODELS:
            values = [f"{fold[model]['uar']:.3f}" for fold in document["folds"].values()]
            lines.append(f"| {model}, UAR | {' | '.join(values)} |")
        if alone := [document["alone"][fold] for fold in document["folds"] if fold in document["alone"]]:
            lines += [
                f"| flashed, UAR of each clip alone | {' | '.join(f'{uar:.3f}' for uar in alone)} |",
                "",
                "The front end learns its speaker: a clip was judged behind other clips of the same person. Each clip alone, "
                f"as by a device that was just switched on, what is flashed has a UAR of {np.mean(alone):.3f} (mean of folds).",
            ]
        lines += ["", *_HEAD_OF_GROUPS]
        lines += [_row(f"int8, {name}", found) for name, found in document["models"]["int8"]["by_corpus"].items()]
        lines += ["", "| speaker (int8) | clips | UAR | macro-F1 | accuracy |", "|---|---|---|---|---|"]
        for name, found in document["models"]["int8"]["by_speaker"].items():
            cells = [f"{found[metric]:.3f}" for metric in METRICS]
            lines.append(f"| {name} | {found['clips']} | {' | '.join(cells)} |")
    if document["left_out"]:
        lines += ["", *_HEAD_OF_GROUPS]
        for corpus, models in document["left_out"].items():
            lines += [_row(f"{model}, {corpus} left out", found) for model, found in models.items()]
    return "\n".join(lines).strip() + "\n"


_HEAD_OF_GROUPS = ("| | clips | UAR | macro-F1 | accuracy |", "|---|---|---|---|---|")


def _row(title: str, found: dict) -> str:
    return f"| {title} | {found['clips']} | {' | '.join(_with_interval(found, name) for name in METRICS)} |"


def _with_interval(found: dict, name: str) -> str:
    lower, upper = found["intervals"][name]
    return f"{found[name]:.3f} ({lower:.3f} to {upper:.3f})"
