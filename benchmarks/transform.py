"""The data job against the original notebook's loop: the same recordings, the same features, side by side.

`python benchmarks/transform.py [--corpus=NAME:DIR ...]`. Each is a command of its own, timed from start to end, in turns; both
do what `pipeline/configs/notebook.flags` says. `largest difference: X` is that between the features of both sides: beyond the
tolerance the benchmark ends with an error. The last line is `ratio: X`, the notebook's median seconds over ours.
"""

import argparse
import pathlib
import statistics

import commands
import presets
import same_work
from corpora import REPOSITORY, WHOLE_FOUR, make_manifest

NOTEBOOK = presets.make_flag("notebook")
RUNNER = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]


def main() -> None:
    """Runs both in turns and prints what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", action="append", default=[], help="NAME:DIR; default: the recordings in ../shared")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", default="build/bench-transform")
    arguments = parser.parse_args()
    output = pathlib.Path(arguments.output)
    manifest = make_manifest(output, arguments.corpus, [NOTEBOOK, f"--classes={WHOLE_FOUR}"])
    clips = len(manifest.read_text().splitlines())
    arrays, examples = output / "notebook.npz", output / "job"
    job_flags = [f"--manifest={manifest}", f"--output={examples}", NOTEBOOK, *RUNNER]
    sides = {
        "notebook loop": [str(REPOSITORY / "benchmarks/notebook_loop.py"), str(manifest), str(arrays)],
        "data job": ["-m", "components.transform", *job_flags],
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(arguments.rounds):
        for name, command in sides.items():
            seconds[name].append(commands.run(*command))
            print(
                f"{name}: {clips} clips, {seconds[name][-1]:.1f} s, {clips / seconds[name][-1]:.0f} clips/s", flush=True
            )
    loop, job = same_work.read_loop(arrays), same_work.read_job(examples)
    difference = same_work.check_features(loop, job)
    print(f"largest difference: {difference:.1e} in the MFCCs of {len(loop)} copies (at most {same_work.TOLERANCE})")
    slow, fast = (statistics.median(seconds[name]) for name in sides)
    print(f"ratio: {slow / fast:.2f}")


if __name__ == "__main__":
    main()
