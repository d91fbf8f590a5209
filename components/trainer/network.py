"""The network: LSTMs over MFCC frames, a ReLU layer, a softmax over the classes."""

import tensorflow as tf


def build_network(
    input_shape: tuple[int, int],
    lstm_units: tuple[int, ...],
    dense_units: int,
    dropout: float,
    n_classes: int,
) -> tf.keras.Sequential:
    """A tf-keras Sequential, float32 [batch, frames, coefficients] -> [batch, n_classes] probabilities.

    All but the last LSTM hand on their whole sequence. Sequential, because only then TFLite's converter fuses the LSTMs.
    """
    layers = [tf.keras.layers.Input(shape=input_shape, name="mfcc")]
    for depth, units in enumerate(lstm_units, start=1):
        layers.append(tf.keras.layers.LSTM(units, return_sequences=depth < len(lstm_units), name=f"lstm_{depth}"))
    layers.append(tf.keras.layers.Dense(dense_units, activation="relu", name="dense"))
    layers.append(tf.keras.layers.Dropout(dropout, name="dropout"))
    layers.append(tf.keras.layers.Dense(n_classes, activation="softmax", name="probabilities"))
    return tf.keras.Sequential(layers, name="ser")
