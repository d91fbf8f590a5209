"""Fails, or kills, each step once at every write, fsync, rename and mkdir in the root, and lets it go on.

`python benchmarks/faults/writes.py [--every=1] [--step=NAME ...]` prints a row a step: how many points there are, how many
were tried, and how it went. Every trial runs in a process forked from this one, into which `failing_writes.c` was loaded
before libc. At each point the step first fails, and is then started again and killed there. Each time it must end with one
sentence, or die, and leave every other step's artifact as it was; the same command must then make what an undisturbed run
makes.
"""

import argparse
import contextlib
import ctypes
import errno
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback

import small_run

_ERRORS = (errno.ENOSPC, errno.EIO)


def main() -> None:
    """Starts itself again with the shim loaded, and runs the campaign there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="tries every so many-th point")
    parser.add_argument("--step", action="append", default=[], help="tries this step alone, or several")
    parser.add_argument("--shim", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.shim:
        _run_campaign(ctypes.CDLL(arguments.shim), arguments.every, arguments.step)
        return
    with tempfile.TemporaryDirectory() as folder:
        shim = f"{folder}/failing_writes.so"
        source = pathlib.Path(__file__).with_name("failing_writes.c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
        command = [sys.executable, __file__, f"--shim={shim}", *sys.argv[1:]]
        ended = subprocess.run(command, env=os.environ | {"LD_PRELOAD": shim, "TF_CPP_MIN_LOG_LEVEL": "3"})
    sys.exit(ended.returncode)


def _run_campaign(shim: ctypes.CDLL, every: int, only: list[str]) -> None:
    os.environ.pop("LD_PRELOAD")  # the programs that a step runs are not ours
    from absl import flags

    from components.step import define_flags
    from pipeline import run
    from pipeline.steps import STEPS

    for step in STEPS:
        define_flags(step.parameters, step.name)
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        corpus = small_run.make_corpus(pathlib.Path(folder))
        flags.FLAGS(["", f"--corpus=ravdess:{corpus}", *small_run.FLAGS])
        plan = run._plan(flags.FLAGS, "", deploys=True)
        whole = pathlib.Path(folder, "whole")
        points = tried = 0
        print(f"{'step':16} {'points':>6} {'errors':>6} {'kills':>6}  failures")
        for number, (step, _) in enumerate(plan):
            steps = plan[: number + 1]
            ended, shown = _fork(shim, whole, steps, point=0, error=0)  # on an undisturbed root: only this step is left
            if ended != 0:
                sys.exit(f"{step.name} ended with {ended}: {shown}")
            if only and step.name not in only:
                continue
            count = int(shown.rsplit("points ", 1)[1])
            before = shutil.copytree(whole, whole.with_name("before"))
            shutil.rmtree(before / step.output)
            expected, wrong, trials = small_run.digest(whole), [], 0
            for point in range(1, count + 1, every):
                error = _ERRORS[point // every % 2]
                problems = _try(shim, before, steps, point, error, expected)
                wrong += [f"{step.name}, point {point}, {errno.errorcode[error]}: {problem}" for problem in problems]
                trials += 1
            print(f"{step.name:16} {count:6} {trials:6} {trials:6}  {len(wrong)}", flush=True)
            failures += wrong
            points, tried = points + count, tried + 2 * trials
            shutil.rmtree(before)
    print(f"{points} points, {tried} trials, {len(failures)} failures")
    for line in failures:
        print(line)
    sys.exit(1 if failures else 0)


def _try(shim, before: pathlib.Path, steps: list, point: int, error: int, expected: dict[str, str]) -> list[str]:
    """Returns what is wrong with how a step took a failure and a kill, and with what the same command made after them."""
    root = before.with_name("trial")
    shutil.copytree(before, root)
    others = [step.output for step, _ in steps[:-1]]
    intact = {name: sha256 for name, sha256 in expected.items() if name.split("/")[0] in others}
    problems = []
    try:
        ended, shown = _fork(shim, root, steps, point, error)
        told = ended == 0 or (ended == 1 and shown.strip().splitlines()[-1].startswith("error: "))
        if "Traceback" in shown or not told:
            problems.append(f"ended with {ended}: {shown[-400:]}")
        problems += _changed(root, intact)
        killed, shown = _fork(shim, root, steps, point, error=0)
        if killed == 0:  # there is less to do after a failure, and this point did not come: kill a run from the start
            problems += [f"{name} differs after the failure" for name in small_run.differences(root, expected)]
            shutil.rmtree(root)
            shutil.copytree(before, root)
            killed, shown = _fork(shim, root, steps, point, error=0)
        if killed != -signal.SIGKILL:
            problems.append(f"killed, it ended with {killed}: {shown[-400:]}")
        problems += _changed(root, intact)
        again, shown = _fork(shim, root, steps, point=0, error=0)
        if again != 0:
            problems.append(f"the command after it ended with {again}: {shown[-400:]}")
        problems += [f"{name} differs afterwards" for name in small_run.differences(root, expected)]
    finally:
        shutil.rmtree(root)
    return problems


def _changed(root: pathlib.Path, intact: dict[str, str]) -> list[str]:
    found = small_run.digest(root)
    return [f"{name} was changed" for name, sha256 in intact.items() if found.get(name) != sha256]


def _fork(shim: ctypes.CDLL, root: pathlib.Path, steps: list, point: int, error: int) -> tuple[int, str]:
    """Runs steps in a process of its own; returns how it ended, negative for a signal, and what it showed."""
    with tempfile.TemporaryFile("w+") as shown:
        child = os.fork()
        if not child:
            os.dup2(shown.fileno(), 1)
            os.dup2(shown.fileno(), 2)
            _run_steps(shim, root, steps, point, error)
        _, status = os.waitpid(child, 0)
        shown.seek(0)
        return os.waitstatus_to_exitcode(status), shown.read()


def _run_steps(shim: ctypes.CDLL, root: pathlib.Path, steps: list, point: int, error: int) -> None:
    from pipeline.execution import run_steps
    from schemas.errors import GateFailed
    from ser_tinyml.cli.endings import told_in_one_message
    from ser_tinyml.store.lock import locked

    code = 1
    try:
        with told_in_one_message(), contextlib.suppress(GateFailed):
            shim.arm(str(root).encode(), ctypes.c_long(point), error)
            with locked(str(root)):
                run_steps(str(root), steps, [])
            print(f"points {shim.points()}")
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
