"""Which weights are kept: the optimizer's moving average, of the last epoch or of the one that did best on validation."""

from typing import Any

import numpy as np
import tensorflow as tf

from schemas.errors import UserError


def make_optimizer(learning_rate, averaged_updates: float) -> tf.keras.optimizers.Optimizer:
    """Returns Adam with an exponential moving average of the weights over `averaged_updates`; up to 1 is no averaging.

    `learning_rate` is a number or a Keras schedule.
    """
    averages = averaged_updates > 1
    momentum = 1 - 1 / averaged_updates if averages else None
    return tf.keras.optimizers.Adam(learning_rate, use_ema=averages, ema_momentum=momentum)


class KeepAverage(tf.keras.callbacks.Callback):
    """Validates the moving average of the weights each epoch, and keeps it: the best epoch's, or the last one's.

    The best epoch has the highest validation UAR, of equals the lowest validation loss. Training itself goes on from the
    weights, not from their average. Without averaging in the optimizer, the weights themselves are validated and kept.

    Args:
      patience: training stops after so many epochs without a better one, and the best is kept; 0: all epochs, the last is kept.
    """

    def __init__(self, patience: int = 0):
        super().__init__()
        self._patience = patience
        self._training_weights: list = []
        self._validated_weights: list = []
        self.weights: list = []  # that are kept
        self.epoch = -1  # theirs, from 0
        self.score = (-1.0, 0.0)  # its validation UAR and negative loss
        self.history: list[dict[str, float]] = []  # of each epoch

    @property
    def stops(self) -> bool:
        """Whether patience is at its end."""
        return 0 < self._patience < len(self.history) - self.epoch

    def on_test_begin(self, logs: dict | None = None) -> None:
        self._training_weights = self.model.get_weights()
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)  # the average takes their place
        self._validated_weights = self.model.get_weights()

    def on_test_end(self, logs: dict | None = None) -> None:
        self.model.set_weights(self._training_weights)

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        score = (float(logs["val_uar"]), -float(logs["val_loss"]))
        if score[1] != score[1]:
            raise UserError(f"the validation loss of epoch {epoch + 1} is not a number: lower --learning_rate")
        self.history.append({name: float(value) for name, value in logs.items()})
        if score > self.score or not self._patience:
            self.score, self.epoch, self.weights = score, epoch, self._validated_weights
        if self.stops:
            self.model.stop_training = True

    def to_dict(self) -> dict[str, Any]:
        """Returns what it knows but for the weights, for JSON."""
        return {"epoch": self.epoch, "score": self.score, "history": self.history}

    def restore(self, state: dict[str, Any], weights: list[np.ndarray]) -> None:
        """Knows again what `to_dict` told, and the weights."""
        self.weights = weights
        self.epoch, self.score, self.history = state["epoch"], tuple(state["score"]), state["history"]
