"""Kills the pipeline at moments of a whole run, lets it go on, and compares what comes of it with an undisturbed run.

`python benchmarks/faults/kills.py [--kills=30]` prints a row a kill, and ends with an error where a digest differs, or a file
is left over in the root or in the temporary folder.
"""

import argparse
import hashlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import small_run

_MODES = {
    "plain": (),
    "many epochs": ("--epochs=40", "--quantization_aware"),
    "cross-validation": ("--folds=2",),
    "two workers": ("--runner=DirectRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=2"),
}
_SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
_EXIT_CODES = {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: 130, signal.SIGTERM: 143}


def main() -> None:
    """Runs the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    kills = parser.parse_args().kills
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        corpus = small_run.make_corpus(pathlib.Path(folder))
        whole = {mode: _run_undisturbed(corpus, pathlib.Path(folder, mode.replace(" ", "-")), mode) for mode in _MODES}
        print(f"{'':>3} {'mode':16} {'signal':8} {'after':>7} {'in step':16} outcome")
        for number in range(kills):
            failures += not _kill_once(number, corpus, pathlib.Path(folder, f"kill{number}"), whole)
    print(f"{kills} kills, {failures} failures")
    sys.exit(1 if failures else 0)


def _run_undisturbed(corpus: pathlib.Path, root: pathlib.Path, mode: str) -> tuple[float, dict[str, str]]:
    begin = time.monotonic()
    subprocess.run(small_run.command(corpus, root, *_MODES[mode]), check=True, capture_output=True)
    return time.monotonic() - begin, small_run.digest(root)


def _kill_once(number: int, corpus: pathlib.Path, root: pathlib.Path, whole: dict) -> bool:
    """Kills one run at a moment that the number decides, lets it go on, and prints the row."""
    mode, sent = list(_MODES)[number % len(_MODES)], _SIGNALS[number // len(_MODES) % len(_SIGNALS)]
    seconds, expected = whole[mode]
    moment = int.from_bytes(hashlib.sha256(f"kill {number}".encode()).digest()[:4]) / 2**32 * seconds
    temporary = root.with_name(f"{root.name}-tmp")
    temporary.mkdir()
    environment = os.environ | {"TMPDIR": str(temporary)}
    command = small_run.command(corpus, root, *_MODES[mode])
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    problems = []
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        process.send_signal(sent)
    shown, told = process.communicate()
    if process.returncode not in (0, _EXIT_CODES[sent]):
        problems.append(f"ended with {process.returncode}: {told[-300:]}")
    # What is killed tells nothing; its worker processes, which lose it, are Beam's, and end as Beam ends them.
    if "Traceback" in told and sent != signal.SIGKILL:
        problems.append("a traceback was shown")
    steps = [line.split()[1] for line in shown.splitlines() if line.startswith("== ")]
    again = subprocess.run(command, capture_output=True, text=True, env=environment)
    if again.returncode:
        problems.append(f"the run after ended with {again.returncode}: {again.stderr[-300:]}")
    problems += [f"differs: {name}" for name in small_run.differences(root, expected)]
    problems += [f"left over: {path.relative_to(temporary)}" for path in temporary.iterdir()]
    outcome = "; ".join(problems) or "same digests, nothing left over"
    step = steps[-1].rstrip(":") if steps else "(before)"
    print(f"{number + 1:>3} {mode:16} {sent.name:8} {moment:6.1f}s {step:16} {outcome}", flush=True)
    return not problems


if __name__ == "__main__":
    main()
