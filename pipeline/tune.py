"""`ser-tinyml tune --corpus=... --pipeline_root=ROOT --max_flash_kb=... --max_ms=... --trials=N`: the best network for a board.

Writes below ROOT/tune:
  study.json            what decides the trials: budget, flags, recordings, code
  trials.jsonl          the journal, a line a trial; from where a study goes on that was broken off
  records/              manifest and records of each front end and fold
  predictions/          what each training says of its validation and test clips
  tuning.md, tuning.html  the report
  best.flags            the best trial, for `ser-tinyml run --flagfile=`
"""

import dataclasses
import functools
import importlib.metadata
import json
from typing import Any

import numpy as np
from absl import flags

from components.command_line import define_json, run_command, told_beside
from components.step import StepParameters, define_flags, define_output, from_flags, parameter
from pipeline import trial
from pipeline.execution import Plan, of_fold, read_plan, run_side_by_side, run_steps
from pipeline.lineage import Lineage
from pipeline.search import Search
from pipeline.steps import STEPS
from schemas.errors import UsageError, UserError
from schemas.front_end import PROSODY
from schemas.run_files import ManifestSummary
from ser_tinyml.codegen.cost import Cost, compute_cost
from ser_tinyml.corpora.splits import MOST_FOLDS
from ser_tinyml.judging.metrics import score
from ser_tinyml.judging.trials import Budget, Trial, find_best, find_front, format_flag, read_journal, write_journal
from ser_tinyml.store import files, run_files
from ser_tinyml.store.code_digest import digest_code
from ser_tinyml.store.digests import short_hash
from ser_tinyml.store.lock import locked

_STEPS = STEPS[:3]  # manifest, records, training
_MOST_PRUNED = 200  # in a row
_DECIDING_CODE = (
    *("pipeline.trial", "pipeline.search", "ser_tinyml.codegen.cost"),
    *(f"components.{step}.component" for step in ("example_gen", "transform", "trainer")),
)


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """The budget, and how long is searched."""

    max_flash_kb: float = parameter(
        512.0, "KB (of 1,024 bytes) of flash that the firmware may take.", above=0, at_most=2**22
    )
    max_ms: float = parameter(
        500.0, "Milliseconds of a Cortex-M4F at 64 MHz that a decision may take.", above=0, at_most=1e6
    )
    trials: int = parameter(
        20, "Configurations that are trained; those beyond the budget are none.", at_least=1, at_most=10_000
    )
    folds: int = parameter(
        3, "Folds of a cross-validation; each trial trains so often.", at_least=2, at_most=MOST_FOLDS
    )
    jobs: int = parameter(
        1,
        "Folds that are trained side by side, each in a process of its own, which takes about 1.5 GB.",
        affects_output=False,
        at_least=1,
        at_most=MOST_FOLDS,
    )


def execute(flag_values: flags.FlagValues, beam_options: list[str]) -> None:
    """Searches until enough is trained, then writes the report.

    Raises:
      UserError: Optuna is missing, the root holds another study, or nothing fits the budget.
    """
    own = from_flags(Parameters, flag_values)
    plan = read_plan(_STEPS, flag_values)
    given = {
        field.name: getattr(parameters, field.name)
        for _, parameters in plan
        for field in dataclasses.fields(parameters)
        if flag_values[field.name].present
    }
    _check_given(plan)
    root = flag_values["pipeline_root"].value
    as_json = flag_values["json"].value
    with locked(root), told_beside(as_json):
        study = _Study(root, own, plan, given, beam_options)
        study.search()
        front = study.report()
    if as_json:
        print(json.dumps(front))


def _check_given(plan: Plan) -> None:
    example_gen, _, trainer = _list_parameters(plan)
    if example_gen.fold or example_gen.split != "speaker":
        raise UsageError("tune makes speaker-disjoint folds of its own: it goes without --fold and another --split")
    if trainer.conv_filters or trainer.bidirectional or trainer.frame_pooling != "last":
        raise UsageError(
            "tune computes the cost of LSTMs that end in their last state: it goes without --conv_filters, --bidirectional "
            "and another --frame_pooling"
        )
    if trainer.quantization_aware:
        raise UsageError("tune trains in float: give --quantization_aware to the run that takes its flags")


