"""SHA-256 of files, and choices that depend on content alone."""

import hashlib
import io
from typing import IO

from ser_tinyml.store import files


def sha256_of(path: str) -> str:
    """Returns the hexadecimal SHA-256 of a file's content."""
    with files.open_binary(path) as file:
        return read_hashed(file)[0]


def sha256_of_model(path: str) -> str:
    """Returns the hexadecimal SHA-256 of a model: of a file's content, or of names and contents in a SavedModel's folder."""
    if not files.is_folder(path):
        return sha256_of(path)
    parts = sorted((name.removeprefix(path).lstrip("/"), sha256_of(name)) for name in files.list_files(path))
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def read_hashed(file: IO[bytes]) -> tuple[str, IO[bytes]]:
    """Reads a file, and returns the hexadecimal SHA-256 and the file at its beginning: from memory, unless it is large."""
    content = file.read(_READ_ONCE)
    digest = hashlib.sha256(content)
    if len(content) < _READ_ONCE:
        return digest.hexdigest(), io.BytesIO(content)
    while block := file.read(_READ_ONCE):
        digest.update(block)
    file.seek(0)
    return digest.hexdigest(), file


_READ_ONCE = 1 << 24  # bytes


def unit_hash(*parts: object) -> float:
    """Returns a number in [0, 1) that depends on the text of `parts` alone: for choices which no order or time may change."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def short_hash(text: str) -> str:
    """Returns the first 16 hexadecimal digits of a text's SHA-256: enough to know it again, and no more."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
