"""The firmware, built from an export and run: on this machine, and on an emulated Cortex-M4F."""

import pathlib
import shutil
import subprocess
import sys

from schemas.errors import UserError
from schemas.vectors import Results, Vectors
from ser_tinyml.codegen.firmware_tree import find_firmware

HOST_TOOLS = ("cmake", "cc")
BOARD_TOOLS = ("arm-none-eabi-gcc", "qemu-system-arm")
_QEMU = ("qemu-system-arm", "-M", "mps2-an386", "-nographic", "-icount", "shift=0", "-kernel")


def missing_tools(tools: tuple[str, ...]) -> list[str]:
    """Returns those that this machine lacks."""
    return [tool for tool in tools if shutil.which(tool) is None]


def build(board: str, generated: pathlib.Path, folder: pathlib.Path, *, cmsis_dsp: pathlib.Path | None = None) -> None:
    """Configures and builds in `folder`, CMSIS-DSP fetched unless it is given; raises UserError with what CMake says."""
    flags = [f"-DSER_GENERATED={generated}", f"-DSER_BOARD={board}", f"-DPython3_EXECUTABLE={sys.executable}"]
    if cmsis_dsp:
        flags.append(f"-DCMSIS_DSP_DIR={cmsis_dsp}")
    _run("cmake", "-S", find_firmware(), "-B", folder, *flags)
    _run("cmake", "--build", folder, "--parallel", "2")


def find_cmsis_dsp(folder: pathlib.Path) -> pathlib.Path:
    """Returns where a build in `folder` has fetched it to."""
    return next(folder.glob("cmsisdsp-*"))


def replay_on_host(folder: pathlib.Path, vectors: Vectors) -> Results:
    """Replays vectors on `ser_host` of a build."""
    paths = _write_vectors(folder, vectors)
    _run(folder / "ser_host", "--replay", *paths)
    return Results.decode(paths[1].read_bytes(), vectors)


def replay_on_board(folder: pathlib.Path, vectors: Vectors) -> Results:
    """Replays vectors on `ser_replay.elf` of a build, in the emulator, which counts instructions."""
    paths = _write_vectors(folder, vectors)
    arguments = ",".join(f"arg={word}" for word in ("ser_replay", "--replay", *(path.name for path in paths)))
    semihosting = ("-semihosting-config", f"enable=on,target=native,{arguments}")
    _run(*_QEMU, folder / "ser_replay.elf", *semihosting, cwd=folder)
    return Results.decode(paths[1].read_bytes(), vectors)


def _write_vectors(folder: pathlib.Path, vectors: Vectors) -> tuple[pathlib.Path, pathlib.Path]:
    (folder / "vectors.bin").write_bytes(vectors.encode())
    return folder / "vectors.bin", folder / "results.bin"


def _run(*command, cwd: pathlib.Path | None = None) -> None:
    ended = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if ended.returncode:
        said = "\n".join((ended.stderr or ended.stdout).strip().splitlines()[-20:])
        raise UserError(f"{' '.join(map(str, command[:4]))} … ended with {ended.returncode}:\n{said}")
