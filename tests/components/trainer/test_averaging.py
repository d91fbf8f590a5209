import numpy as np
import pytest
import tensorflow as tf

from components.trainer.averaging import BestAverage, make_optimizer


class WeightsOfEveryUpdate(tf.keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.weights = [self.model.get_weights()]

    def on_train_batch_end(self, batch, logs=None):
        self.weights.append(self.model.get_weights())


def train(averaged_updates, epochs=3):
    tf.keras.utils.set_random_seed(0)
    model = tf.keras.Sequential([tf.keras.layers.Input((3,)), tf.keras.layers.Dense(2, activation="softmax")])
    model.compile(make_optimizer(0.05, averaged_updates), "sparse_categorical_crossentropy", ["accuracy"])
    rng = np.random.default_rng(0)
    inputs, labels = rng.standard_normal((40, 3)), rng.integers(0, 2, 40)
    recorder, best = WeightsOfEveryUpdate(), BestAverage()
    data = {"x": inputs, "y": labels, "batch_size": 8, "shuffle": False, "validation_data": (inputs, labels)}
    history = model.fit(**data, epochs=epochs, verbose=0, callbacks=[recorder, best])
    return recorder.weights, best, history.history


def test_kept_weights_are_the_moving_average_at_the_best_epoch():
    updates, best, history = train(averaged_updates=4)
    average = updates[0]
    for weights in updates[1 : 5 * (best.epoch + 1) + 1]:
        average = [0.75 * a + 0.25 * w for a, w in zip(average, weights, strict=True)]
    for kept, expected in zip(best.weights, average, strict=True):
        np.testing.assert_allclose(kept, expected, atol=1e-6)
    assert history["val_accuracy"][best.epoch] == max(history["val_accuracy"])


def test_training_goes_on_from_the_weights_and_not_from_their_average():
    for averaged, plain in zip(train(4)[0], train(0)[0], strict=True):
        np.testing.assert_array_equal(averaged[0], plain[0])


@pytest.mark.parametrize("averaged_updates", [0, 1])
def test_without_averaging_the_weights_themselves_are_kept(averaged_updates):
    updates, best, _ = train(averaged_updates)
    np.testing.assert_array_equal(best.weights[0], updates[5 * (best.epoch + 1)][0])
