"""The trainer against the original notebook's `model.fit`: its network on the same records, side by side.

`python benchmarks/trainer.py [--corpus=NAME:DIR ...]`. Each is a command of its own, timed from start to end, in turns; both do
what `pipeline/configs/notebook.flags` says. The trainer makes no update with less than a whole batch, so `model.fit` is given
whole batches only: `updates: N` were made by both, or the benchmark ends with an error. The last line is `ratio: X`, the
notebook's median seconds over ours.
"""

import argparse
import json
import pathlib
import statistics

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


def main() -> None:
    """Runs both in turns and prints what each took, and how well each model does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", action="append", default=[], help="NAME:DIR; default: the recordings in ../shared")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--output", default="build/bench-train")
    arguments = parser.parse_args()
    output = pathlib.Path(arguments.output)
    manifest = make_manifest(output, arguments.corpus, [NOTEBOOK])
    examples, arrays = output / "examples", output / "arrays.npz"
    commands.run("-m", "components.transform", NOTEBOOK, f"--manifest={manifest}", f"--output={examples}")
    mfcc, label = _write_arrays(examples, arrays, int(presets.read("notebook")["batch_size"]))

    fitted, model = output / "notebook", output / "model"
    sides = {
        "notebook's fit": [str(REPOSITORY / "benchmarks/notebook_fit.py"), str(arrays), str(fitted)],
        "trainer": ["-m", "components.trainer", NOTEBOOK, f"--examples={examples}", f"--output={model}"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(arguments.rounds):
        for name, command in sides.items():
            seconds[name].append(commands.run(*command))
            print(f"{name}: {seconds[name][-1]:.1f} s", flush=True)
    fittings = {"notebook's fit": read_fit(fitted), "trainer": read_trainer(model)}
    same_work.check_fittings(fittings)
    print(f"updates: {fittings['trainer'].updates} of {fittings['trainer'].examples_an_update} examples, by both")
    for name, path in {"notebook's fit": fitted / "notebook.h5", "trainer": model / "ser.h5"}.items():
        found = load_model(str(path)).predict(mfcc, verbose=0).argmax(axis=1)
        print(f"{name}: accuracy {np.mean(found == label):.3f} on {len(label)} held-out copies (the protocol leaks)")
    slow, fast = (statistics.median(seconds[name]) for name in sides)
    print(f"ratio: {slow / fast:.2f}")


def read_fit(output: pathlib.Path) -> same_work.Fitting:
    """Reads how much `notebook_fit.py` did."""
    return same_work.Fitting(**json.loads((output / "fitting.json").read_text()))


def read_trainer(model: pathlib.Path) -> same_work.Fitting:
    """Reads how much the trainer did."""
    training = run_files.read(Training, str(model))
    updates = training.updates_an_epoch * sum(training.epochs_trained.values())
    return same_work.Fitting(updates, training.parameters["batch_size"], training.trainable_parameters)


def _write_arrays(examples: pathlib.Path, path: pathlib.Path, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Writes standardised MFCCs and labels of the training split, in whole batches, and of the validation split; returns those
    of the test split."""
    standardisation = run_files.read(Dataset, str(examples)).standardisation
    splits = {}
    for name in ("train", "validation", "test"):
        records = read_split(str(examples), name)
        mfcc = standardise(np.stack([record.mfcc for record in records]), standardisation)
        splits[name] = (mfcc, np.array([record.label for record in records]))
    mfcc, label = splits["train"]
    whole = len(label) // batch_size * batch_size
    splits["train"] = (mfcc[:whole], label[:whole])
    named = {f"{name}_{kind}": split[n] for name, split in splits.items() for n, kind in enumerate(("mfcc", "label"))}
    np.savez(path, **named)
    return splits["test"]


if __name__ == "__main__":
    main()
