"""How much a leaking split flatters: the notebook's training judged by its own protocol, by clips, and by speakers.

`python benchmarks/splits.py [--corpus=NAME:DIR ...]`. The last row is the default preset. The notebook's split holds copies
with noise, which it trains on other copies of; the others hold clips, judged clean and with that noise.
"""

import argparse
import json
import pathlib
import subprocess
import sys

from corpora import list_corpora

NOTEBOOK = "--flagfile=pipeline/configs/notebook.flags"
SHARES = ["--validation_fraction=0.1", "--test_fraction=0.25"]
ROWS = {
    "notebook's protocol (leaks)": [NOTEBOOK],
    "notebook's training, split by clip": [NOTEBOOK, "--split=clip"],
    "notebook's training, split by speaker": [NOTEBOOK, "--split=speaker", *SHARES],
    "default preset, split by speaker": [],
}


def main() -> None:
    """Runs the pipeline once a row and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", action="append", default=[], help="NAME:DIR; default: the recordings in ../shared")
    parser.add_argument("--output", default="build/bench-splits")
    arguments = parser.parse_args()
    output = pathlib.Path(arguments.output)
    corpora = [f"--corpus={corpus}" for corpus in list_corpora(output, arguments.corpus)]
    print(
        "| int8, seed 0 | held out | accuracy, clean | UAR, clean | accuracy, noisy | UAR, noisy |\n|---|---|---|---|---|---|"
    )
    for number, (name, flags) in enumerate(ROWS.items()):
        root = output / str(number)
        command = ["-m", "pipeline.run", *flags, *corpora, f"--pipeline_root={root}"]
        run = subprocess.run([sys.executable, *command], capture_output=True, text=True)
        if not (root / "evaluation/evaluation.json").is_file():
            sys.exit(f"{run.stdout}\n{run.stderr}")
        evaluation = json.loads((root / "evaluation/evaluation.json").read_text())
        clean, noisy = (part.get("models", {}).get("int8") for part in (evaluation, evaluation["noisy"]))
        if evaluation["protocol"] == "notebook":
            clean, noisy = None, clean
        cells = [f"{found[key]:.3f}" if found else "" for found in (clean, noisy) for key in ("accuracy", "uar")]
        print(f"| {name} | {evaluation['examples']} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
