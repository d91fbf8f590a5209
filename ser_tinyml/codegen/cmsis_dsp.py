"""The files of Arm's CMSIS-DSP that the front end needs, fetched by pip: no compiler and no CMake are needed for it.

Which release that is, and which files, is written in `firmware/cmake/cmsis_dsp.cmake`, which firmware builds from.
"""

import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

from schemas.errors import UserError
from ser_tinyml.codegen.firmware_tree import find_firmware


def read_release() -> tuple[str, str]:
    """Returns the release's version, and the SHA-256 of its source distribution."""
    recipe = (find_firmware() / "cmake" / "cmsis_dsp.cmake").read_text()
    return _read_setting(recipe, "CMSIS_DSP_VERSION"), _read_setting(recipe, "CMSIS_DSP_SHA256")


def fetch_cmsis_dsp() -> dict[str, bytes]:
    """Returns the files, with their licence, by path below the release's folder.

    Raises:
      UserError: pip can't fetch the release.
    """
    recipe = (find_firmware() / "cmake" / "cmsis_dsp.cmake").read_text()
    version, sha256 = read_release()
    sources = _read_setting(recipe, "CMSIS_DSP_SOURCES")
    wanted = _read_setting(recipe, "CMSIS_DSP_FILES").replace("${CMSIS_DSP_SOURCES}", sources).split()
    with tempfile.TemporaryDirectory() as directory:
        requirement = pathlib.Path(directory) / "requirements.txt"
        requirement.write_text(f"cmsisdsp=={version} --hash=sha256:{sha256}\n")
        _download(requirement)
        (archive,) = requirement.parent.glob("cmsisdsp-*")
        with tarfile.open(archive) as release:
            members = {path: release.extractfile(f"cmsisdsp-{version}/{path}") for path in wanted}
            return {path: file.read() for path, file in sorted(members.items()) if file is not None}


def _read_setting(recipe: str, name: str) -> str:
    """Returns what `set(name …)` of a CMake file sets."""
    found = re.search(rf"^set\({name}\s+([^)]*)\)", recipe, re.MULTILINE)
    assert found, f"cmsis_dsp.cmake sets {name}"
    return found[1].strip()


def _download(requirement: pathlib.Path) -> None:
    """Downloads the source distribution of a file of requirements into the folder of that file."""
    options = ["-qq", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "download", *options, "--require-hashes", "--requirement", str(requirement)]
    ended = subprocess.run([*command, "--dest", str(requirement.parent)], capture_output=True, text=True)
    if ended.returncode:
        raise UserError(f"CMSIS-DSP can't be fetched for the bundle: {ended.stderr.strip()[-2000:]}")
