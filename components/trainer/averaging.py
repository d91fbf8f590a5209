"""Which weights are kept: the optimizer's moving average, of the epoch at which it did best on the validation split."""

import tensorflow as tf

from schemas.artifacts import UserError


def make_optimizer(learning_rate: float, averaged_updates: float) -> tf.keras.optimizers.Optimizer:
    """Adam, with an exponential moving average of the weights over the last `averaged_updates`; up to 1 is no averaging."""
    averages = averaged_updates > 1
    momentum = 1 - 1 / averaged_updates if averages else None
    return tf.keras.optimizers.Adam(learning_rate, use_ema=averages, ema_momentum=momentum)


class BestAverage(tf.keras.callbacks.Callback):
    """Validates the moving average of the weights, and keeps that of the best epoch.

    The best epoch has the highest validation accuracy, of equals the lowest validation loss. Training itself goes on from
    the weights, not from their average. Without averaging in the optimizer, the weights themselves are validated and kept.
    """

    def __init__(self) -> None:
        super().__init__()
        self._training_weights: list = []
        self._validated_weights: list = []
        self.weights: list = []  # of the best epoch
        self.epoch = -1  # from 0
        self.score = (-1.0, 0.0)  # its validation accuracy and negative loss

    def on_test_begin(self, logs: dict | None = None) -> None:
        self._training_weights = self.model.get_weights()
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)  # the average takes their place
        self._validated_weights = self.model.get_weights()

    def on_test_end(self, logs: dict | None = None) -> None:
        self.model.set_weights(self._training_weights)

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        score = (float(logs["val_accuracy"]), -float(logs["val_loss"]))
        if score[1] != score[1]:
            raise UserError(f"the validation loss of epoch {epoch + 1} is not a number: lower --learning_rate")
        if score > self.score:
            self.score, self.epoch, self.weights = score, epoch, self._validated_weights
