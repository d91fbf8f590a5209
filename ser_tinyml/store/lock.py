"""One process at a time in a folder."""

import contextlib
import datetime
import fcntl
import json
import os
import socket
from collections.abc import Iterator

from schemas.errors import UserError
from ser_tinyml.store import files

LOCK = "run.lock"  # the file's name; it is there while a process holds it


@contextlib.contextmanager
def locked(directory: str) -> Iterator[None]:
    """Holds a folder for this process; the system lets go of it when the process is gone, however it ended.

    Only on this machine's filesystem: object stores know no locks.

    Raises:
      UserError: another process holds it; says which, and since when.
    """
    if not files.is_local(directory):
        yield
        return
    path = files.join(directory, LOCK)
    files.make_directory(directory)
    descriptor = _acquire(path)
    try:
        _sign(descriptor, path)
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
        os.close(descriptor)


def _acquire(path: str) -> int:
    """Returns the descriptor of the locked file that stands at `path`: who had it before may have removed it meanwhile."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _describe(os.pread(descriptor, 4096, 0))
            os.close(descriptor)
            raise UserError(
                f"{path.removesuffix('/' + LOCK)} is in use{holder}: wait for its end, or choose another directory"
            ) from error
        except OSError:  # a filesystem that knows no locks
            return descriptor
        with contextlib.suppress(FileNotFoundError):
            if os.stat(path).st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)


def _sign(descriptor: int, path: str) -> None:
    """Writes down whose the lock is."""
    now = datetime.datetime.now().isoformat(" ", "seconds")
    holder = {"process": os.getpid(), "host": socket.gethostname(), "since": now}
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error


def _describe(content: bytes) -> str:
    try:
        holder = json.loads(content)
        return f" by process {holder['process']} on {holder['host']} since {holder['since']}"
    except (ValueError, TypeError, KeyError):
        return ""
