"""The files of Arm's CMSIS-DSP that the front end needs, fetched once by pip: no compiler and no CMake are needed for it.

Which release that is, and which files, is written in `firmware/cmake/cmsis_dsp.cmake`, which firmware builds from. One header
is changed: it gives every function and table a name of its own, so that a program may have another CMSIS-DSP beside this one.
The archive is kept in `$XDG_CACHE_HOME/ser-tinyml`, by default `~/.cache/ser-tinyml`. Nothing is taken from it whose
SHA-256 is not the pinned one.
"""

import dataclasses
import hashlib
import io
import pathlib
import re
import sys
import tarfile
import tempfile

from schemas.errors import UserError
from ser_tinyml.codegen.firmware_tree import find_firmware
from ser_tinyml.runtimes.programs import run_program
from ser_tinyml.store.cache import find_cache, keep

_DOWNLOAD_SECONDS = 300


def read_release() -> "Release":
    """Returns what the CMake file says of the release."""
    return Release.of_recipe((find_firmware() / "cmake" / "cmsis_dsp.cmake").read_text())


def read_cmsis_dsp() -> dict[str, bytes]:
    """Returns the files, with their licence and with names of their own, by path below the release's folder.

    Raises:
      UserError: the release is not in the cache, and pip can't fetch it.
    """
    release = read_release()
    with tarfile.open(fileobj=io.BytesIO(_read_archive(release))) as archive:
        members = {path: archive.extractfile(f"cmsisdsp-{release.version}/{path}") for path in release.files}
        return rename({path: file.read() for path, file in sorted(members.items()) if file is not None})


_FIRST_HEADER = "Include/arm_math_types.h"  # of all sources
_TABLES_HEADER = "Include/arm_common_tables.h"


def rename(files: dict[str, bytes]) -> dict[str, bytes]:
    """Returns the files with `ser_` before the name of every function and table, by definitions in the header that all include.

    The header also chooses the plain C code: without CMSIS-Core, which knows only Arm's processors, and without Helium's.
    """
    tables = re.findall(rb"^\s*extern const [\w ]+?(\w+)\s*\[", files[_TABLES_HEADER], re.MULTILINE)
    sources = b"\n".join(content for path, content in files.items() if path.endswith(".c"))
    functions = re.findall(rb"^\s*(?:ARM_DSP_ATTRIBUTE\s+)?void\s+(arm_\w+)\s*\(", sources, re.MULTILINE)
    names = sorted({name.decode() for name in (*tables, *functions)})
    lines = [
        "// Changed by ser-tinyml: these definitions stand before what CMSIS-DSP has here.",
        "#ifndef SER_CMSIS_DSP_NAMES_H_",
        "#define SER_CMSIS_DSP_NAMES_H_",
        "#ifndef __GNUC_PYTHON__",
        "#define __GNUC_PYTHON__",
        "#endif",
        "#ifndef ARM_MATH_AUTOVECTORIZE",
        "#define ARM_MATH_AUTOVECTORIZE",
        "#endif",
        *(f"#define {name} ser_{name}" for name in names),
        "#endif  // SER_CMSIS_DSP_NAMES_H_",
        "",
    ]
    return files | {_FIRST_HEADER: "\n".join(lines).encode() + files[_FIRST_HEADER]}


def unpack_cmsis_dsp(folder: pathlib.Path) -> pathlib.Path:
    """Writes the files below `folder`, where builds read them, and returns it; raises UserError like `read_cmsis_dsp`."""
    for path, content in read_cmsis_dsp().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


@dataclasses.dataclass(frozen=True)
class Release:
    """What the CMake file says of the release."""

    version: str
    sha256: str
    files: tuple[str, ...]  # what is needed of it

    @classmethod
    def of_recipe(cls, recipe: str) -> "Release":
        sources = _read_setting(recipe, "CMSIS_DSP_SOURCES")
        wanted = _read_setting(recipe, "CMSIS_DSP_FILES").replace("${CMSIS_DSP_SOURCES}", sources)
        version, sha256 = _read_setting(recipe, "CMSIS_DSP_VERSION"), _read_setting(recipe, "CMSIS_DSP_SHA256")
        return cls(version, sha256, tuple(wanted.split()))

    @property
    def archive_name(self) -> str:
        return f"cmsisdsp-{self.version}.tar.gz"

    def is_whole(self, archive: bytes) -> bool:
        return hashlib.sha256(archive).hexdigest() == self.sha256


def _read_setting(recipe: str, name: str) -> str:
    """Returns what `set(name …)` of a CMake file sets."""
    found = re.search(rf"^set\({name}\s+([^)]*)\)", recipe, re.MULTILINE)
    assert found, f"cmsis_dsp.cmake sets {name}"
    return found[1].strip()


def _read_archive(release: Release) -> bytes:
    """Returns the release's archive, from the cache or else from the package index; then it is in the cache, too."""
    cached = find_cache() / release.archive_name
    try:
        content = cached.read_bytes()
    except OSError:
        content = b""
    if not release.is_whole(content):
        content = _download(release, cached)
        if why_not := keep(cached, content):
            print(f"CMSIS-DSP is not kept for the next time: {cached}: {why_not}")
    return content


def _download(release: Release, cached: pathlib.Path) -> bytes:
    """Downloads the source distribution by pip, which verifies its SHA-256.

    pip needs numpy and setuptools beside it, to ask the distribution for its name.
    """
    with tempfile.TemporaryDirectory() as directory:
        requirement = pathlib.Path(directory) / "requirements.txt"
        requirement.write_text(f"cmsisdsp=={release.version} --hash=sha256:{release.sha256}\n")
        options = ["-qq", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:", "--no-build-isolation"]
        command = [sys.executable, "-m", "pip", "download", "--retries=1", *options, "--require-hashes"]
        try:
            command += ["--requirement", str(requirement), "--dest", directory]
            run_program(*command, limit_seconds=_DOWNLOAD_SECONDS, called="pip")
        except UserError as error:
            raise UserError(
                f"CMSIS-DSP's source is not in the cache, and pip can't fetch it: run once with a network, or put PyPI's "
                f"{release.archive_name} (SHA-256 {release.sha256}) at {cached} ({error})"
            ) from error
        return (pathlib.Path(directory) / release.archive_name).read_bytes()
