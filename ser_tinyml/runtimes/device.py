"""The firmware, built from an export and run: on this machine, and on an emulated Cortex-M4F."""

import json
import pathlib
import re
import shutil

import numpy as np
import soundfile

from schemas.run_files import LayerCost
from schemas.vectors import Results, Vectors
from ser_tinyml.codegen.firmware_tree import find_firmware
from ser_tinyml.runtimes.programs import BUILD_SECONDS, run_program

HOST_TOOLS = ("cmake", "cc")
BOARD_TOOLS = ("arm-none-eabi-gcc", "qemu-system-arm")
_REPLAY_SECONDS = 3600  # the emulator takes a fraction of a second a window, and --board_clips may be many
_QEMU = ("qemu-system-arm", "-M", "mps2-an386", "-nographic", "-icount", "shift=0", "-kernel")


def missing_tools(tools: tuple[str, ...]) -> list[str]:
    """Returns those that this machine lacks."""
    return [tool for tool in tools if shutil.which(tool) is None]


def build(board: str, generated: pathlib.Path, folder: pathlib.Path, *, cmsis_dsp: pathlib.Path) -> None:
    """Configures and builds in `folder`, with CMSIS-DSP's files from `cmsis_dsp`; raises UserError with what CMake says."""
    flags = [f"-DSER_GENERATED={generated}", f"-DSER_BOARD={board}", f"-DCMSIS_DSP_DIR={cmsis_dsp}"]
    run_program("cmake", "-S", find_firmware(), "-B", folder, *flags, limit_seconds=BUILD_SECONDS)
    run_program("cmake", "--build", folder, "--parallel", "2", limit_seconds=BUILD_SECONDS)


def replay_on_host(folder: pathlib.Path, vectors: Vectors) -> Results:
    """Replays vectors on `ser_host` of a build."""
    paths = _write_vectors(folder, vectors)
    run_program(folder / "ser_host", "--replay", *paths, limit_seconds=_REPLAY_SECONDS)
    return Results.decode(paths[1].read_bytes(), vectors)


def listen_on_host(folder: pathlib.Path, samples: np.ndarray, sample_rate: int) -> list[dict]:
    """Lets the app of a build hear int16 [samples] as a microphone would give them; returns its decisions (app/ser_json.h)."""
    soundfile.write(folder / "heard.wav", samples, sample_rate, subtype="PCM_16")
    lines = run_program(folder / "ser_host", "--listen", folder / "heard.wav", limit_seconds=_REPLAY_SECONDS)
    return [json.loads(line) for line in lines.splitlines()]


def replay_on_board(folder: pathlib.Path, vectors: Vectors) -> Results:
    """Replays vectors on `ser_replay.elf` of a build, in the emulator, which counts instructions."""
    paths = _write_vectors(folder, vectors)
    arguments = ",".join(f"arg={word}" for word in ("ser_replay", "--replay", *(path.name for path in paths)))
    semihosting = ("-semihosting-config", f"enable=on,target=native,{arguments}")
    run_program(*_QEMU, folder / "ser_replay.elf", *semihosting, cwd=folder, limit_seconds=_REPLAY_SECONDS)
    return Results.decode(paths[1].read_bytes(), vectors)


def profile_on_board(folder: pathlib.Path, source: str) -> tuple[LayerCost, ...]:
    """Runs `ser_profile.elf` of a build in the emulator, which counts the instructions of each layer.

    Args:
      folder: of the build.
      source: the ser_model.c that was built, which names the layers.
    """
    names = {int(number): name for number, name in re.findall(r"SER_PROFILE\((\d+)\);  // (.*)", source)}
    semihosting = ("-semihosting-config", "enable=on,target=native,arg=ser_profile")
    printed = run_program(*_QEMU, folder / "ser_profile.elf", *semihosting, cwd=folder, limit_seconds=_REPLAY_SECONDS)
    counts = (map(int, line.split()) for line in printed.decode().splitlines())
    return tuple(LayerCost(number, names[number], instructions) for number, instructions in counts)


def _write_vectors(folder: pathlib.Path, vectors: Vectors) -> tuple[pathlib.Path, pathlib.Path]:
    (folder / "vectors.bin").write_bytes(vectors.encode())
    return folder / "vectors.bin", folder / "results.bin"
