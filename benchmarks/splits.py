"""How much a leaking split flatters: the notebook's training judged by its own protocol, by clips, and by speakers.

`python benchmarks/splits.py [--corpus=NAME:DIR ...]`. The last row is the default preset. The notebook's split holds copies
with noise, which it trains on other copies of; the others hold clips, judged clean and with that noise. The rows of one preset
must have been trained alike, or the benchmark ends with an error; how many updates that was differs with the size of the
training split, and is printed.
"""

import argparse
import pathlib
import subprocess
import sys

import presets
import same_work
from corpora import list_corpora

from schemas.errors import GateFailed
from schemas.run_files import Evaluation, Scores, Training
from ser_tinyml.store import run_files

SHARES = ["--validation_fraction=0.1", "--test_fraction=0.25"]
ROWS = {  # name -> (preset, what is changed of it)
    "notebook's protocol (leaks)": ("notebook", []),
    "notebook's training, split by clip": ("notebook", ["--split=clip"]),
    "notebook's training, split by speaker": ("notebook", ["--split=speaker", *SHARES]),
    "default preset, split by speaker": ("default", []),
}


def main() -> None:
    """Runs the pipeline once a row and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", action="append", default=[], help="NAME:DIR; default: the recordings in ../shared")
    parser.add_argument("--output", default="build/bench-splits")
    arguments = parser.parse_args()
    output = pathlib.Path(arguments.output)
    corpora = [f"--corpus={corpus}" for corpus in list_corpora(output, arguments.corpus)]
    print("| int8, seed 0 | updates | held out | accuracy, clean | UAR, clean | accuracy, noisy | UAR, noisy |")
    print("|---|---|---|---|---|---|---|")
    trained: dict[str, Training] = {}
    for number, (name, (preset, changes)) in enumerate(ROWS.items()):
        root = output / str(number)
        command = ["-m", "pipeline.run", presets.make_flag(preset), *changes, *corpora, f"--pipeline_root={root}"]
        run_pipeline(command)
        training = run_files.read(Training, str(root / "model"))
        same_work.check_recipes(trained.setdefault(preset, training), training)
        print(f"| {name} | {_format_row(training, run_files.read(Evaluation, str(root / 'evaluation')))} |", flush=True)


def run_pipeline(command: list[str]) -> None:
    """Runs Python with these arguments; ends with an error where that fails, but not where a gate did: its figures are whole.

    The exit code tells it, and not evaluation.json: an earlier run may have left that one.
    """
    run = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    if run.returncode not in (0, GateFailed.exit_code):
        sys.exit(f"{run.stdout}\n{run.stderr}\nerror: {' '.join(command)} ended with {run.returncode}")


def _format_row(training: Training, evaluation: Evaluation) -> str:
    clean, noisy = evaluation.models["int8"].scores, evaluation.noisy.get("tflm")
    updates = training.updates_an_epoch * sum(training.epochs_trained.values())
    both = (None, clean) if evaluation.protocol == "shared_clips" else (clean, noisy)
    scores = [f"{value:.3f}" if found else "" for found in both for value in _two_scores(found)]
    return " | ".join([str(updates), str(evaluation.clips), *scores])


def _two_scores(found: Scores | None) -> tuple[float, float]:
    return (found.accuracy, found.uar) if found else (0.0, 0.0)


if __name__ == "__main__":
    main()
