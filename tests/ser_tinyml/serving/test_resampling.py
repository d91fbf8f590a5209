"""The graph resamples as the data job does, within what tensorflow-io's filter can."""

import numpy as np
import pytest
import tensorflow as tf

from ser_tinyml.audio.resample import resample
from ser_tinyml.serving.resampling import resample_in_graph


@pytest.mark.parametrize(
    ("from_rate", "most"),
    # Below 32 kHz tensorflow-io's filter decides alone, and from lower rates it is not SoX's.
    [
        (16_000, 0),
        (32_000, 1e-6),
        (48_000, 3e-3),
        (44_100, 3e-3),
        (24_414, 3e-3),
        (22_050, 3e-3),
        (96_000, 3e-3),
        (8_000, 0.03),
    ],
)
def test_samples_are_those_of_the_data_jobs_resampler(from_rate, most):
    time = np.arange(from_rate + 7) / from_rate
    samples = sum(
        0.1 * np.sin(2 * np.pi * hz * time + hz)
        for hz in (90, 440, 1_900, 3_300, 5_100, 7_100, 7_700)
        if hz < 0.45 * from_rate
    ).astype(np.float32)
    expected = resample(samples, from_rate, 16_000)
    found = resample_in_graph(tf.constant(samples), tf.constant(from_rate), 16_000).numpy()
    assert len(found) == len(expected)
    middle = slice(400, -400)
    error = np.sqrt(np.square(found - expected)[middle].mean() / np.square(expected)[middle].mean())
    assert error <= most


@pytest.mark.parametrize("rate", [0, -16_000, 3_999, 2_000_000_000])
def test_a_rate_of_no_recording_is_told(rate):
    with pytest.raises(tf.errors.InvalidArgumentError, match="a rate that is not 4000 to 768000 Hz"):
        resample_in_graph(tf.zeros(5_000), tf.constant(rate), 16_000)
