import numpy as np
import pytest
import tensorflow as tf

from ser_tinyml.network.averaging import KeepAverage, make_optimizer
from ser_tinyml.network.uar import UnweightedAverageRecall


class WeightsOfEveryUpdate(tf.keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.weights = [self.model.get_weights()]

    def on_train_batch_end(self, batch, logs=None):
        self.weights.append(self.model.get_weights())


def train(averaged_updates, patience=3, epochs=3):
    tf.keras.utils.set_random_seed(0)
    model = tf.keras.Sequential([tf.keras.layers.Input((3,)), tf.keras.layers.Dense(2, activation="softmax")])
    model.compile(make_optimizer(0.05, averaged_updates), "categorical_crossentropy", [UnweightedAverageRecall(2)])
    rng = np.random.default_rng(0)
    inputs, labels = rng.standard_normal((40, 3)), np.eye(2)[rng.integers(0, 2, 40)]
    recorder, kept = WeightsOfEveryUpdate(), KeepAverage(patience)
    data = {"x": inputs, "y": labels, "batch_size": 8, "shuffle": False, "validation_data": (inputs, labels)}
    history = model.fit(**data, epochs=epochs, verbose=0, callbacks=[recorder, kept])
    return recorder.weights, kept, history.history


def average_after(updates, epochs, momentum=0.75):
    average = updates[0]
    for weights in updates[1 : 5 * epochs + 1]:
        average = [momentum * a + (1 - momentum) * w for a, w in zip(average, weights, strict=True)]
    return average


def test_kept_weights_are_the_moving_average_at_the_best_epoch():
    updates, kept, history = train(averaged_updates=4)
    for weight, expected in zip(kept.weights, average_after(updates, kept.epoch + 1), strict=True):
        np.testing.assert_allclose(weight, expected, atol=1e-6)
    assert history["val_uar"][kept.epoch] == max(history["val_uar"])


def test_without_patience_the_last_average_is_kept():
    updates, kept, _ = train(averaged_updates=4, patience=0)
    assert kept.epoch == 2
    for weight, expected in zip(kept.weights, average_after(updates, 3), strict=True):
        np.testing.assert_allclose(weight, expected, atol=1e-6)


def test_training_stops_when_patience_is_at_its_end():
    _, kept, history = train(averaged_updates=0, patience=2, epochs=200)
    epochs = len(history["val_uar"])
    assert epochs < 200 and epochs == kept.epoch + 1 + 2


def test_training_goes_on_from_the_weights_and_not_from_their_average():
    for averaged, plain in zip(train(4)[0], train(0)[0], strict=True):
        np.testing.assert_array_equal(averaged[0], plain[0])


@pytest.mark.parametrize("averaged_updates", [0, 1])
def test_without_averaging_the_weights_themselves_are_kept(averaged_updates):
    updates, kept, _ = train(averaged_updates)
    np.testing.assert_array_equal(kept.weights[0], updates[5 * (kept.epoch + 1)][0])


def test_uar_is_the_mean_of_the_recalls_of_the_classes_that_occur():
    metric = UnweightedAverageRecall(4)
    probabilities = np.eye(4)[[0, 0, 1, 1, 2]]
    metric.update_state(np.eye(4)[[0, 0, 0, 1, 2]], probabilities)
    metric.update_state(np.eye(4)[[0]], np.eye(4)[[3]])
    assert float(metric.result()) == pytest.approx((2 / 4 + 1 + 1) / 3)
    metric.reset_state()
    assert float(metric.result()) == 0
