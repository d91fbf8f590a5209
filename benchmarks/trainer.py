"""The seconds until the original notebook's own accuracy is reached: by its `model.fit`, and by the trainer.

`python benchmarks/trainer.py [--corpus=NAME:DIR ...]`. For each of three seeds both train the notebook's network on its
records, in turns, each as a command of its own that is timed from start to end. `model.fit` makes the notebook's 20 epochs of
batches of 32. The trainer is free to choose batch and schedule: `benchmarks/trainer.flags` says them, and they were chosen on
the validation copies. The target is the mean accuracy of the notebook's three models on the held-out copies. Where the mean of
the trainer's three is below it, the benchmark ends with an error. The last line is `ratio: X`, the notebook's
seconds over ours.
"""

import argparse
import dataclasses
import json
import pathlib
import statistics
import sys
from collections.abc import Sequence

import commands
import numpy as np
import presets
import same_work
from corpora import REPOSITORY, make_manifest

from schemas.run_files import Dataset, Training
from ser_tinyml.audio.standardise import standardise
from ser_tinyml.network.loading import load_model
from ser_tinyml.store import run_files
from ser_tinyml.store.dataset import read_split

NOTEBOOK = presets.make_flag("notebook")
SCHEDULE = f"--flagfile={REPOSITORY / 'benchmarks' / 'trainer.flags'}"
FIT, TRAINER = "notebook's fit", "trainer"

Split = tuple[
    np.ndarray, np.ndarray
]  # standardised MFCCs, float32 [copies, frames, coefficients]; labels, int [copies]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What one training took, and how well its model does."""

    seconds: float
    accuracy: float  # on held-out copies
    validation_accuracy: float


def main() -> None:
    """Trains both in turns and prints what each took, and how well each model does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", action="append", default=[], help="NAME:DIR; default: the recordings in ../shared")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", default="build/bench-train")
    arguments = parser.parse_args()
    output = pathlib.Path(arguments.output)
    manifest = make_manifest(output, arguments.corpus, [NOTEBOOK])
    examples, arrays = output / "examples", output / "arrays.npz"
    commands.run("-m", "components.transform", NOTEBOOK, f"--manifest={manifest}", f"--output={examples}")
    splits = read_splits(examples)
    write_arrays(arrays, splits)
    print(", ".join(f"{len(label)} {name} copies" for name, (_, label) in splits.items()), flush=True)

    fitted, model = output / "notebook", output / "model"
    script = str(REPOSITORY / "benchmarks" / "notebook_fit.py")
    sides = {
        FIT: ([script, str(arrays), str(fitted)], fitted / "notebook.h5"),
        TRAINER: (
            ["-m", "components.trainer", NOTEBOOK, SCHEDULE, f"--examples={examples}", f"--output={model}"],
            model / "ser.h5",
        ),
    }
    outcomes: dict[str, list[Outcome]] = {name: [] for name in sides}
    for seed in range(arguments.seeds):
        for name, (command, path) in sides.items():
            seconds = commands.run(*command, f"--seed={seed}")
            outcome = Outcome(seconds, measure(path, splits["test"]), measure(path, splits["validation"]))
            outcomes[name].append(outcome)
            print(f"seed {seed}, {name}: {describe(outcome)}", flush=True)
    fittings = {FIT: read_fit(fitted), TRAINER: read_trainer(model)}
    same_work.check_networks(fittings)
    for name, fitting in fittings.items():
        print(f"{name}: {fitting.updates} updates of {fitting.examples_an_update} examples")
        print(f"{name}, mean: {describe(average(outcomes[name]))}")
    print("held-out copies are of clips that training had other copies of: the notebook's protocol leaks")
    check_target(outcomes[FIT], outcomes[TRAINER])
    print(f"ratio: {compute_ratio(outcomes[FIT], outcomes[TRAINER]):.2f}")


def describe(outcome: Outcome) -> str:
    """Returns an outcome as a line says it."""
    return (
        f"{outcome.seconds:.1f} s, accuracy {outcome.accuracy:.3f} on held-out copies, "
        f"{outcome.validation_accuracy:.3f} on validation copies"
    )


def average(outcomes: Sequence[Outcome]) -> Outcome:
    """Returns the mean of each figure over the seeds."""
    names = [field.name for field in dataclasses.fields(Outcome)]
    return Outcome(**{name: statistics.fmean(getattr(outcome, name) for outcome in outcomes) for name in names})


def check_target(fit: Sequence[Outcome], trainer: Sequence[Outcome]) -> None:
    """Ends with an error where the trainer's mean accuracy on held-out copies is below the notebook's."""
    target, reached = average(fit).accuracy, average(trainer).accuracy
    if not reached >= target:
        sys.exit(
            f"error: target missed: the trainer's accuracy {reached:.4f} is {target - reached:.4f} below the notebook's "
            f"{target:.4f}, in the mean of {len(fit)} seeds"
        )


def compute_ratio(fit: Sequence[Outcome], trainer: Sequence[Outcome]) -> float:
    """Returns the seconds that the notebook's trainings took together, over those of the trainer's."""
    return sum(outcome.seconds for outcome in fit) / sum(outcome.seconds for outcome in trainer)


def measure(path: pathlib.Path, split: Split) -> float:
    """Returns the accuracy of a stored model on a split."""
    mfcc, label = split
    probabilities = np.asarray(load_model(str(path))(mfcc, training=False))
    return float(np.mean(probabilities.argmax(axis=1) == label))


def read_fit(output: pathlib.Path) -> same_work.Fitting:
    """Reads how much `notebook_fit.py` did."""
    return same_work.Fitting(**json.loads((output / "fitting.json").read_text()))


def read_trainer(model: pathlib.Path) -> same_work.Fitting:
    """Reads how much the trainer did."""
    training = run_files.read(Training, str(model))
    updates = training.updates_an_epoch * sum(training.epochs_trained.values())
    return same_work.Fitting(updates, training.parameters["batch_size"], training.trainable_parameters)


def read_splits(examples: pathlib.Path) -> dict[str, Split]:
    """Returns the standardised MFCCs and the labels of each split."""
    standardisation = run_files.read(Dataset, str(examples)).standardisation
    splits = {}
    for name in ("train", "validation", "test"):
        records = read_split(str(examples), name)
        mfcc = standardise(np.stack([record.mfcc for record in records]), standardisation)
        splits[name] = (mfcc, np.array([record.label for record in records]))
    return splits


def write_arrays(path: pathlib.Path, splits: dict[str, Split]) -> None:
    """Writes what `notebook_fit.py` reads."""
    np.savez(
        path,
        **{
            f"{name}_{kind}": array
            for name in ("train", "validation")
            for kind, array in zip(("mfcc", "label"), splits[name], strict=True)
        },
    )


if __name__ == "__main__":
    main()
