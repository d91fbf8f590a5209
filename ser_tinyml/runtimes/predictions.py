"""What a runtime says of windows, and how long it takes."""

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from ser_tinyml import progress
from ser_tinyml.runtimes.int8 import Quantization

# Which windows begin an utterance, bool [windows]; None: each does, as of a model that does not go on from window to window.
Begins = np.ndarray | None


@dataclasses.dataclass(frozen=True)
class Predictions:
    """A runtime's outputs for some windows."""

    probabilities: np.ndarray  # float32 [windows, classes]
    latency_ms: float  # median of single windows, on one thread (Keras: on its own)
    quantized: np.ndarray | None = None  # int8 [windows, classes], of models that give int8
    quantized_inputs: np.ndarray | None = None  # int8 [windows, frames, coefficients], of these

    @property
    def classes(self) -> np.ndarray:
        """The likeliest class of each window, int64 [windows]; of equals the first."""
        return self.probabilities.argmax(axis=1)


class Runtime(Protocol):
    """Where a model runs."""

    def predict(self, inputs: np.ndarray, begins: Begins = None) -> Predictions:
        """Runs the model and times it.

        Args:
          inputs: float32 [windows, frames, coefficients], standardised as the model wants them.
          begins: which windows begin an utterance: there the LSTMs' state is cleared.
        """
        ...

    def run(self, inputs: np.ndarray, begins: Begins = None) -> np.ndarray:
        """Returns the float32 probabilities [windows, classes] of the same, and times nothing."""
        ...


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A runtime with a model in it."""

    runtime: Runtime
    bytes: int  # of the model


def predict_each(
    invoke: Callable[[np.ndarray, bool], np.ndarray],
    windows: np.ndarray,
    begins: Begins,
    *,
    output: Quantization | None,
) -> Predictions:
    """Invokes a model window by window and times it.

    Args:
      invoke: takes one window in the model's own type, and whether it begins an utterance, and gives its output [classes].
      windows: in that type, [windows, frames, coefficients].
      begins: which of them do.
      output: of the int8 output; None where the model gives float32.
    """
    outputs, seconds = [], []
    invoke(windows[0], True)
    for window, first in _with_begins(windows, begins):
        begin = time.perf_counter()
        found = invoke(window, first)
        seconds.append(time.perf_counter() - begin)
        outputs.append(np.array(found))
        progress.advance()
    stacked, latency_ms = np.stack(outputs), 1e3 * float(np.median(seconds))
    if output is None:
        return Predictions(stacked, latency_ms)
    return Predictions(output.dequantize(stacked), latency_ms, quantized=stacked, quantized_inputs=windows)


def run_each(
    invoke: Callable[[np.ndarray, bool], np.ndarray],
    windows: np.ndarray,
    begins: Begins,
    *,
    output: Quantization | None,
) -> np.ndarray:
    """Does what `predict_each` does, but times nothing; returns the float32 probabilities [windows, classes]."""
    outputs = np.stack([np.array(invoke(window, first)) for window, first in _with_begins(windows, begins)])
    return outputs if output is None else output.dequantize(outputs)


def _with_begins(windows: np.ndarray, begins: Begins) -> Iterator[tuple[np.ndarray, bool]]:
    return zip(windows, itertools.repeat(True) if begins is None else begins.tolist(), strict=False)
