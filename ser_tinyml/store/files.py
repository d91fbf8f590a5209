"""Files on any filesystem that Beam opens. A path is a name, never a pattern: `[1]` and `*` in it mean themselves.

A file is written under a temporary name, flushed to the disk, and renamed, so that it is there whole or not at all. On this
machine that is Python's own `os`, since Beam's local filesystem flushes nothing, deletes by pattern, and opens pipes. Beam is
loaded, which takes a second, where a path is of another machine.
"""

import contextlib
import json
import os
import re
import stat
import warnings
from collections.abc import Iterable, Iterator
from typing import IO, Any

from schemas.errors import UserError

PARTIAL = ".partial"  # the suffix of a file that is being written


def join(directory: str, *names: str) -> str:
    """Returns the path of `names` below `directory`."""
    with _told("use", directory):
        return os.path.join(directory, *names) if is_local(directory) else _beam().join(directory, *names)


def is_local(path: str) -> bool:
    """Tells whether `path` is of this machine's filesystem."""
    return not _SCHEME.match(path)


_SCHEME = re.compile(r"[a-zA-Z][-a-zA-Z0-9+.]*://")


def _beam() -> Any:
    """Returns Beam's filesystems."""
    from apache_beam.io.filesystems import FileSystems

    return FileSystems


def exists(path: str) -> bool:
    """Tells whether a file or a directory stands at `path`."""
    with _told("look for", path):
        return os.path.exists(path) if is_local(path) else _beam().exists(path)


def is_folder(path: str) -> bool:
    """Tells whether `path` is a directory; where a filesystem has none, whether there are files below it."""
    with _told("look for", path):
        return os.path.isdir(path) if is_local(path) else bool(list_files(path))


def open_binary(path: str) -> IO[bytes]:
    """Opens `path` for reading its bytes as they are stored.

    Raises:
      UserError: there is no such file, it can't be read, or it is a pipe, a device or a directory.
    """
    with _told("read", path):
        if not is_local(path):
            return _beam().open(path, **_AS_STORED)
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UserError(f"cannot read {path}: not a regular file")
        return open(path, "rb")


def read_bytes(path: str) -> bytes:
    """Returns the whole of `path`; raises UserError like `open_binary`."""
    with open_binary(path) as file, _told("read", path):
        return file.read()


def read_json(path: str) -> Any:
    """Returns the JSON document at `path`; raises UserError where it is missing or not JSON."""
    return parse_json(read_bytes(path), path)


def read_json_lines(path: str) -> Iterator[dict]:
    """Yields the rows of a JSON Lines file; raises UserError naming the line that is not a JSON object."""
    for number, line in enumerate(read_bytes(path).splitlines(), start=1):
        place = f"{path}, line {number},"
        row = parse_json(line, place)
        if not isinstance(row, dict):
            raise UserError(f"{place} is no JSON object but a {type(row).__name__}")
        yield row


def parse_json(content: bytes, place: str) -> Any:
    """Returns a JSON document; raises UserError, which names `place`, where it is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place} is not JSON: {error}") from error


def write_bytes(path: str, content: bytes) -> None:
    """Writes `path` whole or not at all; missing directories are made.

    Raises:
      UserError: it can't be written.
    """
    with _told("write", path):
        if is_local(path):
            _write_here(path, content)
            return
        with _beam().create(path + PARTIAL, **_AS_STORED) as file:
            file.write(content)
        _beam().rename([path + PARTIAL], [path])


_AS_STORED = {"compression_type": "uncompressed"}  # whatever the path's suffix


def _write_here(path: str, content: bytes) -> None:
    directory = os.path.dirname(path) or "."
    make_directory(directory)
    try:
        with open(path + PARTIAL, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(path + PARTIAL, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.remove(path + PARTIAL)
        raise
    _flush_directory(directory)


def make_directory(directory: str) -> None:
    """Makes a directory on this machine, and those above it, where they are missing; raises UserError where it can't."""
    if os.path.isdir(directory):
        return
    parent = os.path.dirname(directory.rstrip("/")) or "."
    make_directory(parent)
    with _told("make the directory", directory):
        with contextlib.suppress(FileExistsError):  # another thread or process was faster
            os.mkdir(directory)
        _flush_directory(parent)


def _flush_directory(directory: str) -> None:
    """Brings the names in a directory to the disk: a rename is only there for good after that."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename(path: str, new_path: str) -> None:
    """Gives a file another name, at which nothing stands; raises UserError where it can't."""
    with _told("rename", path):
        if is_local(path):
            os.rename(path, new_path)
            _flush_directory(os.path.dirname(new_path) or ".")
            return
        _beam().rename([path], [new_path])


