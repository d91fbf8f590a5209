"""The features of the graph are the data job's."""

import numpy as np
import pytest

from schemas.front_end import PROSODY, FrontEnd
from ser_tinyml.audio.clip import to_pcm
from ser_tinyml.audio.features import compute_features
from ser_tinyml.serving.features import compute_features_in_graph

FRONT_ENDS = {
    "default": FrontEnd(),
    "prosody": FrontEnd(prosody=PROSODY),
    "prosody, without what is below the mel bands": FrontEnd(prosody=PROSODY, fmin=125.0),
    "some prosody, frames that windows share": FrontEnd(
        prosody=("voicing", "energy"), center=False, window_hop_samples=8192
    ),
    "narrow": FrontEnd(
        sample_rate=8_000,
        window_samples=8_000,
        n_fft=512,
        hop_length=200,
        n_mels=40,
        fmin=80.0,
        fmax=3_800.0,
        n_mfcc=20,
    ),
}


@pytest.mark.parametrize("name", FRONT_ENDS)
@pytest.mark.parametrize("sound", ["voice", "quiet voice", "half silence", "silence"])
def test_features_are_those_of_the_data_job(name, sound):
    front_end = FRONT_ENDS[name]
    time = np.arange(front_end.window_samples) / front_end.sample_rate
    pitch = 120 + 40 * np.sin(2 * np.pi * time)
    voice = sum(
        np.sin(2 * np.pi * number * np.cumsum(pitch) / front_end.sample_rate) / number for number in range(1, 12)
    )
    voice = 0.1 * voice + 0.003 * np.random.default_rng(1).standard_normal(len(time))
    samples = {
        "voice": voice,
        "quiet voice": 0.002 * voice,
        "half silence": np.where(time < time[-1] / 2, voice, 0),
        "silence": 0 * voice,
    }[sound]
    window = to_pcm(samples.astype(np.float32), len(samples)) / np.float32(32768)
    expected = compute_features(window, front_end, padding="waveform")
    found = compute_features_in_graph(window, front_end).numpy()
    assert found.shape == (front_end.n_frames, front_end.n_features) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)