class _Study:
    """A search, with its folder."""

    def __init__(self, root: str, own: Parameters, plan: Plan, given: dict[str, Any], beam_options: list[str]):
        self._root, self._own, self._plan, self._beam_options = root, own, plan, beam_options
        self._folder = files.join(root, "tune")
        _, transform, trainer = _list_parameters(plan)
        pair = 2 * transform.hop_length / transform.sample_rate
        self._search = Search(given, seed=trainer.seed, frame_pair_seconds=pair)
        self._budget = Budget(flash_bytes=round(own.max_flash_kb * 1024), milliseconds=own.max_ms)
        self._folds = [f"{number}/{own.folds}" for number in range(1, own.folds + 1)]
        self._made = set[str]()  # folders of records that this process has made, or found whole
        self._check_identity(given)
        self._journal = files.join(self._folder, "trials.jsonl")
        self._trials = read_journal(self._journal)

    def _check_identity(self, given: dict[str, Any]) -> None:
        """Raises UserError where the folder holds a study that something else decides."""
        step, parameters = self._plan[0]
        run = Lineage(self._folder).describe_run(step, parameters)
        _, transform, _ = _list_parameters(self._plan)
        noises = files.list_file_states(transform.noise_dir) if transform.noise_dir else []
        identity = {
            "budget": dataclasses.asdict(self._budget),
            "folds": self._own.folds,
            "flags": {name: value for name, value in given.items() if name != "corpus"},
            "recordings": run.inputs | {"noise_dir": noises},
            "libraries": run.libraries | {"optuna": importlib.metadata.version("optuna")},
            "code": short_hash("".join(map(digest_code, _DECIDING_CODE))),
        }
        identity = json.loads(json.dumps(identity))
        path = files.join(self._folder, "study.json")
        if not files.exists(path):
            files.write_json(path, identity)
        elif other := [name for name, value in identity.items() if files.read_json(path).get(name) != value]:
            raise UserError(
                f"{self._folder} holds a study of other {' and '.join(other)}, whose trials are not comparable: choose another "
                "--pipeline_root, or remove that folder"
            )

    # ---- searching ----

    def search(self) -> None:
        """Goes on until enough is trained."""
        for past in self._trials:
            drawn, found, draw = self._search.draw(past.drawn)
            if drawn != past.drawn or json.loads(json.dumps(found)) != past.flags:
                raise UserError(f"{self._journal}: trial {past.number} is not of this search: remove {self._folder}")
            self._tell(draw, past)
        if done := len(self._trials):
            print(f"{done} trials were done before", flush=True)
        n_classes = self._count_classes()
        while sum(not past.pruned for past in self._trials) < self._own.trials:
            if self._count_pruned_last() >= _MOST_PRUNED:
                self._give_up()
                break
            drawn, found, draw = self._search.draw()
            made = self._try(drawn, found, n_classes)
            self._tell(draw, made)
            self._trials.append(made)
            write_journal(self._journal, self._trials)
            print(_describe(made), flush=True)

    def _count_pruned_last(self) -> int:
        trained = [past.number for past in self._trials if not past.pruned]
        return len(self._trials) - 1 - (trained[-1] if trained else -1)

    def _give_up(self) -> None:
        told = f"the last {_MOST_PRUNED} configurations are beyond the budget"
        if all(past.pruned for past in self._trials):
            raise UserError(f"{told}, the last for its {self._trials[-1].pruned}: raise --max_flash_kb or --max_ms")
        print(f"{told}: the search ends here")

    def _tell(self, draw: Any, made: Trial) -> None:
        if made.pruned:
            draw.prune(self._budget.measure_excess(made.cost))
        else:
            draw.tell(made.uar)

    def _try(self, drawn: dict[str, Any], found: dict[str, Any], n_classes: int) -> Trial:
        """Trains a configuration that is within the budget, for every fold."""
        number, cost = len(self._trials), None
        flags_found = json.loads(json.dumps(found))
        try:
            plan = _with_flags(self._plan, found)
            cost = _compute_cost(plan, n_classes)
            pruned = self._budget.describe_excess(cost)
        except UsageError as error:
            pruned = str(error)
        if pruned:
            return Trial(number, drawn, flags_found, cost, pruned, validation_uar=())
        trainings = self._prepare(plan)
        trial.train_side_by_side(trainings, self._own.jobs)
        uar = tuple(_measure_uar(path, "validation") for _, path in trainings.values())
        return Trial(number, drawn, flags_found, cost, pruned="", validation_uar=uar)

    def _prepare(self, plan: Plan) -> dict[str, tuple[trial.Training, str]]:
        """Makes the records that a configuration is trained on; returns the training of each fold, and its file."""
        _, transform, trainer = _list_parameters(plan)
        records = self._with_all_prosody(plan)
        roots = {fold: self._place_records(records, fold) for fold in self._folds}
        missing = {fold: below for fold, below in roots.items() if below not in self._made}
        work = {
            f"fold {fold}": functools.partial(run_steps, below, of_fold(records, fold)[:2], self._beam_options)
            for fold, below in missing.items()
        }
        run_side_by_side(work, self._own.jobs)
        self._made.update(missing.values())
        prosody = transform.make_front_end().prosody
        trainings = {}
        for fold, below in roots.items():
            told = json.dumps([below.removeprefix(self._folder), prosody, dataclasses.asdict(trainer)])
            path = files.join(self._folder, "predictions", f"{short_hash(told)}.npz")
            training = trial.Training(files.join(below, "examples"), trainer, prosody, ("validation", "test"))
            trainings[f"fold {fold}"] = training, path
        return trainings

    def _with_all_prosody(self, plan: Plan) -> Plan:
        """Returns the plan of records of which a training takes the columns that it wants, where prosody is searched."""
        if "prosody" not in self._search.searched:
            return plan
        try:
            return _with_flags(plan, {"prosody": ",".join(PROSODY)})
        except UsageError:  # frames that are too short for a pitch
            return plan

    def _place_records(self, plan: Plan, fold: str) -> str:
        _, parameters = plan[1]
        affecting = [field.name for field in dataclasses.fields(parameters) if field.metadata["affects_output"]]
        told = json.dumps([getattr(parameters, name) for name in affecting])
        return files.join(self._folder, "records", short_hash(told)[:8], fold.replace("/", "-of-"))

    def _count_classes(self) -> int:
        plan, fold = self._with_all_prosody(self._plan), self._folds[0]
        below = self._place_records(plan, fold)
        run_steps(below, of_fold(plan, fold)[:1], self._beam_options)
        return len(run_files.read(ManifestSummary, files.join(below, "manifest")).labels)

    # ---- reporting ----

    def report(self) -> list[dict]:
        """Writes report and flag file; here, and of the front alone, the test speakers are looked at.

        Returns:
          The front's trials, each with its test UAR, and whether it is the chosen one.
        """
        from ser_tinyml.report.tuning import Tuning, render_html, render_markdown  # with Jinja

        best = find_best(self._trials)
        assert best, "search() ends with a trained trial, or with an error"
        flag_file = files.join(self._folder, "best.flags")
        files.write_text(flag_file, self._format_flags(best))
        tuning = Tuning(
            trials=tuple(self._trials),
            front=tuple((each, self._measure_test(each)) for each in find_front(self._trials)),
            best=best,
            budget=self._budget,
            folds=self._own.folds,
            flags=files.read_bytes(flag_file).decode(),
            flag_file=flag_file,
        )
        files.write_text(files.join(self._folder, "tuning.html"), render_html(tuning))
        markdown = render_markdown(tuning)
        files.write_text(files.join(self._folder, "tuning.md"), markdown)
        print(f"\n{markdown}\n{files.join(self._folder, 'tuning.html')}")
        return [
            dataclasses.asdict(made) | {"test_uar": test_uar, "chosen": made == best} for made, test_uar in tuning.front
        ]

    def _measure_test(self, made: Trial) -> float:
        trainings = self._prepare(_with_flags(self._plan, made.flags))
        trial.train_side_by_side(trainings, self._own.jobs)  # what somebody has removed
        return float(np.mean([_measure_uar(path, "test") for _, path in trainings.values()]))

    def _format_flags(self, made: Trial) -> str:
        lines = [
            f"# Trial {made.number} of `ser-tinyml tune`: validation UAR {made.uar:.3f}, mean of {self._own.folds} folds.",
            f"--pipeline_root={files.join(self._root, 'best')}",
        ]
        for _, parameters in _with_flags(self._plan, made.flags):
            for field in dataclasses.fields(parameters):
                value = getattr(parameters, field.name)
                lines += format_flag(field.name, value) if value != field.default else []
        return "\n".join(lines) + "\n"


