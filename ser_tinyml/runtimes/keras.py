"""Keras, in float32."""

import time

import numpy as np
import tensorflow as tf

from ser_tinyml import progress
from ser_tinyml.runtimes.predictions import Predictions

_WINDOWS_TIMED = 30


class Keras:
    """A Keras model."""

    def __init__(self, model: tf.keras.Model):
        self._model = model

    def predict(self, inputs: np.ndarray) -> Predictions:
        """Predicts as `run` does; the latency is that of `predict` on one window, as the original notebook measured it."""
        probabilities = self.run(inputs)
        progress.advance(len(inputs))
        self._model.predict(inputs[:1], verbose=0)
        seconds = []
        for window in inputs[:_WINDOWS_TIMED]:
            begin = time.perf_counter()
            self._model.predict(window[np.newaxis], verbose=0)
            seconds.append(time.perf_counter() - begin)
        return Predictions(probabilities, 1e3 * float(np.median(seconds)))

    def run(self, inputs: np.ndarray) -> np.ndarray:
        """Returns the probabilities [windows, classes] of float32 [windows, frames, coefficients], in batches."""
        return self._model.predict(inputs, batch_size=64, verbose=0)
