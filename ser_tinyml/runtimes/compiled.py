"""C compiled for this machine and loaded into this process; what was compiled once is kept in the user's cache."""

import ctypes
import hashlib
import pathlib
import platform
import shutil
import tempfile
from collections.abc import Mapping, Sequence

from schemas.errors import UserError
from ser_tinyml.runtimes.programs import BUILD_SECONDS, run_program
from ser_tinyml.store.cache import find_cache, keep

COMPILER = "cc"

_DIGEST_BYTES = hashlib.sha256().digest_size  # behind a library in the cache


def load_compiled(sources: Mapping[str, bytes], flags: Sequence[str] = ()) -> ctypes.CDLL:
    """Returns a library of C sources, with variables of its own: no other call's library shares them.

    Args:
      sources: C files and what they include, by their paths in a folder where the compiler runs.
      flags: of the compiler; what they name is in that folder.

    Raises:
      UserError: there is no C compiler, or it refuses the sources.
    """
    command = (COMPILER, "-std=c11", "-O2", "-shared", "-fPIC", *flags)
    kept = find_cache() / "compiled" / f"{_digest(sources, command)}.so"
    content = _read_kept(kept)
    if not content:
        content = _compile(sources, command)
        keep(kept, content + hashlib.sha256(content).digest())
    return _load(content)


def _read_kept(path: pathlib.Path) -> bytes:
    """Returns a library of the cache; nothing where it is not there, or is damaged: loading it could end this process."""
    try:
        kept = path.read_bytes()
    except OSError:
        return b""
    content, digest = kept[:-_DIGEST_BYTES], kept[-_DIGEST_BYTES:]
    return content if hashlib.sha256(content).digest() == digest else b""


def _digest(sources: Mapping[str, bytes], command: Sequence[str]) -> str:
    """Returns the hexadecimal SHA-256 of all that decides what the library is, the compiler's own file by its state."""
    compiler = pathlib.Path(shutil.which(COMPILER) or "").resolve()
    state = compiler.stat() if compiler.is_file() else None
    identity = (str(compiler), state.st_size, state.st_mtime_ns) if state else ()
    digest = hashlib.sha256(repr((command, identity, platform.machine(), platform.libc_ver())).encode())
    for path, content in sorted(sources.items()):
        digest.update(repr((path, len(content))).encode() + content)
    return digest.hexdigest()


def _compile(sources: Mapping[str, bytes], command: Sequence[str]) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory)
        for path, content in sources.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        units = [path for path in sorted(sources) if path.endswith(".c")]
        words = [*command, *units, "-lm", "-o", "library.so"]
        run_program(*words, cwd=folder, limit_seconds=BUILD_SECONDS, called="the C compiler")
        return (folder / "library.so").read_bytes()


def _load(content: bytes) -> ctypes.CDLL:
    """Loads a copy: two libraries of one file would be one, with one set of variables."""
    with tempfile.NamedTemporaryFile(suffix=".so") as copy:
        copy.write(content)
        copy.flush()
        return ctypes.CDLL(copy.name)


def has_compiler() -> bool:
    """Tells whether this machine has a C compiler."""
    return shutil.which(COMPILER) is not None


def require_compiler() -> None:
    """Raises UserError where this machine has no C compiler."""
    if not has_compiler():
        raise UserError(f"there is no C compiler ({COMPILER}): install one, or take --runtime=int8")
