"""The trainer against the original notebook's `model.fit`: 20 epochs of its network on the same records, side by side.

`python benchmarks/trainer.py [--corpus=NAME:DIR ...]`. Each is a command of its own, timed from start to end, in turns. The
last line is `ratio: X`, the notebook's median seconds over ours.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
from corpora import make_manifest

from schemas.front_end import Standardisation
from ser_tinyml.audio.standardise import standardise
from ser_tinyml.network.loading import load_model
from ser_tinyml.store.dataset import read_split

NOTEBOOK = "--flagfile=pipeline/configs/notebook.flags"


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
    job = ["-m", "components.transform", NOTEBOOK, f"--manifest={manifest}", f"--output={examples}"]
    subprocess.run([sys.executable, *job], check=True, capture_output=True)
    splits = _write_arrays(examples, arrays)
    commands = {
        "notebook's fit": ["benchmarks/notebook_fit.py", str(arrays), str(output / "notebook.h5")],
        "trainer": ["-m", "components.trainer", NOTEBOOK, f"--examples={examples}", f"--output={output / 'model'}"],
    }
    models = {"notebook's fit": output / "notebook.h5", "trainer": output / "model/ser.h5"}
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(arguments.rounds):
        for name, command in commands.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - begin)
            rate = 20 * len(splits["train"][1]) / seconds[name][-1]
            print(f"{name}: {seconds[name][-1]:.1f} s, {rate:.0f} examples/s", flush=True)
    mfcc, label = splits["test"]
    for name, path in models.items():
        found = load_model(str(path)).predict(mfcc, verbose=0).argmax(axis=1)
        print(f"{name}: accuracy {np.mean(found == label):.3f} on {len(label)} held-out copies (the protocol leaks)")
    fit, trainer = (statistics.median(seconds[name]) for name in commands)
    print(f"ratio: {fit / trainer:.2f}")


def _write_arrays(examples: pathlib.Path, path: pathlib.Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(standardised MFCCs, labels) of each split, which are stored for the notebook, too."""
    constants = json.loads((examples / "dataset.json").read_text())["standardisation"]
    standardisation = Standardisation.from_dict(constants)
    splits = {}
    for name in ("train", "validation", "test"):
        records = read_split(str(examples), name)
        mfcc = standardise(np.stack([record.mfcc for record in records]), standardisation)
        splits[name] = (mfcc, np.array([record.label for record in records]))
    named = {f"{name}_{kind}": split[n] for name, split in splits.items() for n, kind in enumerate(("mfcc", "label"))}
    np.savez(path, **named)
    return splits


if __name__ == "__main__":
    main()
