"""One folder for all that is temporary in a process, gone when the process is."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from schemas.errors import UserError

_PREFIX = "ser-tinyml-"
_MARK = ".temporary-of-ser-tinyml"  # a file that the process which made the folder keeps locked

_folders: list[str] = []


@contextlib.contextmanager
def own_temporary_folder() -> Iterator[None]:
    """Gives this process, and the programs that it runs, one folder for all that is temporary, and removes it in the end.

    What killed processes have left of theirs is removed in the beginning.

    Raises:
      UserError: no folder can be made where TMPDIR says, or by default in /tmp.
    """
    given = os.environ.get("TMPDIR")
    parent = given or tempfile.gettempdir()
    try:
        _remove_abandoned(parent)
        folder, mark = _make(parent)
    except OSError as error:
        raise UserError(f"no temporary folder can be made in TMPDIR={parent}: {error.strerror}") from error
    _folders.append(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(mark)
        _folders.remove(folder)
        tempfile.tempdir = None
        if given is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = given


def remove_own_folders() -> None:
    """Removes this process's folders, for an end that unwinds nothing."""
    for folder in _folders:
        shutil.rmtree(folder, ignore_errors=True)


def _make(parent: str) -> tuple[str, int]:
    """Returns a new folder, and the descriptor of its locked mark."""
    while True:
        folder = tempfile.mkdtemp(prefix=_PREFIX, dir=parent)
        try:
            mark = os.open(f"{folder}/{_MARK}", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            with contextlib.suppress(
                OSError
            ):  # a filesystem that knows no locks: nobody removes it as abandoned, either
                fcntl.flock(mark, fcntl.LOCK_EX)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if os.fstat(mark).st_nlink:
            return folder, mark
        os.close(mark)  # another process took it for abandoned before it was locked


def _remove_abandoned(parent: str) -> None:
    """Removes folders made here whose process is gone: their mark is there, and nobody holds it."""
    for folder in pathlib.Path(parent).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # no mark, another user's, or in use
            mark = os.open(folder / _MARK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(mark)
