"""Pitch, voicing and energy, against signals of which they are known, and the autocorrelation by its definition."""

import dataclasses

import librosa
import numpy as np
import pytest

from schemas.errors import UserError
from schemas.front_end import PROSODY, FrontEnd
from ser_tinyml.audio.features import compute_features, split_features
from ser_tinyml.audio.limits import check_front_end
from ser_tinyml.audio.mel import hann_window
from ser_tinyml.audio.mfcc import compute_mfcc, compute_power
from ser_tinyml.audio.prosody import PitchSearch, compute_prosody

FRONT_END = dataclasses.replace(FrontEnd(), prosody=PROSODY)
TIME = np.arange(FRONT_END.window_samples) / FRONT_END.sample_rate


def make_voice(hz, front_end=FRONT_END):
    """A pulse train with a formant: harmonics that fall off around 700 Hz."""
    time = np.arange(front_end.window_samples) / front_end.sample_rate
    harmonics = np.arange(1, int(3000 // hz))
    weights = 1 / (1 + ((harmonics * hz - 700) / 400) ** 2)
    return (0.1 * (weights[:, np.newaxis] * np.cos(2 * np.pi * hz * harmonics[:, np.newaxis] * time)).sum(0)).astype(
        np.float32
    )


def find(samples, front_end=FRONT_END):
    """Columns of the frames that hold no edge of the window."""
    prosody = compute_prosody(compute_power(samples, front_end, "waveform"), front_end)
    edge = 1 + front_end.n_fft // 2 // front_end.hop_length
    return dict(zip(front_end.prosody, prosody[edge:-edge].T, strict=True))


@pytest.mark.parametrize("hz", [65, 90, 120, 180.5, 250, 333, 480])
def test_a_voice_has_its_pitch(hz):
    found = find(make_voice(hz))
    np.testing.assert_allclose(found["pitch"], np.log2(hz / 62.5), atol=0.02)  # a quarter of a semitone
    assert found["voicing"].min() > 0.93


@pytest.mark.parametrize("hz", [100, 220, 450])
def test_a_pure_tone_has_the_shortest_of_its_periods(hz):
    found = find((0.3 * np.sin(2 * np.pi * hz * TIME)).astype(np.float32))
    np.testing.assert_allclose(found["pitch"], np.log2(hz / 62.5), atol=0.02)
    np.testing.assert_allclose(found["energy"], 20 * np.log10(0.3 / np.sqrt(2)), atol=0.01)


def test_noise_has_no_voice_and_silence_nothing():
    noise = np.random.default_rng(0).standard_normal(len(TIME)).astype(np.float32) * 0.1
    assert find(noise)["voicing"].mean() < 0.3
    silence = find(np.zeros(len(TIME), np.float32))
    assert not silence["pitch"].any() and not silence["voicing"].any()
    np.testing.assert_allclose(silence["energy"], -100, atol=1e-4)


def test_energy_is_cut_off_below_the_loudest_frame():
    samples = make_voice(200)
    samples[len(samples) // 2 :] *= 1e-6
    energy = compute_prosody(compute_power(samples, FRONT_END, "waveform"), FRONT_END)[:, 2]
    assert energy.min() == pytest.approx(energy.max() - FRONT_END.top_db, abs=1e-4)


@pytest.mark.parametrize("hertz", [90, 140, 260])
def test_hum_below_the_mel_bands_is_not_heard(hertz):
    """A mains hum louder than the voice is a pitch of its own, unless the mel bands begin above it: then nothing changes."""
    hum = 0.3 * np.sin(2 * np.pi * 50 * TIME) + 0.1 * np.sin(2 * np.pi * 100 * TIME)
    above, voice = dataclasses.replace(FRONT_END, fmin=125.0), make_voice(hertz)
    alone, together, all_heard = find(voice, above), find(voice + hum, above), find(voice + hum)
    for name, accuracy in {"pitch": 0.02, "voicing": 0.02, "energy": 0.2}.items():
        np.testing.assert_allclose(together[name], alone[name], atol=accuracy)
        assert np.abs(all_heard[name] - alone[name]).max() > accuracy
    np.testing.assert_allclose(alone["pitch"], np.log2(hertz / 62.5), atol=0.02)


def test_voicing_is_the_autocorrelation_of_the_low_passed_frame():
    """By its definition: the frame's own sum of products at the lag that was found, over the window's."""
    samples = make_voice(140)
    frame = librosa.util.frame(np.pad(samples, 1024), frame_length=2048, hop_length=512)[:, 20] * hann_window(2048)
    spectrum = np.fft.rfft(frame)
    spectrum[np.fft.rfftfreq(2048, 1 / 16_000) >= 2000], spectrum[0] = 0, 0
    low = np.fft.irfft(spectrum)
    lag = 2 * round(8000 / 140)

    def correlate(signal):
        return np.dot(signal, np.roll(signal, lag)) / np.dot(signal, signal)

    expected = correlate(low) / correlate(hann_window(2048))
    found = compute_prosody(compute_power(samples, FRONT_END, "waveform"), FRONT_END)[20, 1]
    assert found == pytest.approx(expected, abs=1e-5)


def test_features_are_the_mfccs_and_the_columns_in_order():
    samples = make_voice(150)
    chosen = dataclasses.replace(FRONT_END, prosody=("voicing", "energy"))
    mfcc, columns = split_features(compute_features(samples, chosen, "waveform"), chosen)
    np.testing.assert_array_equal(mfcc, compute_mfcc(samples, FrontEnd(), "waveform"))
    everything = compute_prosody(compute_power(samples, FRONT_END, "waveform"), FRONT_END)
    assert list(columns) == ["voicing", "energy"]
    np.testing.assert_array_equal(columns["voicing"], everything[:, 1])
    np.testing.assert_array_equal(columns["energy"], everything[:, 2])
    np.testing.assert_array_equal(compute_features(samples, FrontEnd(), "waveform"), mfcc)


def test_frames_that_pad_are_zeros():
    features = compute_features(make_voice(150)[:16_000], FRONT_END, "features")
    assert features.shape == (47, 16) and not features[:15].any() and features[15:].any(axis=1).all()


def test_another_rate_has_the_same_pitch():
    slow = dataclasses.replace(
        FRONT_END, sample_rate=8000, window_samples=12_000, n_fft=1024, hop_length=256, fmax=4000.0
    )
    np.testing.assert_allclose(find(make_voice(200, slow), slow)["pitch"], np.log2(200 / 62.5), atol=0.02)
    assert PitchSearch.from_front_end(slow).rate == 4000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"prosody": ("energy", "pitch")},
            "prosody=energy,pitch: expected some of pitch,voicing,energy, each once",
        ),
        ({"prosody": ("pitch", "pitch")}, "prosody=pitch,pitch"),
        ({"prosody": ("jitter",)}, "prosody=jitter"),
        ({"n_fft": 256, "n_mels": 20}, "n_fft=256: a frame of 16 ms does not hold two periods of 62.5 Hz"),
        ({"fmin": 501.0}, "fmin=501: pitch is found by harmonics from there to 2000 Hz; take at most 500 Hz"),
    ],
)
def test_what_can_not_be_is_told(changes, message):
    with pytest.raises(UserError, match=message):
        check_front_end(dataclasses.replace(FRONT_END, **changes))
