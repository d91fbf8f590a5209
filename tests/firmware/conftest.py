"""What the firmware's tests share: compilers, and a generated engine as a library of this machine."""

import ctypes
import pathlib
import subprocess
from collections.abc import Callable

import numpy as np
import pytest

from ser_tinyml.codegen.engine_graph import read_graph
from ser_tinyml.codegen.engine_source import make_engine

FIRMWARE = pathlib.Path(__file__).resolve().parents[2] / "firmware"
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror")


class Engine:
    """`ser_engine.c` of a model, compiled for this machine."""

    def __init__(self, content: bytes, folder: pathlib.Path, flags: tuple[str, ...] = ()):
        self.graph = read_graph(content)
        labels = tuple(f"label {number}" for number in range(self.graph.n_outputs))
        for name, text in make_engine(content, labels).items():
            (folder / name).write_bytes(text)
        sources = [folder / "ser_engine.c", FIRMWARE / "engine" / "ser_kernels.c"]
        library = folder / "engine.so"
        command = ["cc", *STRICT, *(flags or ("-O1",)), "-shared", "-fPIC", f"-I{FIRMWARE / 'engine'}", *sources]
        subprocess.run([*command, "-o", library], check=True)
        self._library = ctypes.CDLL(str(library))

    def invoke(self, window: np.ndarray) -> np.ndarray:
        """int8 [frames, inputs] -> int8 [outputs]."""
        output = np.zeros(self.graph.n_outputs, np.int8)
        self._library.ser_engine_invoke(_pointer(np.ascontiguousarray(window)), _pointer(output))
        return output

    def reset(self) -> None:
        """Forgets all frames."""
        self._library.ser_engine_reset()

    def step(self, frame: np.ndarray) -> np.ndarray | None:
        """int8 [inputs] -> int8 [outputs] where it was the window's last frame."""
        output = np.zeros(self.graph.n_outputs, np.int8)
        done = self._library.ser_engine_step(_pointer(np.ascontiguousarray(frame)), _pointer(output))
        return output if done else None


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


@pytest.fixture
def build_engine(tmp_path: pathlib.Path) -> Callable[..., Engine]:
    """`build_engine(content, *flags)`: the engine of an int8 TFLite file."""

    def build(content: bytes, *flags: str) -> Engine:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        return Engine(content, folder, flags)

    return build
