"""Runs the steps of a plan, and several plans side by side."""

import dataclasses
import multiprocessing.connection
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, TextIO

from absl import flags

from components.step import StepParameters, from_flags
from pipeline.lineage import Lineage
from pipeline.steps import Step
from schemas.errors import UsageError, UserError
from ser_tinyml.cli.endings import describe, quiet_beam
from ser_tinyml.store import artifact, files

Plan = list[tuple[Step, StepParameters]]


def read_plan(steps: Sequence[Step], flag_values: flags.FlagValues) -> Plan:
    """Returns steps with the parameters of each; raises UsageError for the flags that they refuse, all at once."""
    plan: Plan = []
    refused = []
    for step in steps:
        try:
            plan.append((step, from_flags(step.parameters, flag_values)))
        except UsageError as error:
            refused.append(str(error))
    if refused:
        raise UsageError("\n".join(refused))
    return plan


def of_fold(plan: Plan, fold: str) -> Plan:
    """Returns the plan whose manifest, the first step's work, is divided as a fold says."""
    (step, parameters), *others = plan
    changed: Any = {"fold": fold}
    return [(step, dataclasses.replace(parameters, **changed)), *others]


def run_steps(root: str, plan: Plan, beam_options: list[str]) -> None:
    """Runs every step of a plan that has not finished below `root` with these parameters before."""
    lineage = Lineage(root)
    checked = False
    for number, (step, parameters) in enumerate(plan):
        run = lineage.describe_run(step, parameters)
        if lineage.is_finished(step, run):
            print(f"== {step.name}: done before, {files.join(root, step.output)}", flush=True)
            continue
        print(f"== {step.name}", flush=True)
        if not checked:  # before hours of work: what follows will run again, too
            for later, _ in plan[number:]:
                artifact.check(files.join(root, later.output), later.name, later.makes)
            checked = True
        lineage.begin(step)
        inputs = {name: files.join(root, path) for name, path in step.inputs.items()}
        extra = {"beam_options": beam_options} if step.name == "transform" else {}
        step.component.run(output=files.join(root, step.output), parameters=parameters, **inputs, **extra)
        lineage.finish(step, run)


def run_side_by_side(work: Mapping[str, Callable[[], object]], jobs: int) -> None:
    """Calls everything in `work`: one after the other, or so many at once, each in a process of its own.

    Args:
      work: name -> what to call; picklable where `jobs` is above 1. Each line that it prints then begins with its name.
      jobs: how many at once.

    Raises:
      UserError: one could not be done. What has begun by then ends first; what has not does not begin.
    """
    if jobs == 1:
        for each in work.values():
            each()
        return
    context = multiprocessing.get_context("spawn")
    waiting, failed = [*work.items()], ""
    running: dict[Any, tuple[str, SpawnProcess, Connection]] = {}  # what tells that a process has ended -> it
    while running or (waiting and not failed):
        while waiting and not failed and len(running) < jobs:
            name, each = waiting.pop(0)
            told, tell = context.Pipe(duplex=False)
            process = context.Process(
                target=_call_labelled, args=(name, each, tell), kwargs={"beside": sys.stdout is sys.stderr}
            )
            process.start()
            tell.close()
            running[process.sentinel] = name, process, told
        for sentinel in multiprocessing.connection.wait(running):
            name, process, told = running.pop(sentinel)
            process.join()
            try:
                message = told.recv()
            except EOFError:
                message = f"its process ended with {process.exitcode}"
            failed = failed or (f"{name}: {message}" if message else "")
    if failed:
        raise UserError(failed)


def _call_labelled(name: str, work: Callable[[], object], tell: Connection, *, beside: bool) -> None:
    """Does one part of `run_side_by_side` in its own process, and tells what went wrong, or "".

    What it prints goes to the error stream where that is so in the first process, whose output is JSON.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the first process ends the others
    threading.Thread(target=_end_with_parent, daemon=True).start()
    quiet_beam()
    streams = (sys.stderr if beside else sys.stdout, sys.stderr)
    sys.stdout, sys.stderr = (_Labelled(stream, name) for stream in streams)  # type: ignore[assignment]
    message = ""
    try:
        work()
    except Exception as error:
        message = describe(error)[0]
    tell.send(message)


def _end_with_parent() -> None:
    """Ends this process when the one that started it is gone, even if that was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "it is called in a process that another has started"
    parent.join()
    os._exit(1)


class _Labelled:
    """A stream whose lines begin with a name. It is no terminal: the bars of several processes would overwrite each other."""

    def __init__(self, stream: TextIO, name: str):
        self._stream, self._name, self._line = stream, name, ""

    def write(self, text: str) -> int:
        *whole, self._line = (self._line + text).split("\n")
        if whole:
            self._stream.write("".join(f"{self._name}: {line}\n" for line in whole))
            self._stream.flush()
        return len(text)

    def flush(self) -> None:
        """Does nothing: every whole line is on its way already."""

    def isatty(self) -> bool:
        return False
