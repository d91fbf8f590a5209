"""Calls a function in a process of its own: what native code does to itself there ends that process and no other."""

import os
import pickle
import resource
import sys
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from schemas.errors import UserError
from ser_tinyml.runtimes.programs import run_program

Result = TypeVar("Result")


def call_isolated(
    function: Callable[..., Result], *arguments: Any, called: str, limit_seconds: float, limit_bytes: int
) -> Result:
    """Calls `function(*arguments)` in a new process and returns what it returns.

    Args:
      function: stands at the top of a module; it, its arguments and its result are pickled.
      called: what an error calls the work.
      limit_seconds: how long it may take.
      limit_bytes: how much memory of its own the process may have.

    Raises:
      UserError: the function raised it or another exception, the process crashed, or it came to a limit.
    """
    serve = f"import sys; sys.path = {sys.path!r}; from {__name__} import serve; serve({limit_bytes})"
    request = pickle.dumps((function, arguments, called))
    answer = run_program(sys.executable, "-c", serve, given=request, limit_seconds=limit_seconds, called=called)
    result, error = pickle.loads(answer)
    if error:
        raise error
    return result


def serve(limit_bytes: int) -> None:
    """Answers one call on the standard input; whatever else is printed meanwhile goes to the error stream."""
    resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))
    answers = os.dup(1)
    os.dup2(2, 1)
    function, arguments, called = pickle.load(sys.stdin.buffer)
    result, told = None, None
    try:
        result = function(*arguments)
    except Exception as error:
        first = next(iter(str(error).splitlines()), "")
        told = UserError(
            str(error) if isinstance(error, UserError) else f"{called} failed: {type(error).__name__}: {first}"
        )
        told.add_note(traceback.format_exc())  # which --debug shows
    with os.fdopen(answers, "wb") as output:
        pickle.dump((result, told), output)
