"""Files on any filesystem that Beam opens, written under a temporary name and renamed."""

import json
from collections.abc import Iterable, Iterator
from typing import IO, Any

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from schemas.errors import UserError


def join(directory: str, *names: str) -> str:
    """Returns the path of `names` below `directory`."""
    return FileSystems.join(directory, *names)


def exists(path: str) -> bool:
    """Tells whether a file or a directory stands at `path`."""
    return FileSystems.exists(path)


def open_binary(path: str) -> IO[bytes]:
    """Opens `path` for reading its bytes as they are stored.

    Raises:
      UserError: there is no such file, or it can't be read.
    """
    try:
        return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    except OSError as error:
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def read_bytes(path: str) -> bytes:
    """Returns the whole of `path`; raises UserError like `open_binary`."""
    with open_binary(path) as file:
        return file.read()


def read_json(path: str) -> Any:
    """Returns the JSON document at `path`; raises UserError where it is missing or not JSON."""
    try:
        return json.loads(read_bytes(path))
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}") from error


def read_json_lines(path: str) -> Iterator[dict]:
    """Yields the rows of a JSON Lines file; raises UserError naming the line that is not a JSON object."""
    for number, line in enumerate(read_bytes(path).splitlines(), start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise UserError(f"{path}, line {number}: expected an object, found {type(row).__name__}")
        yield row


def write_bytes(path: str, content: bytes) -> None:
    """Writes `path` whole or not at all; missing directories are made."""
    partial = path + ".partial"
    with FileSystems.create(partial, "application/octet-stream", CompressionTypes.UNCOMPRESSED) as file:
        file.write(content)
    FileSystems.rename([partial], [path])


def write_text(path: str, text: str) -> None:
    """Writes text in UTF-8, as `write_bytes` does."""
    write_bytes(path, text.encode())


def write_json(path: str, document: Any) -> None:
    """Writes `document` as indented JSON. NaN and infinity are refused: not every reader takes them."""
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def write_json_lines(path: str, rows: Iterable[dict]) -> None:
    """Writes one JSON object a line."""
    write_text(path, "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows))


def list_files(directory: str) -> list[str]:
    """Paths of all files below `directory`, sorted; none where it does not exist."""
    return [path for path, _, _ in list_file_states(directory)]


def list_file_states(directory: str) -> list[tuple[str, int, float]]:
    """Returns (path, bytes, time of its last change) of all files below `directory`, sorted."""
    matches = FileSystems.match([join(directory, "**")])[0].metadata_list
    return sorted((m.path, m.size_in_bytes, m.last_updated_in_seconds) for m in matches)


def delete_files(paths: list[str]) -> None:
    """Deletes `paths`."""
    if paths:
        FileSystems.delete(paths)
