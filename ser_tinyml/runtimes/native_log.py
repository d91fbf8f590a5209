"""Keeps what native libraries write to the console off it, unless the call fails."""

import contextlib
import os
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_native_log() -> Iterator[None]:
    """Holds back what C and C++ code writes to file descriptor 2; shows it after all where an exception leaves the block."""
    with tempfile.TemporaryFile() as log:
        stderr = os.dup(2)
        os.dup2(log.fileno(), 2)
        finished = False
        try:
            yield
            finished = True
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            if not finished:
                log.seek(0)
                os.write(2, log.read())
