"""Tells whether the TFLM source holds the int8 model: it is compiled by the host's C++ compiler and read back."""

import pathlib
import shutil
import tempfile

from schemas.errors import UserError
from ser_tinyml.codegen.generated import FIRMWARE_SOURCES, TFLM_SOURCES
from ser_tinyml.runtimes.programs import BUILD_SECONDS, ProgramFailed, run_program
from ser_tinyml.store import files

_DUMP = """
#include <cstdint>
#include <cstdio>
#include "ser_model_data.h"
int main() {
  if (reinterpret_cast<std::uintptr_t>(g_ser_model) % 16 != 0) return 2;
  return std::fwrite(g_ser_model, 1, g_ser_model_len, stdout) == g_ser_model_len ? 0 : 1;
}
"""


_COMPILERS = ("c++", "g++", "clang++")


def count_differing_bytes(export: str) -> int | None:
    """Returns how many bytes of `g_ser_model`, as compiled, differ from ser_int8.tflite; a missing byte differs.

    Without a C++ compiler nothing can be compared: it says so on the console and returns None.

    Raises:
      UserError: the source does not compile, or the array is not aligned.
    """
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        print(f"skipped: TFLM source difference: none of the C++ compilers {', '.join(_COMPILERS)} is installed")
        return None
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory)
        for name in (*FIRMWARE_SOURCES, *TFLM_SOURCES):
            (folder / name).write_bytes(files.read_bytes(files.join(export, name)))
        (folder / "dump.cc").write_text(_DUMP)
        command = [compiler, "-std=c++17", "-Wall", "-Werror", "-o", "dump", "dump.cc", "ser_model_data.cc"]
        try:
            run_program(*command, cwd=folder, limit_seconds=BUILD_SECONDS)
        except ProgramFailed as error:
            raise UserError(f"ser_model_data.cc does not compile: {error}") from error
        try:
            dumped = run_program(folder / "dump", limit_seconds=BUILD_SECONDS)
        except ProgramFailed as error:
            raise UserError(f"g_ser_model is not aligned to 16 bytes: {error}") from error
    model = files.read_bytes(files.join(export, "ser_int8.tflite"))
    differing = sum(a != b for a, b in zip(dumped, model, strict=False))
    return differing + abs(len(dumped) - len(model))
