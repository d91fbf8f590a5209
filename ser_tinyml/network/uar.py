"""Unweighted average recall as a Keras metric."""

import tensorflow as tf


class UnweightedAverageRecall(tf.keras.metrics.Metric):
    """The mean of the classes' recalls, over the classes that occur. Takes one-hot labels and probabilities."""

    def __init__(self, n_classes: int, name: str = "uar"):
        super().__init__(name=name)
        self._counts = self.add_weight("counts", shape=(n_classes, 2), initializer="zeros")  # examples, hits

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts a batch of examples, or of sequences of them; weights play no part, nor do labels of zeros."""
        examples, predicted = (
            tf.cast(tf.reshape(each, (-1, self._counts.shape[0])), tf.float32) for each in (y_true, y_pred)
        )
        hit = tf.cast(tf.argmax(examples, axis=1) == tf.argmax(predicted, axis=1), tf.float32)
        self._counts.assign_add(
            tf.stack([tf.reduce_sum(examples, 0), tf.reduce_sum(examples * hit[:, tf.newaxis], 0)], axis=1)
        )

    def result(self):
        """Returns the UAR, 0 to 1."""
        examples, hits = self._counts[:, 0], self._counts[:, 1]
        occurs = tf.cast(examples > 0, tf.float32)
        return tf.reduce_sum(tf.math.divide_no_nan(hits, examples)) / tf.maximum(tf.reduce_sum(occurs), 1.0)

    def reset_state(self):
        """Forgets all counts."""
        self._counts.assign(tf.zeros_like(self._counts))


class Accuracy(UnweightedAverageRecall):
    """The share of examples that are hit, counted in the same way."""

    def __init__(self, n_classes: int):
        super().__init__(n_classes, "accuracy")

    def result(self):
        """Returns the accuracy, 0 to 1."""
        return tf.math.divide_no_nan(tf.reduce_sum(self._counts[:, 1]), tf.reduce_sum(self._counts[:, 0]))


def measure_uar(network: tf.keras.Model, data: tf.data.Dataset) -> float:
    """Returns a network's UAR over batches of (inputs, one-hot labels)."""
    metric = UnweightedAverageRecall(network.output_shape[-1])
    for inputs, labels in data:
        metric.update_state(labels, network.predict_on_batch(inputs))
    return float(metric.result())
