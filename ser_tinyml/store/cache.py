"""The user's cache: what takes long to fetch or to compile, kept for the next time. Whoever likes may empty it."""

import os
import pathlib
import tempfile


def find_cache() -> pathlib.Path:
    """Returns the folder of the cache, as the XDG base directory specification has it: a relative path does not count."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (pathlib.Path(given) if given.startswith("/") else pathlib.Path("~/.cache").expanduser()) / "ser-tinyml"


def keep(path: pathlib.Path, content: bytes) -> str:
    """Writes a file of the cache whole or not at all.

    Returns:
      Why it could not be kept, "" where it was: a cache that can't be written is done without.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as directory:
            partial = pathlib.Path(directory, path.name)
            partial.write_bytes(content)
            partial.replace(path)
    except OSError as error:
        return str(error.strerror)
    return ""
