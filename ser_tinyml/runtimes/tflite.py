"""TFLite's interpreter, on one thread."""

import numpy as np
import tensorflow as tf

from ser_tinyml.runtimes.int8 import Quantization
from ser_tinyml.runtimes.native_log import quiet_native_log
from ser_tinyml.runtimes.predictions import Begins, Predictions, predict_each, run_each


class TFLite:
    """A TFLite model, float or int8."""

    def __init__(self, content: bytes):
        with quiet_native_log():
            self._interpreter = tf.lite.Interpreter(model_content=content, num_threads=1)
            self._interpreter.allocate_tensors()
        (self._input,), (self._output,) = self._interpreter.get_input_details(), self._interpreter.get_output_details()

    def invoke(self, window: np.ndarray, begins: bool = True) -> np.ndarray:
        """Runs the model on one window [frames, coefficients] in its own type, to an output [classes].

        LSTM state outlives an invocation; it is cleared before a window that `begins` an utterance.
        """
        if begins:
            self._interpreter.reset_all_variables()
        self._interpreter.set_tensor(self._input["index"], window[np.newaxis])
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output["index"])[0]

    def predict(self, inputs: np.ndarray, begins: Begins = None) -> Predictions:
        """Runs the model on float32 [windows, frames, coefficients], standardised."""
        return predict_each(self.invoke, self._take(inputs), begins, output=Quantization.of_details(self._output))

    def run(self, inputs: np.ndarray, begins: Begins = None) -> np.ndarray:
        """Returns the probabilities [windows, classes] of the same."""
        return run_each(self.invoke, self._take(inputs), begins, output=Quantization.of_details(self._output))

    def _take(self, inputs: np.ndarray) -> np.ndarray:
        quantization = Quantization.of_details(self._input)
        return quantization.quantize(inputs) if quantization else inputs.astype(np.float32)
