"""Dropout whose random state is part of a backup."""

import tensorflow as tf


class ResumableDropout(tf.keras.layers.Layer):
    """`tf.keras.layers.Dropout`, but training that goes on from a backup drops what it would have dropped."""

    def __init__(self, rate: float, seed: int = 0, **kwargs):
        super().__init__(name="dropout", **kwargs)
        self.rate = rate
        self._generator = tf.random.Generator.from_seed(seed)  # tracked by checkpoints, no weight of the model

    def call(self, inputs, training=None):
        """Returns the inputs; in training a share of `rate` is set to zero, and the others are scaled up."""
        if not training or not self.rate:
            return inputs
        kept = self._generator.uniform(tf.shape(inputs)) >= self.rate
        return tf.where(kept, inputs / (1 - self.rate), 0.0)
