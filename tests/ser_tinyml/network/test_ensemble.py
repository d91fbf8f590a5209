"""An ensemble as one network gives the mean of its members' logits."""

import dataclasses

import numpy as np
import pytest

from ser_tinyml.network.architecture import Architecture
from ser_tinyml.network.ensemble import join

_LSTMS = Architecture(input_shape=(9, 5), lstm_units=(6, 3), dense_units=5, dropout=0.3, n_classes=4)
_KINDS = {
    "lstms": _LSTMS,
    "one lstm, mean of frames": dataclasses.replace(_LSTMS, lstm_units=(4,), frame_pooling="mean"),
    "both ends": dataclasses.replace(_LSTMS, bidirectional=True),
    "convolutions": dataclasses.replace(_LSTMS, conv_filters=(3, 6), conv_kernel=3),
    "dense only": dataclasses.replace(_LSTMS, lstm_units=(), frame_pooling="flatten"),
}


def _train_members(architecture: Architecture, count: int) -> list:
    """Returns networks with weights that were drawn, normalisations' statistics among them."""
    rng = np.random.default_rng(0)
    members = []
    for _ in range(count):
        member = architecture.build()
        member.set_weights(
            [
                np.abs(rng.normal(0, 0.5, w.shape)) + 0.1 if "variance" in w.name else rng.normal(0, 0.5, w.shape)
                for w in member.weights
            ]
        )
        members.append(member)
    return members


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("kind", _KINDS)
def test_the_joined_network_gives_the_mean_of_its_members_logits(kind, count):
    architecture = _KINDS[kind]
    members = _train_members(architecture, count)
    inputs = np.random.default_rng(1).normal(size=(8, *architecture.input_shape)).astype(np.float32)

    logits = np.mean([np.log(member(inputs)) for member in members], axis=0)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(join(architecture, members)(inputs), expected, atol=1e-5)
