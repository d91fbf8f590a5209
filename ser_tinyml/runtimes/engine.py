"""The engine that was generated for a model, compiled for this machine."""

import ctypes
import pathlib
from collections.abc import Mapping

import numpy as np

from ser_tinyml.codegen.firmware_tree import find_firmware, read_c
from ser_tinyml.codegen.generated import FIRMWARE_SOURCES, read_define, read_scale
from ser_tinyml.runtimes.compiled import COMPILER, load_compiled
from ser_tinyml.runtimes.int8 import Quantization
from ser_tinyml.runtimes.predictions import Begins, Predictions, predict_each, run_each
from ser_tinyml.runtimes.programs import BUILD_SECONDS, run_program


class Engine:
    """A model's `ser_model.c` with the firmware's kernels, behind the functions of `ser_engine.h`."""

    def __init__(
        self,
        sources: Mapping[str, bytes],
        folder: pathlib.Path | None = None,
        flags: tuple[str, ...] = ("-O2",),
        kernels: pathlib.Path | None = None,
    ):
        """Compiles the sources.

        Args:
          sources: `ser_model.h` and `ser_model.c`.
          folder: an empty folder, for these and the library; by default what was compiled once comes from the user's cache.
          flags: of the C compiler, in such a folder.
          kernels: an object file of the kernels; compiled with the same flags where it is not given.

        Raises:
          UserError: there is no C compiler, or it refuses the sources.
        """
        self._library = _compile(sources, folder, flags, kernels) if folder else _load(sources)
        for function in (self._library.ser_engine_invoke, self._library.ser_engine_step):
            function.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        header = sources["ser_model.h"].decode()
        self._n_labels = read_define(header, "SER_N_LABELS")
        self._input, self._output = (
            Quantization(read_scale(header, f"SER_{name}_SCALE"), read_define(header, f"SER_{name}_ZERO_POINT"))
            for name in ("INPUT", "OUTPUT")
        )

    def invoke(self, window: np.ndarray, begins: bool = True) -> np.ndarray:
        """Runs the model on one window, int8 [frames, coefficients], to int8 [classes].

        A network that goes on from window to window forgets those before where this one `begins` an utterance.
        """
        if begins:
            self.reset()
        window, output = np.ascontiguousarray(window), np.empty(self._n_labels, np.int8)
        self._library.ser_engine_invoke(window.ctypes.data, output.ctypes.data)
        return output

    def step(self, frame: np.ndarray) -> np.ndarray | None:
        """Takes the next frame, int8 [coefficients]; returns int8 [classes] where it was the window's last one."""
        frame, output = np.ascontiguousarray(frame), np.empty(self._n_labels, np.int8)
        done = self._library.ser_engine_step(frame.ctypes.data, output.ctypes.data)
        return output if done else None

    def reset(self) -> None:
        """Forgets all frames."""
        self._library.ser_engine_reset()

    def predict(self, inputs: np.ndarray, begins: Begins = None) -> Predictions:
        """Runs the model on float32 [windows, frames, coefficients], standardised."""
        return predict_each(self.invoke, self._input.quantize(inputs), begins, output=self._output)

    def run(self, inputs: np.ndarray, begins: Begins = None) -> np.ndarray:
        """Returns the probabilities [windows, classes] of the same."""
        return run_each(self.invoke, self._input.quantize(inputs), begins, output=self._output)


def _load(sources: Mapping[str, bytes]) -> ctypes.CDLL:
    """Returns the library by the user's cache."""
    model = {name: sources[name] for name in FIRMWARE_SOURCES}
    return load_compiled(model | read_c("engine"), ("-I.", "-Iengine"))


def _compile(
    sources: Mapping[str, bytes], folder: pathlib.Path, flags: tuple[str, ...], kernels: pathlib.Path | None
) -> ctypes.CDLL:
    for name, content in sources.items():
        (folder / name).write_bytes(content)
    interface = find_firmware() / "engine"
    library = folder / "engine.so"
    command = [COMPILER, "-std=c11", *flags, "-shared", "-fPIC", f"-I{interface}", f"-I{folder}"]
    command += [str(path) for path in (folder / "ser_model.c", kernels or interface / "ser_kernels.c", "-o", library)]
    run_program(*command, limit_seconds=BUILD_SECONDS)
    return ctypes.CDLL(str(library))
