"""The files of a firmware bundle: a tree that builds by itself, and in it an Arduino library."""

import io
import pathlib
import subprocess
import sys
import tempfile
import zipfile

from schemas.artifacts import UserError

_REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
_FIRMWARE = _REPOSITORY / "firmware"
_LIBRARY = "arduino/ser-tinyml"


def collect_firmware() -> dict[str, bytes]:
    """The project's firmware sources and licence, by path in the bundle."""
    files = {str(p.relative_to(_FIRMWARE)): p.read_bytes() for p in sorted(_FIRMWARE.rglob("*")) if p.is_file()}
    return files | {"LICENSE": (_REPOSITORY / "LICENSE").read_bytes()}


def fetch_cmsis_dsp() -> dict[str, bytes]:
    """The files of CMSIS-DSP that the front end needs, with their licence; raises UserError where pip can't fetch them."""
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory)
        recipe = _FIRMWARE / "cmake" / "cmsis_dsp.cmake"
        lines = ["cmake_minimum_required(VERSION 3.20)", "project(fetch LANGUAGES C)", f"include({recipe})"]
        (folder / "CMakeLists.txt").write_text("\n".join(lines) + "\n")
        command = ["cmake", f"-DPython3_EXECUTABLE={sys.executable}", "-S", directory, "-B", f"{directory}/build"]
        ended = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if ended.returncode:
            raise UserError(f"CMSIS-DSP can't be fetched for the bundle: {ended.stderr.strip()[-2000:]}")
        fetched = next((folder / "build").glob("cmsisdsp-*"))
        return {str(p.relative_to(fetched)): p.read_bytes() for p in sorted(fetched.rglob("*")) if p.is_file()}


def make_arduino_library(
    firmware: dict[str, bytes], generated: dict[str, bytes], cmsis_dsp: dict[str, bytes]
) -> dict[str, bytes]:
    """The same sources as Arduino's IDE takes them: all in one src/, of which it compiles every file."""
    board = "boards/nano33ble/"
    files = {path.removeprefix(board): content for path, content in firmware.items() if path.startswith(board)}
    for path, content in firmware.items():
        folder, _, name = path.rpartition("/")
        if folder in ("app", "frontend", "engine") and name.endswith((".c", ".h")):
            files[f"src/{name}"] = content
    files |= {f"src/{name}": content for name, content in generated.items() if name.endswith((".c", ".h"))}
    for path, content in cmsis_dsp.items():
        place, _, rest = path.partition("/")
        if place in ("Source", "Include", "PrivateInclude"):
            files[f"src/{rest.rpartition('/')[2] if place == 'Source' else rest}"] = content
    types = files["src/arm_math_types.h"]
    files["src/arm_math_types.h"] = (
        b"#define __GNUC_PYTHON__  // without CMSIS-Core, as firmware/cmake has it\n" + types
    )
    return {f"{_LIBRARY}/{path}": content for path, content in files.items()}


def make_zip(files: dict[str, bytes]) -> bytes:
    """All files, under one folder; the same bytes for the same files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            archive.writestr(zipfile.ZipInfo(f"ser_firmware/{path}"), files[path], zipfile.ZIP_DEFLATED)
    return content.getvalue()