def write_text(path: str, text: str) -> None:
    """Writes text in UTF-8, as `write_bytes` does."""
    write_bytes(path, text.encode())


def write_json(path: str, document: Any) -> None:
    """Writes `document` as indented JSON. NaN and infinity are refused: not every reader takes them."""
    write_bytes(path, encode_json(document))


def encode_json(document: Any) -> bytes:
    """Returns a document as `write_json` stores it."""
    return (json.dumps(document, indent=1, allow_nan=False) + "\n").encode()


def write_json_lines(path: str, rows: Iterable[dict]) -> None:
    """Writes one JSON object a line."""
    write_text(path, "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows))


def list_files(directory: str) -> list[str]:
    """Paths of all files below `directory`, sorted; none where it does not exist."""
    return [path for path, _, _ in list_file_states(directory)]


def list_file_states(directory: str, *, follow_links: bool = False) -> list[tuple[str, int, float]]:
    """Returns (path, bytes, time of its last change) of all files below `directory`, sorted.

    Links to directories are not followed, unless `follow_links` says so: then a folder that can be reached on two ways, or
    from within itself, is listed once, by its own path where that is below `directory`. Of a link to nowhere, it is the
    link's own size and time.

    Raises:
      UserError: the directory, or one below it, can't be read.
    """
    with _told("list", directory):
        if is_local(directory):
            return sorted(_list_here(directory, follow_links))
        matches = _beam().match([_as_pattern(join(directory, "")) + "**"])[0].metadata_list
        return sorted((m.path, m.size_in_bytes, m.last_updated_in_seconds) for m in matches)


def read_states(paths: Iterable[str]) -> list[tuple[str, int, float]]:
    """Returns (path, bytes, time of its last change) of those files that are there, sorted."""
    names = sorted(set(paths))
    with _told("look for", "files"):
        local = [(path, os.stat(path)) for path in names if is_local(path) and os.path.exists(path)]
        patterns = [_as_pattern(path) for path in names if not is_local(path)]
        matches = [found for result in _beam().match(patterns) for found in result.metadata_list] if patterns else []
    states = [(path, state.st_size, state.st_mtime) for path, state in local]
    return sorted(states + [(m.path, m.size_in_bytes, m.last_updated_in_seconds) for m in matches])


def _list_here(directory: str, follow_links: bool) -> Iterator[tuple[str, int, float]]:
    folders, linked = [directory] if os.path.isdir(directory) else [], list[str]()
    seen: set[str] = set()
    while folders or linked:
        folder = folders.pop() if folders else linked.pop(0)  # linked ones last, for a folder to keep its own path
        if (real := os.path.realpath(folder)) in seen:
            continue
        seen.add(real)
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif not os.path.isdir(entry.path):
                state = os.stat(entry.path) if os.path.exists(entry.path) else os.lstat(entry.path)
                yield entry.path, state.st_size, state.st_mtime
            elif follow_links:
                linked.append(entry.path)


def delete_files(paths: Iterable[str], below: str) -> None:
    """Deletes files, and the directories below `below` that are empty then.

    Raises:
      UserError: one can't be deleted; one that is not there is no error.
    """
    for path in paths:
        with _told("delete", path):
            if not is_local(path):
                _beam().delete([_as_pattern(path)])
                continue
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)
            directory = os.path.dirname(path)
            with contextlib.suppress(OSError):  # not empty
                while len(directory) > len(below.rstrip("/")):
                    os.rmdir(directory)
                    directory = os.path.dirname(directory)


def _as_pattern(path: str) -> str:
    """Returns the pattern of Beam's that only `path` matches."""
    warnings.filterwarnings("ignore", "Possible nested set", FutureWarning)  # Python's, of the pattern of a "["
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in path)


@contextlib.contextmanager
def _told(action: str, path: str) -> Iterator[None]:
    """Turns what goes wrong with a file into a UserError that names it."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise UserError(f"cannot {action} {path}: {_find_cause(error)}") from error


def _find_cause(error: Exception) -> str:
    """Returns a few words: of Beam's errors, those of the first that it gathered."""
    gathered = getattr(error, "exception_details", None)
    if gathered:
        return _find_cause(next(iter(gathered.values())))
    return getattr(error, "strerror", None) or (str(error).splitlines() or [type(error).__name__])[0]
