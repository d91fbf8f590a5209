import dataclasses

import librosa
import numpy as np
import pytest

from components.transform.augment import PRESETS, make_copies, resolve_copies
from components.transform.mfcc import compute_mfcc
from schemas.artifacts import UserError
from schemas.frontend import FrontEnd

FRONT_END = FrontEnd()


def make_window(samples: int = 24_000) -> np.ndarray:
    time = np.arange(samples) / 16_000
    noise = np.random.default_rng(1).standard_normal(samples)
    return (0.2 * np.sin(2 * np.pi * 220 * time) * np.sin(5 * time) + 0.01 * noise).astype(np.float32)


def test_mfcc_is_librosas():
    mfcc = compute_mfcc(make_window(), FRONT_END, "waveform")
    assert mfcc.shape == (47, 13) and mfcc.dtype == np.float32
    np.testing.assert_allclose(mfcc.T, librosa.feature.mfcc(y=make_window(), sr=16_000, n_mfcc=13), atol=1e-3)


def test_waveform_padding_is_silence_behind_the_signal():
    padded = np.pad(make_window(16_000), (0, 8_000))
    np.testing.assert_array_equal(
        compute_mfcc(make_window(16_000), FRONT_END, "waveform"), compute_mfcc(padded, FRONT_END, "waveform")
    )


def test_feature_padding_is_zero_frames_before_the_features():
    mfcc = compute_mfcc(make_window(16_000), FRONT_END, "features")
    np.testing.assert_array_equal(mfcc[: 47 - 32], 0)
    np.testing.assert_allclose(
        mfcc[47 - 32 :].T, librosa.feature.mfcc(y=make_window(16_000), sr=16_000, n_mfcc=13), atol=1e-3
    )


def test_front_end_parameters_reach_librosa():
    changed = dataclasses.replace(FRONT_END, n_mels=64, fmax=4000.0)
    expected = librosa.feature.mfcc(y=make_window(), sr=16_000, n_mfcc=13, n_mels=64, fmax=4000.0)
    np.testing.assert_allclose(compute_mfcc(make_window(), changed, "waveform").T, expected, atol=1e-3)


def test_copies_depend_on_the_clip_and_the_number_alone():
    texts = ("snr_noise:5:30", "snr_noise:5:30")
    first = make_copies(make_window(), "a" * 64, texts, FRONT_END)
    again = make_copies(make_window(), "a" * 64, texts, FRONT_END)
    other = make_copies(make_window(), "b" * 64, texts, FRONT_END)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], other[0])


def test_the_notebooks_second_copy_begins_with_its_first():
    noisy, changed = make_copies(make_window(), "a" * 64, PRESETS["notebook"], FRONT_END)
    stretched = librosa.effects.time_stretch(noisy, rate=0.8)[:24_000]
    expected = librosa.effects.pitch_shift(stretched, sr=16_000, n_steps=0.7)
    np.testing.assert_array_equal(changed, expected)


def test_noise_has_the_level_that_was_asked_for():
    window = make_window()
    (noisy,) = make_copies(window, "a" * 64, ("snr_noise:10:10",), FRONT_END)
    ratio = 10 * np.log10(np.mean(window**2) / np.mean((noisy - window) ** 2))
    assert abs(ratio - 10) < 0.2


def test_gain_scales():
    (louder,) = make_copies(make_window(), "a" * 64, ("gain:6:6",), FRONT_END)
    np.testing.assert_allclose(louder, make_window() * 10**0.3, rtol=1e-6)


def test_presets_and_own_copies_may_be_mixed():
    assert resolve_copies(("none", "gain:-6:6")) == ("clean", "gain:-6:6")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("reverb:0.3", "unknown 'reverb'"),
        ("gain:6", "takes 2 parameters, found 1"),
        ("gain:low:high", "are numbers"),
        ("copy:0|gain:1:2", "names an earlier copy"),
        ("gain:1:2|copy:0", "comes first"),
    ],
)
def test_a_copy_without_meaning_is_explained(text, complaint):
    with pytest.raises(UserError, match=complaint):
        resolve_copies((text,))