def _list_parameters(plan: Plan) -> list[Any]:
    """Returns the parameters of the manifest, of the records, and of the training."""
    return [parameters for _, parameters in plan]


def _with_flags(plan: Plan, found: dict[str, Any]) -> Plan:
    """Returns the plan with some flags changed; raises UsageError for those that a step refuses, or that don't fit together."""
    changed: Plan = []
    for step, parameters in plan:
        mine = {field.name for field in dataclasses.fields(parameters)}.intersection(found)
        values = {name: tuple(found[name]) if isinstance(found[name], list) else found[name] for name in sorted(mine)}
        changed.append((step, dataclasses.replace(parameters, **values)))
    _, transform, trainer = _list_parameters(changed)
    trainer.check_front_end(transform.make_front_end())
    return changed


def _compute_cost(plan: Plan, n_classes: int) -> Cost:
    _, transform, trainer = _list_parameters(plan)
    units = trainer.read_units("lstm_units")
    return compute_cost(transform.make_front_end(), units, trainer.dense_units, n_classes, members=trainer.ensemble)


def _measure_uar(path: str, split: str) -> float:
    predicted = trial.read_predicted(path, split)
    return score(predicted["true"], predicted["probabilities"].argmax(axis=1)).uar


def _describe(made: Trial) -> str:
    if made.pruned:
        return f"trial {made.number}: not trained: {made.pruned}"
    assert made.cost
    by_fold = " ".join(f"{each:.3f}" for each in made.validation_uar)
    return (
        f"trial {made.number}: validation UAR {made.uar:.3f} ({by_fold}), {made.cost.milliseconds:.0f} ms, "
        f"{made.cost.flash_bytes / 1024:.0f} KB"
    )


def main() -> None:
    """Runs `ser-tinyml tune`."""
    define_output("pipeline_root", "tune", "Directory for all that the search leaves behind.")
    define_flags(Parameters, "tune")
    define_json("tune")
    for step in _STEPS:
        define_flags(step.parameters, step.name)
    run_command(execute, takes_beam_options=True)


if __name__ == "__main__":
    main()
