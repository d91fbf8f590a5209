"""Temperature scaling (Guo et al. 2017, arXiv:1706.04599): probabilities that are right as often as they say.

A network that knows its training speakers by heart is sure of everything. In int8 its outputs then stand at 0 or 255 of 256,
and where windows of a clip disagree, nothing is left to vote by.
"""

import numpy as np
import scipy.optimize
import scipy.special
import tensorflow as tf

from ser_tinyml.network.training_data import NO_WINDOW

_RANGE = (0.1, 20.0)


def scale_to_validation(
    network: tf.keras.Model, validation: tf.data.Dataset, trained: tf.keras.Model | None = None
) -> float:
    """Divides the logits of a network by the temperature that fits the validation split, and gives that back.

    Args:
      network: ends with a Dense layer of softmax, whose weights are changed; which class is the likeliest stays.
      validation: (standardised MFCCs, label) one by one; of utterances (theirs, a label for each window).
      trained: what takes these inputs, with the network's weights, where that is not the network itself.
    """
    mfcc, labels = (np.stack(each) for each in zip(*validation.as_numpy_iterator(), strict=True))
    last, taker = network.layers[-1], trained or network
    before = tf.keras.Model(taker.inputs, taker.layers[-2].output).predict(mfcc, batch_size=256, verbose=0)
    kernel, bias = last.get_weights()
    there = labels != NO_WINDOW
    temperature = find_temperature(before[there] @ kernel + bias, labels[there])
    last.set_weights([kernel / temperature, bias / temperature])
    return temperature


def find_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Finds what float [examples, classes] logits must be divided by for the smallest cross-entropy: 0.1 to 20."""

    def cross_entropy(logarithm: float) -> float:
        scaled = scipy.special.log_softmax(logits.astype(np.float64) / np.exp(logarithm), axis=1)
        return -scaled[np.arange(len(labels)), labels].mean()

    found = scipy.optimize.minimize_scalar(cross_entropy, bounds=tuple(np.log(_RANGE)), method="bounded")
    return float(np.exp(found.x))
