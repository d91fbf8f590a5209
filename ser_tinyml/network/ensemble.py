"""Several networks, trained apart, as one that every runtime runs as it runs any other."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ser_tinyml.network.architecture import Architecture, suffix_of


def join(architecture: Architecture, members: Sequence[tf.keras.Model]) -> tf.keras.Model:
    """Returns one network that gives the softmax of the mean of its members' logits.

    Args:
      architecture: of each member.
      members: networks as `architecture.build` makes them, two or more.
    """
    joined = dataclasses.replace(architecture, members=len(members)).build()
    for number, member in enumerate(members, start=1):
        for layer in member.layers[:-1]:
            if layer.weights:
                joined.get_layer(layer.name + suffix_of(number)).set_weights(layer.get_weights())
    kernels, biases = zip(*(member.layers[-1].get_weights() for member in members), strict=True)
    joined.layers[-1].set_weights([np.concatenate(kernels) / len(members), np.mean(biases, axis=0)])
    return joined
