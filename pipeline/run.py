"""`python -m pipeline.run --corpus=ravdess:DIR --pipeline_root=ROOT [flags]`: flags -> steps -> report."""

import functools
import json
from typing import Any

from absl import flags

from components.command_line import define_json, run_command, told_beside
from components.step import define_flags, define_output
from pipeline.execution import Plan, of_fold, read_plan, run_side_by_side, run_steps
from pipeline.steps import STEPS, plan_steps
from schemas.errors import UsageError
from ser_tinyml.corpora import CORPORA, parse_corpus_flags
from ser_tinyml.corpora.splits import MOST_FOLDS
from ser_tinyml.judging import cross_validation, verdicts
from ser_tinyml.store import files
from ser_tinyml.store.lock import locked

_GROUP = "run"  # below which the help lists the flags that are no step's


def execute(flag_values: flags.FlagValues, beam_options: list[str]) -> None:
    """Runs every step that has not finished with these flags before; with --folds or --leave_out, once for each fold.

    Raises:
      UserError: a step can't do its work.
      GateFailed: all is done and the report written, and the model is not blessed, or its firmware did not pass.
    """
    root = flag_values["pipeline_root"].value
    folds = _list_folds(flag_values)
    plans = {fold: _plan(flag_values, fold, deploys=not folds) for fold in folds or [flag_values["fold"].value]}
    with locked(root):
        if folds:
            _run_folds(root, plans, beam_options, jobs=flag_values["jobs"].value, as_json=flag_values["json"].value)
        else:
            (plan,) = plans.values()
            run_once(root, plan, beam_options, as_json=flag_values["json"].value)


def run_once(root: str, plan: Plan, beam_options: list[str], *, as_json: bool) -> None:
    """Runs a plan and shows what came of it; raises GateFailed where the model or its firmware did not pass."""
    with told_beside(as_json):
        run_steps(root, plan, beam_options)
    evaluation = files.join(root, "evaluation")
    if as_json:
        print(verdicts.format_json(evaluation))
    else:
        print(f"\n{verdicts.format_table(evaluation)}\n\n{files.join(root, 'report', 'index.html')}")
    verdicts.require_blessed(evaluation)
    verdicts.require_validated(files.join(root, "board"))


def _run_folds(root: str, plans: dict[str, Plan], beam_options: list[str], *, jobs: int, as_json: bool) -> None:
    roots = {fold: files.join(root, "folds", fold.replace("/", "-of-")) for fold in plans}
    work = {
        fold: functools.partial(_run_fold, fold, below, plans[fold], beam_options, as_json=as_json)
        for fold, below in roots.items()
    }
    run_side_by_side(work, jobs)
    output = files.join(root, "cross_validation")
    cross_validation.run(output, {fold: files.join(below, "evaluation") for fold, below in roots.items()})
    if as_json:
        print(json.dumps(files.read_json(files.join(output, "cross_validation.json"))))
    else:
        table = files.join(output, "cross_validation.md")
        print(f"\n{files.read_bytes(table).decode()}\n{table}")
    for below in roots.values():
        verdicts.require_blessed(files.join(below, "evaluation"))


def _run_fold(fold: str, root: str, plan: Plan, beam_options: list[str], *, as_json: bool) -> None:
    with told_beside(as_json):
        print(f"==== fold {fold}", flush=True)
        run_steps(root, plan, beam_options)
        print(verdicts.format_table(files.join(root, "evaluation")), flush=True)


def _list_folds(flag_values: flags.FlagValues) -> list[str]:
    """Returns the folds that are asked for, as values of --fold."""
    count, left_out = flag_values["folds"].value, flag_values["leave_out"].value
    if (count or left_out) and (flag_values["fold"].value or flag_values["model_path"].value):
        raise UsageError("--folds and --leave_out train a model for each fold: they go without --fold and --model_path")
    if count and not 2 <= count <= MOST_FOLDS:
        raise UsageError(f"--folds={count}: at least 2 and at most {MOST_FOLDS}")
    known = dict.fromkeys([*CORPORA, *(source.name for source in parse_corpus_flags(flag_values["corpus"].value))])
    if unknown := [name for name in left_out if name not in known]:
        raise UsageError(f"--leave_out={unknown[0]}: unknown corpus; known are {', '.join(known)}")
    return [f"{number}/{count}" for number in range(1, count + 1)] + list(left_out)


def _plan(flag_values: flags.FlagValues, fold: str, *, deploys: bool) -> Plan:
    """Returns the steps to run with the parameters of each; raises UsageError for the flags that steps refuse, all at once."""
    plan = of_fold(read_plan(plan_steps(flag_values["model_path"].value, deploys=deploys), flag_values), fold)
    _check_together({step.name: parameters for step, parameters in plan})
    return plan


def _check_together(parameters: dict[str, Any]) -> None:
    """Raises UsageError for flags of one step that do not fit those of another."""
    if "trainer" in parameters:
        parameters["trainer"].check_front_end(parameters["transform"].make_front_end())


def main() -> None:
    """Runs `ser-tinyml run`."""
    define_output("pipeline_root", _GROUP, "Directory for all that the run leaves behind.")
    flags.DEFINE_integer(
        "folds",
        0,
        "Cross-validation: so many runs, each with other test speakers (--fold=1/K and on).",
        module_name=_GROUP,
    )
    flags.DEFINE_multi_string(
        "leave_out", [], "A corpus: one more run in which it is the test split, whole.", module_name=_GROUP
    )
    flags.DEFINE_integer(
        "jobs",
        1,
        "Folds that run side by side, each in a process of its own, which takes about 1.5 GB.",
        lower_bound=1,
        upper_bound=MOST_FOLDS,
        module_name=_GROUP,
    )
    define_json(_GROUP)
    for step in STEPS:
        define_flags(step.parameters, step.name)
    run_command(execute, takes_beam_options=True)


if __name__ == "__main__":
    main()
