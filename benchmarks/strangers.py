"""Accuracy on speakers whom nobody heard, of several ways to train, over the folds of RAVDESS's speakers and over seeds.

    python benchmarks/strangers.py --variant=reference "--variant=MFCCs: --prosody=none" "--variant=with pitch: --prosody=pitch"

A variant is a name, and behind a colon flags of the trainer and of the data job; the first is what the others are held to.
`--prosody` names the columns that are left of the records', or `none`. Variants without other flags of the data job than this
and `--cmvn_prior_windows` train on the same records: those of `--preset` with all columns, and with what `--data` adds. Each
fold's predictions are kept in `--output`, so that a run that was broken off goes on; a change of the code needs another folder.
They are those of the int8 file, run by TFLite, and of the network in float.
`--opensmile=PYTHON` adds a row of eGeMAPS functionals with an SVM (`egemaps.py`). The last row is all that the others know
together: the mean of their probabilities, each variant as heavy.
"""

import argparse
import dataclasses
import hashlib
import json
import pathlib
from typing import Any

import commands
import egemaps
import numpy as np
import presets
from corpora import list_corpora

from components.trainer.parameters import Parameters
from components.transform.parameters import Parameters as DataParameters
from pipeline import trial
from pipeline.trial import Predicted
from schemas.front_end import PROSODY
from schemas.run_files import ALONE, BEHIND_A_STRANGER, ManifestSummary
from ser_tinyml.judging.intervals import difference_intervals, score_intervals
from ser_tinyml.judging.metrics import calibration_error, score
from ser_tinyml.store import run_files
from ser_tinyml.store.manifest import read_manifest


@dataclasses.dataclass(frozen=True)
class Variant:
    """A way to train."""

    name: str
    flags: dict[str, str]  # of the trainer
    data: tuple[str, ...]  # flags of the data job
    prosody: tuple[str, ...]
    cmvn_prior_windows: int | None

    @classmethod
    def parse(cls, text: str) -> "Variant":
        """Reads `NAME: --flag=value --flag=value`."""
        name, _, behind = text.partition(":")
        flags = dict(flag.removeprefix("--").split("=", 1) for flag in behind.split())
        chosen = flags.pop("prosody", ",".join(PROSODY)).split(",")
        if unknown := set(chosen) - {*PROSODY, "none"}:
            raise SystemExit(f"error: --prosody={min(unknown)}: expected some of {', '.join(PROSODY)}, or none")
        windows = flags.pop("cmvn_prior_windows", None)
        columns = tuple(column for column in PROSODY if column in chosen)
        ours = {field.name for field in dataclasses.fields(DataParameters)}
        data = tuple(f"--{flag}={flags.pop(flag)}" for flag in sorted(ours & flags.keys()))
        return cls(name.strip(), flags, data, columns, None if windows is None else int(windows))


@dataclasses.dataclass(frozen=True)
class Training:
    """One training: of a variant, with a seed, for a fold's speakers."""

    variant: Variant
    preset: str
    seed: int
    examples: str

    def describe(self) -> str:
        """Returns what is trained, in a few words."""
        return f"{self.variant.name}, seed {self.seed}, {pathlib.Path(self.examples).parent.name}"

    def prepare(self) -> trial.Training:
        """Returns it with all parameters of the trainer; ends the program where a flag is none of its."""
        defaults = dataclasses.asdict(Parameters())
        if unknown := self.variant.flags.keys() - defaults.keys():
            raise SystemExit(f"error: --{min(unknown)} is no flag of the trainer or the data job")
        values = presets.read(self.preset) | self.variant.flags | {"seed": str(self.seed)}
        parameters = Parameters(
            **{name: _read(values[name], like=value) for name, value in defaults.items() if name in values}
        )
        return trial.Training(
            self.examples, parameters, self.variant.prosody, ("test",), self.variant.cmvn_prior_windows
        )

    def name(self) -> str:
        """Returns the name of the file that keeps its predictions."""
        variant = dataclasses.asdict(self.variant) | {"name": ""}
        del variant["data"]  # which `examples` tells
        told = json.dumps([variant, self.preset, self.seed, self.examples, "test"])
        return hashlib.sha256(told.encode()).hexdigest()[:16] + ".npz"


