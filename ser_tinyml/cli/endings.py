"""How every command ends: 0 done, 1 it could not be done, 2 bad usage, 3 a gate failed, 130 interrupted."""

import contextlib
import sys
import traceback
from collections.abc import Iterator
from typing import NoReturn

from schemas.errors import UsageError, UserError
from ser_tinyml.version import VERSION

_INTERRUPTED = 130  # 128 and the number of the signal, as shells have it


@contextlib.contextmanager
def told_in_one_message(debug: bool = False) -> Iterator[None]:
    """Ends the program with a message and an exit code where the block raises UserError or is interrupted.

    Args:
      debug: whether the traceback of the error is shown, too.
    """
    try:
        yield
    except UserError as error:
        if debug:
            traceback.print_exc()
        end(f"error: {error}", error.exit_code)
    except KeyboardInterrupt:
        if debug:
            traceback.print_exc()
        end("interrupted", _INTERRUPTED)


def end(message: str, exit_code: int = UsageError.exit_code) -> NoReturn:
    """Ends the program with a message on the error stream."""
    print(message, file=sys.stderr)
    sys.exit(exit_code)


def show_version() -> NoReturn:
    """Ends the program with the project's version on the console."""
    print(f"ser-tinyml {VERSION}")
    sys.exit(0)
