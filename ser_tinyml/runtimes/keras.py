"""Keras, in float32."""

import time

import numpy as np
import tensorflow as tf

from ser_tinyml import progress
from ser_tinyml.runtimes.predictions import Begins, Predictions

_WINDOWS_TIMED = 9  # a call of `predict` on one takes a tenth of a second


class Keras:
    """A Keras model."""

    def __init__(self, model: tf.keras.Model):
        self._model = model

    def predict(self, inputs: np.ndarray, begins: Begins = None) -> Predictions:
        """Predicts as `run` does; the latency is that of `predict` on one window, as the original notebook measured it."""
        probabilities = self.run(inputs, begins)
        progress.advance(len(inputs))
        self._model.predict(inputs[:1], verbose=0)
        seconds = []
        for window in inputs[:_WINDOWS_TIMED]:
            begin = time.perf_counter()
            self._model.predict(window[np.newaxis], verbose=0)
            seconds.append(time.perf_counter() - begin)
        return Predictions(probabilities, 1e3 * float(np.median(seconds)))

    def run(self, inputs: np.ndarray, begins: Begins = None) -> np.ndarray:
        """Returns the probabilities [windows, classes] of float32 [windows, frames, coefficients], in batches."""
        if begins is None:
            return self._model.predict(inputs, batch_size=64, verbose=0)
        return _run_utterances(self._model, inputs, begins)


def _run_utterances(model: tf.keras.Model, inputs: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Runs all utterances side by side: first the first window of each, then the second, with the state that is left."""
    utterance = np.cumsum(begins) - 1
    utterance -= utterance.min()  # what does not begin is of an utterance, too
    place = np.arange(len(inputs)) - np.searchsorted(utterance, utterance)
    side_by_side = np.zeros((place.max() + 1, utterance.max() + 1, *inputs.shape[1:]), np.float32)
    side_by_side[place, utterance] = inputs
    stateful = tf.keras.models.clone_model(
        model,
        tf.keras.layers.Input(batch_shape=side_by_side.shape[1:]),
        lambda layer: type(layer).from_config(_keep_state(layer.get_config())),
    )
    stateful.set_weights(model.get_weights())
    found = np.stack([stateful.predict_on_batch(windows) for windows in side_by_side])
    return found[place, utterance]


def _keep_state(config: dict) -> dict:
    return config | {"stateful": True} if "stateful" in config else config
