"""Fits a network, epoch by epoch, so that it can go on where it was killed."""

import csv
import dataclasses
import io
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ser_tinyml import progress
from ser_tinyml.network.averaging import KeepAverage, make_optimizer
from ser_tinyml.network.backup import Backup
from ser_tinyml.network.training_data import NO_WINDOW, Drawing, make_training_dataset, make_validation_dataset
from ser_tinyml.network.uar import Accuracy, UnweightedAverageRecall

_UPDATES_AN_EXECUTION = 100  # in one call of TensorFlow, between which Python does no work and hears no interrupt


@dataclasses.dataclass(frozen=True)
class Data:
    """What a network is fitted to."""

    training: tf.data.Dataset  # without end
    validation: tf.data.Dataset
    updates_an_epoch: int

    @classmethod
    def from_splits(
        cls,
        train: tf.data.Dataset,
        validation: tf.data.Dataset,
        *,
        n_classes: int,
        drawing: Drawing,
        balanced: bool = False,
    ) -> "Data":
        """Returns the data of one stage of training; each stage begins its sequence of epochs anew.

        Args:
          train: cached and of known cardinality, (standardised float32 [frames, coefficients], int64 label) one by one; of
            utterances a label for each of their windows.
          validation: the same.
          n_classes: of the labels.
          drawing: how batches are drawn; a batch is at most the whole split.
          balanced: whether every class counts the same in the loss, however many examples it has.
        """
        examples = int(train.cardinality())
        weights = np.ones(n_classes)
        if balanced:
            labels = np.concatenate([np.atleast_1d(label) for _, label in train.as_numpy_iterator()])
            labels = labels[labels != NO_WINDOW]
            weights = len(labels) / n_classes / np.maximum(np.bincount(labels, minlength=n_classes), 1)
        drawing = dataclasses.replace(drawing, batch_size=min(drawing.batch_size, examples))
        return cls(
            training=make_training_dataset(train, class_weights=weights, drawing=drawing),
            validation=make_validation_dataset(validation, n_classes),
            updates_an_epoch=examples // drawing.batch_size,
        )


@dataclasses.dataclass(frozen=True)
class Plan:
    """How long and how fast a network is fitted."""

    epochs: int
    learning_rate: float  # Adam's, the highest of its schedule
    learning_rate_schedule: str  # "constant" or "cosine"
    label_smoothing: float
    weight_average: float  # epochs that the moving average of the weights looks back; 0: no averaging
    patience: int  # epochs without a better one, after which training stops; 0: never


def fit(network: tf.keras.Model, data: Data, plan: Plan, *, backup: str = "", logs: str = "") -> KeepAverage:
    """Fits a network and leaves the kept weights in it; returns what was kept, and the history.

    Args:
      network: is compiled here.
      data: what it is fitted to.
      plan: for how long, and how fast.
      backup: directory to go on from and to back up to after each epoch; "": no backup.
      logs: TensorBoard's directory; "": no logs.
    """
    network.compile(
        make_optimizer(_schedule(plan, data.updates_an_epoch), plan.weight_average * data.updates_an_epoch),
        loss=tf.keras.losses.CategoricalCrossentropy(label_smoothing=plan.label_smoothing),
        metrics=[Accuracy(network.output_shape[-1]), UnweightedAverageRecall(network.output_shape[-1])],
        steps_per_execution=min(data.updates_an_epoch, _UPDATES_AN_EXECUTION),
    )
    network.optimizer.build(network.trainable_variables)  # a backup holds its state
    network.evaluate(data.validation, verbose=0)  # makes the metrics' variables: else training's graph is built twice
    network.train_step = tf.function(network.train_step)  # is traced once: Keras traces the loop around it twice
    kept = KeepAverage(plan.patience)
    callbacks: list[tf.keras.callbacks.Callback] = [_LogLearningRate(), kept, _Progress(plan.epochs)]
    if logs:
        callbacks.append(tf.keras.callbacks.TensorBoard(logs))
    done = 0
    if backup:
        callbacks.append(last_epoch := Backup(network, kept, backup))
        if done := last_epoch.restore():
            print(f"goes on after epoch {done}/{plan.epochs}, from {backup}", flush=True)
    if done < plan.epochs and not kept.stops:
        with progress.shown("updates", (plan.epochs - done) * data.updates_an_epoch):
            network.fit(
                data.training.skip(done * data.updates_an_epoch) if done else data.training,
                validation_data=data.validation,
                initial_epoch=done,
                epochs=plan.epochs,
                steps_per_epoch=data.updates_an_epoch,
                verbose=0,
                callbacks=callbacks,
            )
    network.set_weights(kept.weights)
    return kept


def format_history(stages: Mapping[str, KeepAverage]) -> str:
    """Returns the epochs of all stages as CSV: number, stage, and what Keras logged."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    rows = [(stage, epoch) for stage, kept in stages.items() for epoch in kept.history]
    writer.writerow(["epoch", "stage", *rows[0][1]])
    writer.writerows([number, stage, *epoch.values()] for number, (stage, epoch) in enumerate(rows, start=1))
    return text.getvalue()


def _schedule(plan: Plan, updates_an_epoch: int):
    if plan.learning_rate_schedule == "constant":
        return plan.learning_rate
    updates = plan.epochs * updates_an_epoch
    warm_up = max(1, updates // 20)
    return tf.keras.optimizers.schedules.CosineDecay(
        0.0, max(1, updates - warm_up), warmup_target=plan.learning_rate, warmup_steps=warm_up
    )


class _LogLearningRate(tf.keras.callbacks.Callback):
    """Adds the learning rate of an epoch's last update to its logs."""

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        logs["learning_rate"] = float(tf.keras.backend.get_value(self.model.optimizer.learning_rate))


class _Progress(tf.keras.callbacks.Callback):
    """Prints a line an epoch, and counts updates."""

    def __init__(self, epochs: int):
        super().__init__()
        self._epochs, self._counted = epochs, 0  # updates of this epoch

    def on_epoch_begin(self, epoch: int, logs: dict) -> None:
        self._counted = 0

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        progress.advance(batch + 1 - self._counted)
        self._counted = batch + 1

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        progress.tell(
            f"epoch {epoch + 1}/{self._epochs}: loss {logs['loss']:.3f}, UAR {logs['uar']:.3f}; "
            f"validation loss {logs['val_loss']:.3f}, UAR {logs['val_uar']:.3f}"
        )
