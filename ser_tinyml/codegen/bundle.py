"""The files of a firmware bundle: a tree that builds by itself, as packages of several build systems; and Arduino's library."""

import io
import zipfile
from collections.abc import Sequence

from ser_tinyml.codegen.c_text import render
from ser_tinyml.codegen.firmware_tree import read_firmware
from ser_tinyml.version import VERSION

_LIBRARY = "arduino/ser-tinyml"
_INCLUDES = (
    *("app", "frontend", "engine", "generated"),
    *("third_party/cmsis_dsp/Include", "third_party/cmsis_dsp/PrivateInclude"),
)


def collect_firmware() -> dict[str, bytes]:
    """Returns the project's firmware sources and licence, by path in the bundle."""
    return read_firmware()


def make_packages(
    bundle: dict[str, bytes], *, labels: Sequence[str], sample_rate: int, url: str, for_arduino: bool
) -> dict[str, bytes]:
    """Returns what makes the bundle's folder a PlatformIO library, a Zephyr module, an ESP-IDF component and a CMSIS-Pack.

    All of them take the same sources where they are. A README says how.

    Args:
      bundle: the files so far, by path.
      labels: of the model.
      sample_rate: that it hears, Hz.
      url: page of the project; "" where there is none.
      for_arduino: whether there is an Arduino library in the bundle, too.
    """
    compiled = ("app/", "frontend/", "engine/ser_kernels.c", "generated/ser_model.c", "third_party/cmsis_dsp/Source/")
    sources = [path for path in sorted(bundle) if path.startswith(compiled) and path.endswith(".c")]
    headers = [path for path in sorted(bundle) if path.startswith(_INCLUDES[:4]) and path.endswith(".h")]
    values = {"version": VERSION, "url": url}
    return {
        "library.json": render("library.json.j2", **values),
        "idf_component.yml": render("idf_component.yml.j2", **values),
        "zephyr/module.yml": render("module.yml.j2"),
        "ser-tinyml.ser-tinyml.pdsc": render(
            "ser-tinyml.ser-tinyml.pdsc.j2", sources=sources, headers=headers, includes=_INCLUDES, **values
        ),
        "README.md": render(
            "bundle_readme.md.j2",
            labels=labels,
            sample_rate=sample_rate,
            for_arduino=for_arduino,
            version=VERSION,
        ),
    }


def make_arduino_library(
    firmware: dict[str, bytes],
    generated: dict[str, bytes],
    cmsis_dsp: dict[str, bytes],
    *,
    labels_and_leds: Sequence[tuple[str, str]],
    url: str = "",
) -> dict[str, bytes]:
    """Returns the same sources as Arduino's IDE takes them, all in one src/, of which it compiles every file; and their zip.

    Args:
      firmware: the project's own sources, by path.
      generated: the model's sources, by name.
      cmsis_dsp: CMSIS-DSP's sources, by path.
      labels_and_leds: (name, #RRGGBB) of each class, which the example's comment lists.
      url: page of the project; "" where there is none.
    """
    board = "boards/nano33ble/"
    files = {path.removeprefix(board): content for path, content in firmware.items() if path.startswith(f"{board}src/")}
    for path, content in firmware.items():
        folder, _, name = path.rpartition("/")
        if folder in ("app", "frontend", "engine") and name.endswith((".c", ".h")):
            files[f"src/{name}"] = content
    files |= {f"src/{name}": content for name, content in generated.items() if name.endswith((".c", ".h"))}
    for path, content in cmsis_dsp.items():
        place, _, rest = path.partition("/")
        if place in ("Source", "Include", "PrivateInclude"):
            files[f"src/{rest.rpartition('/')[2] if place == 'Source' else rest}"] = content
    files["examples/ser/ser.ino"] = render("ser.ino.j2", labels_and_leds=labels_and_leds)
    files["library.properties"] = render(
        "library.properties.j2", labels_and_leds=labels_and_leds, version=VERSION, url=url
    )
    files["README.md"] = render("arduino_readme.md.j2", labels_and_leds=labels_and_leds, version=VERSION)
    files["LICENSE"] = firmware["LICENSE"]
    packed = {f"{_LIBRARY}.zip": make_zip(files, "ser-tinyml")}
    return {f"{_LIBRARY}/{path}": content for path, content in files.items()} | packed


def make_zip(files: dict[str, bytes], folder: str) -> bytes:
    """Packs all files under one folder; the same files give the same bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            archive.writestr(zipfile.ZipInfo(f"{folder}/{path}"), files[path], zipfile.ZIP_DEFLATED)
    return content.getvalue()
