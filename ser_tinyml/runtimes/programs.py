"""Other programs that a step runs: each has a time limit, and none outlives its caller."""

import os
import pathlib
import re
import signal
import subprocess
from collections.abc import Mapping

from schemas.errors import UserError

BUILD_SECONDS = 600  # for a compiler or a build tool; the slowest takes some seconds

_LINES_TOLD = 3  # of what a program says: enough for a compiler's complaint


class ProgramFailed(UserError):
    """A program ended with another code than 0, or by a signal."""

    def __init__(self, message: str, ended: subprocess.CompletedProcess[bytes]):
        super().__init__(message)
        self.ended = ended


def run_program(
    *command: object,
    limit_seconds: float,
    called: str = "",
    cwd: pathlib.Path | None = None,
    environment: Mapping[str, str] | None = None,
    given: bytes = b"",
) -> bytes:
    """Runs a program to its end and returns what it wrote to its standard output.

    The program leads a process group of its own. Where the time is up, or an exception comes in between (an interruption,
    too), the whole group is killed: with a build tool its compilers.

    Args:
      command: the program and its arguments, as words or paths.
      limit_seconds: how long it may take.
      called: what an error calls it; by default the program's name.
      cwd: its working directory; by default this process's own.
      environment: its environment; by default this process's own.
      given: what is on its standard input.

    Raises:
      ProgramFailed: it ends with another code than 0; tells the last lines that it wrote.
      UserError: it can't be started, or takes longer than `limit_seconds`.
    """
    words = [*map(str, command)]
    name = called or pathlib.PurePath(words[0]).name
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    try:
        process = subprocess.Popen(words, cwd=cwd, env=environment, process_group=0, **pipes)  # type: ignore[call-overload]
    except OSError as error:
        raise UserError(f"{words[0]} can't be run: {error.strerror}") from error
    with process:
        try:
            output, errors = process.communicate(given, timeout=limit_seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise UserError(f"{name} was stopped: it took longer than {limit_seconds:g} s") from error
            raise
    if process.returncode:
        said = (errors.strip() or output.strip()).decode(errors="replace")
        failed = ProgramFailed(
            f"{name} {describe_end(process.returncode)}{_summarise(said)}",
            subprocess.CompletedProcess(words, process.returncode, output, errors),
        )
        failed.add_note(f"{' '.join(words)}\n{said}")  # which --debug shows
        raise failed
    return output


def describe_end(returncode: int) -> str:
    """Returns how a program ended that gave this code: negative ones are signals."""
    if returncode < 0:
        return f"was ended by {signal.Signals(-returncode).name}"
    return f"ended with code {returncode}"


def _summarise(said: str) -> str:
    """Returns what is told of a program's words: the lines that speak of an error, else the last ones, as one."""
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
    complaints = [line for line in lines if re.search(r"\berror\b", line, re.IGNORECASE)][:_LINES_TOLD]
    told = complaints or lines[-_LINES_TOLD:]
    return f": {'; '.join(told)}" if told else ""
