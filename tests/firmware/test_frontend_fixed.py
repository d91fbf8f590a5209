"""The C front end in integers against the Python features that models are trained on."""

import dataclasses

import numpy as np
import pytest

from schemas.front_end import PROSODY, FrontEnd, Standardisation
from ser_tinyml.audio.features import compute_features
from ser_tinyml.audio.standardise import standardise
from tests.firmware.differential_frontend import compare, draw_front_end, draw_sound
from tests.firmware.front_ends import CFrontEnd, compile_front_end, to_float
from tests.firmware.sounds import choose_recordings, cut_windows, make_signals, make_speech

WITH_PROSODY = dataclasses.replace(FrontEnd(), prosody=PROSODY)
SHARED = {"window_samples": 25_600, "window_hop_samples": 8_192, "center": False}
SCALE, ZERO_POINT = 0.040859, 15  # of the demo's model
SHARE = 0.01  # of the features that may be a step off


@pytest.fixture(scope="module")
def default(tmp_path_factory) -> CFrontEnd:
    return compile_front_end(tmp_path_factory.mktemp("default"), None, WITH_PROSODY)


def compute_all(windows: list[np.ndarray], front_end: FrontEnd) -> np.ndarray:
    """float32 [windows, frames, features], by Python."""
    return np.stack([compute_features(to_float(window), front_end, "waveform") for window in windows])


def measure_standardisation(features: np.ndarray) -> Standardisation:
    values = features.reshape(-1, features.shape[-1]).astype(np.float64)
    return Standardisation(tuple(values.mean(axis=0)), tuple(values.std(axis=0)))


def count_steps(c: CFrontEnd, windows, python, standardisation, scale=SCALE, zero_point=ZERO_POINT) -> np.ndarray:
    """How many steps of int8 each feature of C is from Python's."""
    levels = np.round(standardise(python, standardisation).astype(np.float64) / scale) + zero_point
    return np.abs(np.stack([c.features(window) for window in windows]) - np.clip(levels, -128, 127))


@pytest.mark.parametrize(
    "changes",
    [
        {"prosody": PROSODY},
        {"prosody": PROSODY, **SHARED},
        {"prosody": PROSODY, "fmin": 125.0},
        {"n_fft": 1024, "hop_length": 400, "n_mels": 64, "prosody": ("voicing", "energy")},
        {"n_fft": 512, "hop_length": 256, "n_mels": 40, "n_mfcc": 40},
        {
            "sample_rate": 8000,
            "window_samples": 24_064,  # an even number of frames
            "n_fft": 1024,
            "n_mels": 41,
            "fmax": 3800.0,
            "fmin": 60.0,
            "n_mfcc": 20,
            "prosody": PROSODY,
        },
        {"n_fft": 4096, "n_mels": 3, "n_mfcc": 3, "amin": 1e-6, "top_db": 60.0},
    ],
    ids=str,
)
def test_features_are_pythons_to_a_step_in_one_of_100_values(tmp_path, changes):
    front_end = dataclasses.replace(FrontEnd(), **changes)
    signals = make_signals()
    if front_end.fmin:
        del signals["constant"]  # of which nothing is left but Python's rounding, and its pitch
    windows = [np.resize(signal, front_end.window_samples) for signal in signals.values()]
    python = compute_all(windows, front_end)
    standardisation = measure_standardisation(python)
    c = compile_front_end(tmp_path, None, front_end, standardisation, (SCALE, ZERO_POINT))
    steps = count_steps(c, windows, python, standardisation)
    print(f"{np.mean(steps > 0):.3%} of the features differ, by at most {steps.max():.0f}")
    assert steps.max() <= 1
    assert np.mean(steps > 0) <= SHARE


@pytest.mark.parametrize("name", make_signals())
def test_values_are_pythons(default, name):
    samples = make_signals()[name]
    python, c = compute_features(to_float(samples), WITH_PROSODY, "waveform"), default.values(samples)
    np.testing.assert_allclose(c, python, rtol=0, atol=0.01)
    np.testing.assert_allclose(c[:, 13:], python[:, 13:], rtol=0, atol=2e-4)


@pytest.mark.parametrize(("mean", "deviation", "scale"), [(0.0, 1.0, 1.0), (-3000.0, 0.01, 0.02), (5.0, 2000.0, 0.5)])
def test_any_scale_of_the_model_is_met(tmp_path, mean, deviation, scale):
    front_end, speech = FrontEnd(), [make_speech()]
    standardisation = Standardisation((mean, *[deviation] * 12), (deviation,) * 13)
    c = compile_front_end(tmp_path, None, front_end, standardisation, (scale, 3))
    levels = standardise(c.values(speech[0]), standardisation).astype(np.float64) / scale + 3
    steps = count_steps(c, speech, c.values(speech[0])[np.newaxis], standardisation, scale, 3)[0]
    undecided = np.abs(levels - np.floor(levels) - 0.5) < 1e-3 + 1e-6 * np.abs(levels)  # float has 24 bits
    assert not steps[~undecided].any()
    assert steps.max() <= 1
    assert np.mean(undecided) < 0.2


def test_a_ring_buffer_that_wraps_gives_the_bits_of_a_linear_one(default):
    speech, start = make_speech(), 23_000
    ring = np.full(24_100, 12_345, np.int16)
    ring[(start + np.arange(len(speech))) % len(ring)] = speech
    np.testing.assert_array_equal(default.values(ring, len(ring), start), default.values(speech))


def test_frames_that_windows_share_give_the_bits_of_each_window(tmp_path):
    front_end = dataclasses.replace(WITH_PROSODY, **SHARED)
    c = compile_front_end(tmp_path, None, front_end, quantization=(0.05, 0))
    sound = np.concatenate([make_speech(40_000), make_speech(20_000) // 100])
    for end in range(front_end.window_samples, len(sound), 16 * front_end.hop_length):
        window = np.ascontiguousarray(sound[end - front_end.window_samples : end])
        first = end % (2 * front_end.hop_length)
        np.testing.assert_array_equal(c.latest(np.ascontiguousarray(sound[:end]), front_end, first), c.features(window))


@pytest.mark.parametrize("seed", range(3))
def test_random_sounds_through_random_front_ends_are_pythons(tmp_path, seed):
    """More: `python -m tests.firmware.differential_frontend --fixed`."""
    front_end, rng = draw_front_end(seed), np.random.default_rng(seed)
    c = compile_front_end(tmp_path, None, front_end)
    for _ in range(20):
        found = compare(front_end, c, draw_sound(rng, front_end.window_samples))
        assert found.is_small(), found


def test_features_of_real_recordings_are_pythons_to_a_step_in_one_of_100_values(real_corpora, tmp_path):
    windows = [window for path in choose_recordings(real_corpora) for window in cut_windows(path)]
    python = compute_all(windows, WITH_PROSODY)
    standardisation = measure_standardisation(python)
    c = compile_front_end(tmp_path, None, WITH_PROSODY, standardisation, (SCALE, ZERO_POINT))
    steps = count_steps(c, windows, python, standardisation)
    other_period = (steps > 1).any(axis=2)
    print(
        f"{len(windows)} windows: {np.mean(steps > 0):.3%} of the features differ by a step; "
        f"{np.count_nonzero(other_period)} of {other_period.size} frames have another period, which fits as well"
    )
    assert np.mean(steps > 0) <= SHARE
    assert steps[..., :13].max() <= 1 and steps[..., 15].max() <= 1
    assert np.mean(other_period) < 0.0002
