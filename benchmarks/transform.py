"""The data job against the original notebook's loop: the same recordings, the same features, side by side.

`python benchmarks/transform.py [--corpus=NAME:DIR ...]`. Each is a command of its own, timed from start to end, in turns.
The last line is `ratio: X`, the notebook's median seconds over ours.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

from corpora import make_manifest

NOTEBOOK = "--flagfile=pipeline/configs/notebook.flags"
RUNNER = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]


def main() -> None:
    """Runs both in turns and prints what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", action="append", default=[], help="NAME:DIR; default: the recordings in ../shared")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", default="build/bench-transform")
    arguments = parser.parse_args()
    output = pathlib.Path(arguments.output)
    manifest = make_manifest(output, arguments.corpus, [NOTEBOOK, "--unpleasant_keep_fraction=1"])
    clips = len(manifest.read_text().splitlines())
    job_flags = [f"--manifest={manifest}", f"--output={output / 'job'}", NOTEBOOK, *RUNNER]
    commands = {
        "notebook loop": ["benchmarks/notebook_loop.py", str(manifest), str(output / "notebook.npz")],
        "data job": ["-m", "components.transform", *job_flags],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(arguments.rounds):
        for name, command in commands.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - begin)
            print(
                f"{name}: {clips} clips, {seconds[name][-1]:.1f} s, {clips / seconds[name][-1]:.0f} clips/s", flush=True
            )
    splits = json.loads((output / "job/dataset.json").read_text())["splits"]
    made = sum(split["examples"] for split in splits.values())
    if made != 2 * clips:
        raise RuntimeError(f"the job made {made} examples of {clips} clips, the notebook {2 * clips}")
    notebook, job = (statistics.median(seconds[name]) for name in commands)
    print(f"ratio: {notebook / job:.2f}")


if __name__ == "__main__":
    main()
