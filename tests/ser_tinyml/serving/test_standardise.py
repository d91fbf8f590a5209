import numpy as np
import pytest
import tensorflow as tf

from schemas.front_end import CMVN_MEMORY_WINDOWS, FrontEnd, Standardisation
from ser_tinyml.audio.standardise import Heard
from ser_tinyml.serving.standardise import standardise_recording_in_graph

CONSTANTS = Standardisation((1.0, -2.0, 3.0), (2.0, 4.0, 0.5))


@pytest.mark.parametrize("prior", [0, 8])
@pytest.mark.parametrize("count", [1, 7, CMVN_MEMORY_WINDOWS + 50])
def test_the_graph_hears_a_recording_as_python_does(prior, count):
    front_end = FrontEnd(n_mfcc=3, cmvn_prior_windows=prior)
    windows = np.random.default_rng(count).normal(5, 3, (count, 6, 3)).astype(np.float32)
    windows[::3, 4:] = 0  # frames that pad
    windows[count // 2] = 0  # a window that is all padding
    graph = tf.function(
        lambda given: standardise_recording_in_graph(given, front_end, CONSTANTS),
        input_signature=[tf.TensorSpec((None, 6, 3), tf.float32)],
    )
    np.testing.assert_allclose(graph(windows), Heard(front_end, CONSTANTS).standardise(windows), rtol=1e-5, atol=1e-5)


def test_a_microphone_that_is_stuck_keeps_a_deviation():
    front_end = FrontEnd(n_mfcc=3, cmvn_prior_windows=1)
    windows = np.ones((200, 6, 3), np.float32)
    found = standardise_recording_in_graph(tf.constant(windows), front_end, CONSTANTS)
    np.testing.assert_allclose(found, Heard(front_end, CONSTANTS).standardise(windows), rtol=1e-4, atol=1e-4)
