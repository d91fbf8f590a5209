"""Where the firmware's own sources are: beside this package in the repository, inside it in the wheel."""

import pathlib

_PACKAGE = pathlib.Path(__file__).resolve().parents[1]


def find_firmware() -> pathlib.Path:
    """Returns the folder of `firmware/`."""
    packed = _PACKAGE / "firmware"
    return packed if packed.is_dir() else _PACKAGE.parent / "firmware"


def read_firmware() -> dict[str, bytes]:
    """Returns all of it, by path below the folder."""
    folder = find_firmware()
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def read_c(*names: str) -> dict[str, bytes]:
    """Returns the C files and headers of some of its folders, by path below it."""
    found = [path for name in names for path in sorted((find_firmware() / name).iterdir())]
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in found if path.suffix in (".c", ".h")}
