"""Kills the pipeline at moments of a whole run, lets it go on, and compares what comes of it with an undisturbed run.

`python benchmarks/faults/kills.py [--kills=30] [--first=0]` prints a row a kill, and ends with an error where a digest differs,
or a file is left over in the root or in the temporary folder. A moment is a place in a step, not a time since the start: how
busy the machine is does not matter then. A run that was faster all the same, and had ended before the signal, is told.
"""

import argparse
import bisect
import contextlib
import dataclasses
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


@dataclasses.dataclass(frozen=True)
class _Moment:
    """A moment of a run."""

    begun: int  # steps that have begun
    seconds: float  # since the last of them did


@dataclasses.dataclass(frozen=True)
class _Undisturbed:
    """A run that nobody ends."""

    begins: list[float]  # s, of each step, after the command's; the first is the command's own, the last its end
    digests: dict[str, str]

    def find(self, share: float) -> _Moment:
        """Returns the moment at which a share of the time is over."""
        when = share * self.begins[-1]
        begun = bisect.bisect_right(self.begins, when) - 1
        return _Moment(begun, when - self.begins[begun])


def main() -> None:
    """Runs the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--first", type=int, default=0, help="the number of the first: each number is another moment")
    arguments = parser.parse_args()
    failures = late = 0
    with tempfile.TemporaryDirectory() as folder:
        corpus = small_run.make_corpus(pathlib.Path(folder))
        whole = {mode: _run_undisturbed(corpus, pathlib.Path(folder, mode.replace(" ", "-")), mode) for mode in _MODES}
        print(f"{'':>3} {'mode':16} {'signal':8} {'in step':16} {'after':>7} outcome")
        for number in range(arguments.first, arguments.first + arguments.kills):
            outcome = _kill_once(number, corpus, pathlib.Path(folder, f"kill{number}"), whole)
            failures += outcome == "failed"
            late += outcome == "late"
    print(f"{arguments.kills - late} kills, {failures} failures; {late} runs had ended before the signal")
    sys.exit(1 if failures else 0)


def _run_undisturbed(corpus: pathlib.Path, root: pathlib.Path, mode: str) -> _Undisturbed:
    begin = time.monotonic()
    process = subprocess.Popen(
        small_run.command(corpus, root, *_MODES[mode]), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    begins = [0.0]
    assert process.stdout, "it is a pipe"
    begins.extend(time.monotonic() - begin for line in process.stdout if line.startswith("== "))
    if process.wait():
        sys.exit(f"error: the undisturbed run ended with {process.returncode}")
    return _Undisturbed([*begins, time.monotonic() - begin], small_run.digest(root))


def _kill_once(number: int, corpus: pathlib.Path, root: pathlib.Path, whole: dict[str, _Undisturbed]) -> str:
    """Ends one run at a moment that the number decides, lets it go on, prints the row, and returns killed, failed or late."""
    mode, sent = list(_MODES)[number % len(_MODES)], _SIGNALS[number // len(_MODES) % len(_SIGNALS)]
    moment = whole[mode].find(int.from_bytes(hashlib.sha256(f"kill {number}".encode()).digest()[:4]) / 2**32)
    temporary = root.with_name(f"{root.name}-tmp")
    temporary.mkdir()
    environment = os.environ | {"TMPDIR": str(temporary)}
    command = small_run.command(corpus, root, *_MODES[mode])
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    steps, begin = _await(process, moment)
    after = time.monotonic() - begin
    process.send_signal(sent)
    _, told = process.communicate()
    late = process.returncode == 0
    problems = []
    if process.returncode not in (0, _EXIT_CODES[sent]):
        problems.append(f"ended with {process.returncode}: {told[-300:]}")
    # What is killed tells nothing; its worker processes, which lose it, are Beam's, and end as Beam ends them.
    if "Traceback" in told and sent != signal.SIGKILL:
        problems.append("a traceback was shown")
    again = subprocess.run(command, capture_output=True, text=True, env=environment)
    if again.returncode:
        problems.append(f"the run after ended with {again.returncode}: {again.stderr[-300:]}")
    problems += [f"differs: {name}" for name in small_run.differences(root, whole[mode].digests)]
    problems += [f"left over: {path.relative_to(temporary)}" for path in temporary.iterdir()]
    outcome = "; ".join(problems) or "same digests, nothing left over"
    step = steps[-1].rstrip(":") if steps else "(before)"
    print(
        f"{number + 1:>3} {mode:16} {sent.name:8} {step:16} {after:6.1f}s {outcome}{', had ended before' * late}",
        flush=True,
    )
    return "failed" if problems else "late" if late else "killed"


def _await(process: subprocess.Popen, moment: _Moment) -> tuple[list[str], float]:
    """Waits for a moment of a run, however busy the machine is; returns the steps that have begun, and when it was started."""
    begin = step_began = time.monotonic()
    steps: list[str] = []
    assert process.stdout, "it is a pipe"
    while len(steps) < moment.begun and (line := process.stdout.readline()):
        if line.startswith("== "):
            steps.append(line.split()[1])
            step_began = time.monotonic()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, step_began + moment.seconds - time.monotonic()))
    return steps, begin


if __name__ == "__main__":
    main()
