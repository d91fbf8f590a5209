"""SHA-256 of files, and choices that depend on content alone."""

import hashlib

from ser_tinyml.store import files


def sha256_of(path: str) -> str:
    """Returns the hexadecimal SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with files.open_binary(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def unit_hash(*parts: object) -> float:
    """Returns a number in [0, 1) that depends on the text of `parts` alone: for choices which no order or time may change."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56
