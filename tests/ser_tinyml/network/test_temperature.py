import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from ser_tinyml.network.architecture import Architecture
from ser_tinyml.network.temperature import find_temperature, scale_to_validation


def draw(logits: np.ndarray) -> np.ndarray:
    """A label for each example, by the probabilities that the logits stand for."""
    rng = np.random.default_rng(1)
    probabilities = scipy.special.softmax(logits, axis=1)
    return (probabilities.cumsum(axis=1) > rng.random((len(logits), 1))).argmax(axis=1)


@pytest.mark.parametrize("factor", [0.5, 1, 4])
def test_logits_that_are_so_many_times_too_large_are_divided_by_that(factor):
    logits = np.random.default_rng(0).normal(0, 2, (20_000, 4))
    assert find_temperature(factor * logits, draw(logits)) == pytest.approx(factor, rel=0.05)


def test_a_networks_probabilities_fit_and_its_classes_stay():
    tf.keras.utils.set_random_seed(0)
    network = Architecture((10, 3), (8,), 6, 0.3, 4).build()
    network.set_weights([weight * 3 for weight in network.get_weights()])
    mfcc = np.random.default_rng(2).standard_normal((3000, 10, 3)).astype(np.float32)
    before = network.predict(mfcc, verbose=0)
    labels = draw(np.log(before) / 2)
    temperature = scale_to_validation(network, tf.data.Dataset.from_tensor_slices((mfcc, labels)))
    after = network.predict(mfcc, verbose=0)
    assert temperature == pytest.approx(2, rel=0.15)
    np.testing.assert_allclose(after, scipy.special.softmax(np.log(before) / temperature, axis=1), atol=1e-5)
    np.testing.assert_array_equal(after.argmax(axis=1), before.argmax(axis=1))


def test_what_no_temperature_improves_stays_within_bounds():
    logits = np.eye(4) * 5
    assert 0.1 <= find_temperature(logits, np.arange(4)) < 0.2  # always right: never sure enough
    assert 19 < find_temperature(logits, (np.arange(4) + 1) % 4) <= 20  # always wrong
