"""The firmware, built from an export and run: on this machine, and on emulated boards.

A board is a folder of firmware/boards; an emulated one has in its emulator.json what `Emulator` holds.
"""

import dataclasses
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
_REPLAY_SECONDS = 3600  # the emulator takes a fraction of a second a window, and --board_clips may be many


@dataclasses.dataclass(frozen=True)
class Emulator:
    """How a board is emulated."""

    core: str  # the processor's name
    compiler: str
    command: tuple[str, ...]  # runs a program, whose `-kernel FILE` follows, and counts instructions

    @property
    def tools(self) -> tuple[str, ...]:
        return self.compiler, self.command[0]

    def run(self, program: pathlib.Path, *arguments: str) -> bytes:
        """Runs a program in its own folder, where it finds files by name, and returns what it prints; raises UserError."""
        words = ",".join(f"arg={word}" for word in (program.stem, *arguments))
        semihosting = ("-semihosting-config", f"enable=on,target=native,{words}")
        command = (*self.command, "-kernel", program, *semihosting)
        return run_program(*command, cwd=program.parent, limit_seconds=_REPLAY_SECONDS)


def read_emulators(firmware: pathlib.Path | None = None) -> dict[str, Emulator]:
    """Returns the emulated boards of a firmware's sources, by default the project's, by their folders' names."""
    paths = sorted(((firmware or find_firmware()) / "boards").glob("*/emulator.json"))
    read = {path.parent.name: json.loads(path.read_text()) for path in paths}
    return {board: Emulator(each["core"], each["compiler"], tuple(each["command"])) for board, each in read.items()}


def missing_tools(tools: tuple[str, ...]) -> list[str]:
    """Returns those that this machine lacks."""
    return [tool for tool in tools if shutil.which(tool) is None]


def build(
    board: str,
    *programs: str,
    generated: pathlib.Path,
    folder: pathlib.Path,
    cmsis_dsp: pathlib.Path,
    model: str = "inside",
) -> None:
    """Configures and builds in `folder`.

    Args:
      board: its folder's name.
      *programs: CMake's targets; where none is named, all, the tests among them.
      generated: the exporter's sources.
      folder: of the build.
      cmsis_dsp: CMSIS-DSP's files.
      model: where it lies: "inside" the code, or "apart" from it.

    Raises:
      UserError: CMake fails, with what it says.
    """
    places = [f"-DSER_GENERATED={generated}", f"-DCMSIS_DSP_DIR={cmsis_dsp}"]
    flags = [*places, f"-DSER_BOARD={board}", f"-DSER_MODEL={model}"]
    run_program("cmake", "-S", find_firmware(), "-B", folder, *flags, limit_seconds=BUILD_SECONDS)
    chosen = ("--target", *programs) if programs else ()
    run_program("cmake", "--build", folder, "--parallel", "2", *chosen, limit_seconds=BUILD_SECONDS)


def replay_on_host(folder: pathlib.Path, vectors: Vectors) -> Results:
    """Replays vectors on `ser_host` of a build."""
    paths = _write_vectors(folder, vectors)
    run_program(folder / "ser_host", "--replay", *paths, limit_seconds=_REPLAY_SECONDS)
    return Results.decode(paths[1].read_bytes(), vectors)


def listen_on_host(folder: pathlib.Path, samples: np.ndarray, sample_rate: int) -> list[dict]:
    """Lets the app of a build hear int16 [samples] as a microphone would give them; returns its decisions (app/ser_json.h)."""
    soundfile.write(folder / "heard.wav", samples, sample_rate, subtype="PCM_16")
    lines = run_program(folder / "ser_host", folder / "heard.wav", limit_seconds=_REPLAY_SECONDS)
    return [json.loads(line) for line in lines.splitlines()]


def replay_on_board(emulator: Emulator, folder: pathlib.Path, vectors: Vectors) -> Results:
    """Replays vectors on `ser_replay.elf` of a build, in the emulator, which counts instructions."""
    paths = _write_vectors(folder, vectors)
    emulator.run(folder / "ser_replay.elf", "--replay", *(path.name for path in paths))
    return Results.decode(paths[1].read_bytes(), vectors)


def profile_on_board(emulator: Emulator, folder: pathlib.Path, source: str) -> tuple[LayerCost, ...]:
    """Runs `ser_profile.elf` of a build in the emulator, which counts the instructions of each layer.

    Args:
      emulator: of the board.
      folder: of the build.
      source: the ser_model.c that was built, which names the layers.
    """
    names = {int(number): name for number, name in re.findall(r"SER_PROFILE\((\d+)\);  // (.*)", source)}
    printed = emulator.run(folder / "ser_profile.elf")
    counts = (map(int, line.split()) for line in printed.decode().splitlines())
    return tuple(LayerCost(number, names[number], instructions) for number, instructions in counts)


def _write_vectors(folder: pathlib.Path, vectors: Vectors) -> tuple[pathlib.Path, pathlib.Path]:
    (folder / "vectors.bin").write_bytes(vectors.encode())
    return folder / "vectors.bin", folder / "results.bin"