def main() -> None:
    """Trains what was not trained yet, and prints a row a variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", action="append", default=[], help="NAME:DIR; default: the recordings in ../shared")
    parser.add_argument("--preset", choices=("default", "small", "ensemble"), default="default")
    parser.add_argument("--variant", action="append", default=[], help="NAME: --flag=value ...")
    parser.add_argument("--data", action="append", default=[], help="a flag of the data job, like --augment=clean")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--leave_out", action="append", default=[], help="a corpus to test on, instead of folds")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="trainings side by side, each on one core")
    parser.add_argument(
        "--opensmile", default="", help="a Python that has opensmile: adds a row of eGeMAPS with an SVM"
    )
    parser.add_argument("--output", default="build/bench-strangers")
    arguments = parser.parse_args()
    output = pathlib.Path(arguments.output)
    variants = [Variant.parse(text) for text in arguments.variant or ["reference"]]
    folds = arguments.leave_out or [f"{number}/{arguments.folds}" for number in range(1, arguments.folds + 1)]
    examples = {each.name: _make_examples(output, arguments, folds, each.data) for each in variants}
    trainings = {
        variant.name: [
            [Training(variant, arguments.preset, seed, path) for path in examples[variant.name]]
            for seed in range(arguments.seeds)
        ]
        for variant in variants
    }
    _train_all([each for seeds in trainings.values() for folds in seeds for each in folds], output, arguments.jobs)
    found = {
        name: [
            [trial.read_predicted(str(output / "predictions" / each.name()), "test") for each in folds]
            for folds in seeds
        ]
        for name, seeds in trainings.items()
    }
    if arguments.opensmile:
        found["eGeMAPS, SVM"] = [_judge_egemaps(arguments.opensmile, examples[variants[0].name])] * arguments.seeds
    if len(found) > 1:
        every = [folds for seeds in found.values() for folds in seeds]
        found["all of these together"] = [[_average(fold) for fold in zip(*every, strict=True)]] * arguments.seeds
    _print_table(found)


def _make_examples(
    output: pathlib.Path, arguments: argparse.Namespace, folds: list[str], data: tuple[str, ...]
) -> list[str]:
    """Makes the records of each fold, which are kept in a folder of their own for each corpus and flag."""
    corpora = [f"--corpus={corpus}" for corpus in list_corpora(output, arguments.corpus)]
    preset = presets.make_flag(arguments.preset)
    flags = [*arguments.data, *data]
    told = json.dumps([corpora, preset, flags])
    kept = output / hashlib.sha256(told.encode()).hexdigest()[:8]
    made = []
    for fold in folds:
        below = kept / fold.replace("/", "-of-")
        if not (below / "examples" / "dataset.json").exists():
            commands.run(
                *("-m", "components.example_gen", preset, *corpora, f"--fold={fold}"), f"--output={below / 'manifest'}"
            )
            commands.run(
                *("-m", "components.transform", preset, f"--prosody={','.join(PROSODY)}", *flags),
                *(f"--manifest={below / 'manifest' / 'manifest.jsonl'}", f"--output={below / 'examples'}"),
            )
        made.append(str(below / "examples"))
    return made


def _judge_egemaps(python: str, examples: list[str]) -> list[Predicted]:
    folders = [str(pathlib.Path(path).with_name("manifest")) for path in examples]
    labels = run_files.read(ManifestSummary, folders[0]).labels
    manifests = [list(read_manifest(f"{folder}/manifest.jsonl")) for folder in folders]
    paths = sorted({row.path for rows in manifests for row in rows})
    functionals = egemaps.compute_functionals(python, paths, pathlib.Path(folders[0]).parents[1] / "egemaps.npy")
    return [egemaps.predict_test_clips(rows, functionals, labels) for rows in manifests]


def _train_all(trainings: list[Training], output: pathlib.Path, jobs: int) -> None:
    wanted = {each.describe(): (each.prepare(), str(output / "predictions" / each.name())) for each in trainings}
    trial.train_side_by_side(wanted, jobs)


def _read(text: str, like: Any) -> Any:
    return text in ("true", "1") if isinstance(like, bool) else type(like)(text)


def _print_table(found: dict[str, list[list[Predicted]]]) -> None:
    """Prints a row each.

    That is UAR as mean of folds; of each seed; of each clip as if nothing had been heard of its speaker, or another speaker; in
    float; of the seeds' networks together, whose probabilities are averaged; of all seeds' clips, with intervals over speakers.

    Args:
      found: name -> seed -> fold -> what is predicted.
    """
    print(
        "\n| int8 | UAR, mean of folds and seeds | each seed | each clip alone, behind another speaker | in float | "
        "the seeds' networks together | all clips (95 %, speakers) | against the first | calibration error |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    reference: np.ndarray | None = None
    for name, seeds in found.items():
        by_seed, in_float = ([_mean_uar(folds, kind) for folds in seeds] for kind in ("probabilities", "in_float"))
        true, probabilities, speakers = (
            np.concatenate([each[key] for folds in seeds for each in folds])
            for key in ("true", "probabilities", "speakers")
        )
        predicted = probabilities.argmax(axis=1)
        lower, upper = score_intervals(true, predicted, list(speakers))["uar"]
        against = "reference"
        if reference is None:
            reference = predicted
        else:
            low, high = difference_intervals(true, predicted, reference, list(speakers))["uar"]
            difference = score(true, predicted).uar - score(true, reference).uar
            against = f"{difference:+.3f} ({low:+.3f} to {high:+.3f})"
        cells = [
            name,
            f"**{np.mean(by_seed):.3f}**",
            " ".join(f"{each:.3f}" for each in by_seed),
            " ".join(
                f"{np.mean([_mean_uar(folds, way) for folds in seeds]):.3f}"
                for way in (ALONE, BEHIND_A_STRANGER)
                if way in seeds[0][0]
            ),
            f"{np.mean(in_float):.3f}",
            f"{_mean_uar([_average(fold) for fold in zip(*seeds, strict=True)], 'probabilities'):.3f}"
            if len(seeds) > 1
            else "",
            f"{score(true, predicted).uar:.3f} ({lower:.3f} to {upper:.3f})",
            against,
            "" if set(np.unique(probabilities)) <= {0.0, 1.0} else f"{calibration_error(true, probabilities):.3f}",
        ]
        print(f"| {' | '.join(cells)} |")


def _average(several: tuple[Predicted, ...]) -> Predicted:
    """Returns what several models say of the same clips: the mean of those probabilities that all of them have."""
    first = several[0]
    if any(not np.array_equal(each[name], first[name]) for each in several for name in ("true", "speakers")):
        raise SystemExit("error: models to be averaged were tested on different clips")
    kinds = set.intersection(*(set(each) for each in several)) - {"true", "speakers"}
    means = {kind: np.mean([each[kind] for each in several], axis=0) for kind in kinds}
    return means | {"true": first["true"], "speakers": first["speakers"]}


def _mean_uar(folds: list[Predicted], kind: str) -> float:
    """Returns the mean of the folds' UAR; of what has but one kind of probabilities, of these."""
    return float(
        np.mean([score(each["true"], each.get(kind, each["probabilities"]).argmax(axis=1)).uar for each in folds])
    )


if __name__ == "__main__":
    main()
