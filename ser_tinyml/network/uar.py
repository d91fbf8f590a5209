"""Unweighted average recall as a Keras metric."""

import tensorflow as tf


class UnweightedAverageRecall(tf.keras.metrics.Metric):
    """The mean of the classes' recalls, over the classes that occur. Takes one-hot labels and probabilities."""

    def __init__(self, n_classes: int):
        super().__init__(name="uar")
        self._counts = self.add_weight("counts", shape=(n_classes, 2), initializer="zeros")  # examples, hits

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts a batch; weights play no part."""
        label = tf.argmax(y_true, axis=1)
        hit = tf.cast(label == tf.argmax(y_pred, axis=1), tf.float32)
        examples = tf.one_hot(label, self._counts.shape[0])
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


def measure_uar(network: tf.keras.Model, data: tf.data.Dataset) -> float:
    """Returns a network's UAR over batches of (inputs, one-hot labels)."""
    metric = UnweightedAverageRecall(network.output_shape[-1])
    for inputs, labels in data:
        metric.update_state(labels, network.predict_on_batch(inputs))
    return float(metric.result())
