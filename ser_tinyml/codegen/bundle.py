"""The files of a firmware bundle: a tree that builds by itself, and in it an Arduino library."""

import io
import zipfile
from collections.abc import Sequence

from ser_tinyml.codegen.c_text import render
from ser_tinyml.codegen.firmware_tree import read_firmware

_LIBRARY = "arduino/ser-tinyml"


def collect_firmware() -> dict[str, bytes]:
    """Returns the project's firmware sources and licence, by path in the bundle."""
    return read_firmware()


def make_arduino_library(
    firmware: dict[str, bytes],
    generated: dict[str, bytes],
    cmsis_dsp: dict[str, bytes],
    *,
    labels_and_leds: Sequence[tuple[str, str]],
) -> dict[str, bytes]:
    """Returns the same sources as Arduino's IDE takes them: all in one src/, of which it compiles every file.

    Args:
      firmware: the project's own sources, by path.
      generated: the model's sources, by name.
      cmsis_dsp: CMSIS-DSP's sources, by path.
      labels_and_leds: (name, #RRGGBB) of each class, which the example's comment lists.
    """
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
    files |= {
        path: render(f"{path.rpartition('/')[2]}.j2", labels_and_leds=labels_and_leds)
        for path in ("examples/ser/ser.ino", "library.properties")
    }
    types = files["src/arm_math_types.h"]
    files["src/arm_math_types.h"] = (
        b"#define __GNUC_PYTHON__  // without CMSIS-Core, as firmware/cmake has it\n" + types
    )
    return {f"{_LIBRARY}/{path}": content for path, content in files.items()}


def make_zip(files: dict[str, bytes]) -> bytes:
    """Packs all files under one folder; the same files give the same bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            archive.writestr(zipfile.ZipInfo(f"ser_firmware/{path}"), files[path], zipfile.ZIP_DEFLATED)
    return content.getvalue()
