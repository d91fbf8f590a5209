"""How every command ends: with an exit code of EXIT_CODES, and with one sentence on the console where it is not done.

All catching is here. What a person can put right is raised as UserError, wherever it is noticed; anything else that comes up
is told by its type and message, and `--debug` shows where it came from.
"""

import atexit
import contextlib
import io
import logging
import os
import pathlib
import re
import signal
import sys
import threading
import traceback
import types
from collections.abc import Iterator
from typing import NoReturn, TypeGuard

from schemas.errors import GateFailed, UsageError, UserError
from ser_tinyml.store.temporary import own_temporary_folder, remove_own_folders
from ser_tinyml.version import VERSION

_INTERRUPTIONS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}

EXIT_CODES = {
    0: "done",
    UserError.exit_code: "it could not be done",
    UsageError.exit_code: "bad usage",
    GateFailed.exit_code: "a gate failed",
    **{128 + number: f"{told} ({number.name})" for number, told in _INTERRUPTIONS.items()},  # as shells have it
}

_SECONDS_TO_END = 10  # for what an interruption finds at work; then the process goes without it


@contextlib.contextmanager
def told_in_one_message(debug: bool = False) -> Iterator[None]:
    """Ends the program with one sentence and an exit code where the block can't be done, or is interrupted.

    What the block writes into temporary folders, and the programs that it runs, is gone when it ends.

    Args:
      debug: whether the traceback of an error is shown, too.
    """
    _show_any_name()
    quiet_beam(debug)
    take_interruptions()
    try:
        with own_temporary_folder():
            try:
                yield
            finally:
                print(end="", flush=True)  # what can't be printed fails here, not when the interpreter ends
    except Exception as error:
        if _interruption:  # a library made an error of it
            sys.exit(128 + _interruption)
        if debug:
            traceback.print_exc()
        message, exit_code = describe(error)
        end(f"error: {message}", exit_code)


def quiet_beam(debug: bool = False) -> None:
    """Keeps Beam from showing the tracebacks of what it raises again."""
    for part in ("worker", "common"):
        logging.getLogger(f"apache_beam.runners.{part}").setLevel(logging.NOTSET if debug else logging.CRITICAL)


def end(message: str, exit_code: int = UsageError.exit_code) -> NoReturn:
    """Ends the program with a message on the error stream."""
    print(message, file=sys.stderr)
    sys.exit(exit_code)


def show_version() -> NoReturn:
    """Ends the program with the project's version on the console."""
    print(f"ser-tinyml {VERSION}")
    sys.exit(0)


_interruption = 0  # the number of the signal that ends this process


def take_interruptions() -> None:
    """From now on SIGINT and SIGTERM end the program with one line on the console; a second one ends it at once.

    The line says how to go on, and is the last: what libraries say of their own end is dropped. Programs that run are killed,
    and the rest is unwound, so that temporary folders are removed. Where that takes long, because a thread can't be stopped,
    the process ends without it.
    """

    def interrupt(number: int, _: types.FrameType | None) -> None:
        global _interruption
        exit_code = 128 + number
        if _interruption:
            _leave(exit_code)
        _interruption = number
        told = f"{_INTERRUPTIONS[signal.Signals(number)]}; the same command goes on after the last finished step\n"
        with contextlib.suppress(OSError):
            os.write(console, told.encode())
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        for program in list(_list_descendants(os.getpid())):
            with contextlib.suppress(ProcessLookupError):
                os.kill(program, signal.SIGKILL)
        watchdog = threading.Timer(_SECONDS_TO_END, _leave, [exit_code])
        watchdog.daemon = True
        watchdog.start()
        sys.exit(exit_code)

    console = os.dup(2)  # before any library redirects it
    for number in _INTERRUPTIONS:
        signal.signal(number, interrupt)
    atexit.register(_end_as_said)


def _list_descendants(process: int) -> Iterator[int]:
    """Yields the processes that a process and those that it started have started, as Linux tells it."""
    with contextlib.suppress(OSError):  # it has ended meanwhile
        for thread in pathlib.Path(f"/proc/{process}/task").iterdir():
            for child in map(int, (thread / "children").read_text().split()):
                yield child
                yield from _list_descendants(child)


def _end_as_said() -> None:
    """Lets nothing change the exit code any more: not what an interrupted process has imported, and no signal that comes when
    all is done, which the interpreter would no longer hand to us."""
    if _interruption:
        _leave(128 + _interruption)
    for number in _INTERRUPTIONS:
        signal.signal(number, signal.SIG_IGN)


def _leave(exit_code: int) -> NoReturn:
    """Ends the process at once, but for its temporary folders."""
    remove_own_folders()
    os._exit(exit_code)


def _show_any_name() -> None:
    """Lets any file name be printed: what the console's encoding lacks is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def describe(error: Exception) -> tuple[str, int]:
    """Returns what the person at the console is told of an error, and the exit code."""
    if _is_output_lost(error):
        return f"the standard output can't be written: {error.strerror}", UserError.exit_code
    if isinstance(error, OSError) and isinstance(error.filename, str | bytes):
        return f"{os.fsdecode(error.filename)}: {error.strerror}", UserError.exit_code
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is not installed: pip install 'ser-tinyml[train]'", UserError.exit_code
    if isinstance(error, MemoryError):
        return f"out of memory: {error}".removesuffix(": "), UserError.exit_code
    kind, message = _unwrap(error)
    for known in (UsageError, GateFailed, UserError):
        if kind == known.__name__ or isinstance(error, known):
            return message, known.exit_code
    first = next(iter(message.strip().splitlines()), "")
    return f"{kind}: {first} (--debug shows where)", UserError.exit_code


def _unwrap(error: Exception) -> tuple[str, str]:
    """Returns type and message of an error, without what Beam and TensorFlow add of their own stages and operators."""
    kind, message = type(error).__name__, str(error)
    if isinstance(error, RuntimeError):  # as which Beam raises others, with the worker's traceback or without
        wrapped = re.findall(r"^(?:\w+\.)*(\w+(?:Error|Exception)): (.*)", message, re.MULTILINE)
        kind, message = wrapped[-1] if wrapped else (kind, message)
    return kind, re.sub(r" \[while running '.*?'\]|\{\{.*?\}\} | \[Op:.*", "", message)


def _is_output_lost(error: Exception) -> TypeGuard[OSError]:
    """Tells whether it was the standard output that failed; it is dropped then, so that nothing fails on it again."""
    lost = isinstance(error, BrokenPipeError)  # the programs that we run may close theirs
    try:
        print(end="", flush=True)
    except OSError:
        lost = isinstance(error, OSError) and error.filename is None
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return lost
