"""TFLM's own kernels on this machine, and the memory that they need."""

import sys
import tempfile

import numpy as np
from tflite_micro import runtime

from schemas.errors import UserError
from ser_tinyml.codegen.tflite_file import describe_model
from ser_tinyml.runtimes.int8 import Quantization
from ser_tinyml.runtimes.predictions import Begins, Predictions, predict_each, run_each
from ser_tinyml.runtimes.programs import ProgramFailed, run_program

# TFLM has no kernel for these, or hangs in them; the interpreter must not be given one.
_NOT_ON_TFLM = {"WHILE", "IF", "CALL_ONCE"}

_LARGEST_ARENA = 1 << 20  # bytes


class Tflm:
    """An int8 model on TFLM's reference kernels, in an arena of so many bytes."""

    def __init__(self, content: bytes, arena_bytes: int = _LARGEST_ARENA):
        self._interpreter = runtime.Interpreter.from_bytes(content, arena_size=arena_bytes)
        self._input, self._output = (
            Quantization.of_details(details)
            for details in (self._interpreter.get_input_details(0), self._interpreter.get_output_details(0))
        )

    def invoke(self, window: np.ndarray, begins: bool = True) -> np.ndarray:
        """Runs the model on one window, int8 [frames, coefficients], to int8 [classes].

        LSTM state outlives an invocation; it is cleared before a window that `begins` an utterance.
        """
        if begins:
            self._interpreter.reset()
        self._interpreter.set_input(window[np.newaxis], 0)
        self._interpreter.invoke()
        return np.array(self._interpreter.get_output(0).ravel())

    def predict(self, inputs: np.ndarray, begins: Begins = None) -> Predictions:
        """Runs the model on float32 [windows, frames, coefficients], standardised."""
        assert self._input is not None, "TFLM's models are int8"
        return predict_each(self.invoke, self._input.quantize(inputs), begins, output=self._output)

    def run(self, inputs: np.ndarray, begins: Begins = None) -> np.ndarray:
        """Returns the probabilities [windows, classes] of the same."""
        assert self._input is not None, "TFLM's models are int8"
        return run_each(self.invoke, self._input.quantize(inputs), begins, output=self._output)


def measure_arena(content: bytes) -> int:
    """Returns the bytes of the smallest arena in which TFLM's interpreter, on this machine, allocates and invokes the model.

    A 32-bit board needs less: part of the arena holds pointers.

    Raises:
      UserError: TFLM can't run the model, whatever the arena.
    """
    if bad := _NOT_ON_TFLM & set(describe_model(content).operators):
        raise UserError(f"TFLM can't run the int8 model: it has the operator {', '.join(sorted(bad))}")
    too_small, enough = 0, _LARGEST_ARENA
    with tempfile.NamedTemporaryFile(suffix=".tflite") as model:
        model.write(content)
        model.flush()
        if failed := _try(model.name, enough):
            raise UserError(
                f"TFLM can't run the int8 model: it has an operator or a tensor type that its kernels lack ({failed})"
            )
        while enough - too_small > _ARENA_ALIGNMENT:
            middle = (too_small + enough) // 2
            too_small, enough = (middle, enough) if _try(model.name, middle) else (too_small, middle)
    return -(-enough // _ARENA_ALIGNMENT) * _ARENA_ALIGNMENT


_ARENA_ALIGNMENT = 16
_TRIAL_SECONDS = 120  # one takes less than a second

_TRIAL = """
import sys
from tflite_micro import runtime
runtime.Interpreter.from_file(sys.argv[1], arena_size=int(sys.argv[2])).invoke()
"""


def _try(path: str, arena: int) -> ProgramFailed | None:
    """Tries an arena in a process of its own: in some that are too small TFLM's interpreter crashes instead of raising.

    Returns what it ended with; None where it ran.
    """
    try:
        run_program(
            sys.executable, "-c", _TRIAL, path, arena, limit_seconds=_TRIAL_SECONDS, called="TFLM's interpreter"
        )
    except ProgramFailed as error:
        return error
    return None
