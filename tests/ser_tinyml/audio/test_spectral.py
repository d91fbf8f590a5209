import librosa
import numpy as np
import pytest

from schemas.front_end import FrontEnd
from ser_tinyml.audio import spectral
from ser_tinyml.audio.mel import mel_filterbank
from ser_tinyml.audio.resample import resample


def make_speech(length: int = 24_000) -> np.ndarray:
    time = np.arange(length) / 16_000
    noise = np.random.default_rng(length).standard_normal(length)
    return (0.2 * np.sin(2 * np.pi * 220 * time) * np.sin(5 * time) + 0.01 * noise).astype(np.float32)


@pytest.mark.parametrize("length", [2_048, 23_999, 24_000, 24_577])
@pytest.mark.parametrize("rate", [0.31, 0.5, 0.8, 1.0, 1.37, 3.0])
def test_time_stretch_is_librosas(length, rate):
    samples = make_speech(length)
    # In double precision: in single, librosa's running phases are off by up to 0.004 radians.
    expected = librosa.effects.time_stretch(samples.astype(np.float64), rate=rate)
    stretched = spectral.time_stretch(samples, rate)
    assert stretched.dtype == np.float32 and stretched.shape == expected.shape
    np.testing.assert_allclose(stretched, expected, atol=2e-5)


def test_time_stretch_computes_no_more_than_is_asked_for():
    samples = make_speech()
    whole, part = spectral.time_stretch(samples, 0.8), spectral.time_stretch(samples, 0.8, 24_000)
    assert len(part) == 24_000
    np.testing.assert_allclose(part, whole[:24_000], atol=1e-6)


@pytest.mark.parametrize("semitones", [-5.0, -0.7, 0.7, 4.0])
@pytest.mark.parametrize("length", [5_000, 24_000])
def test_pitch_shift_is_librosas(semitones, length):
    samples = make_speech(length)
    expected = librosa.effects.pitch_shift(samples.astype(np.float64), sr=16_000, n_steps=semitones)
    np.testing.assert_allclose(spectral.pitch_shift(samples, 16_000, semitones), expected, atol=2e-5)


def test_silence_inside_the_signal_keeps_librosas_phases():
    samples = make_speech()
    samples[8_000:16_000] = 0
    expected = librosa.effects.time_stretch(samples.astype(np.float64), rate=0.8)
    np.testing.assert_allclose(spectral.time_stretch(samples, 0.8), expected, atol=2e-5)


@pytest.mark.parametrize(("n_fft", "hop_length"), [(2_048, 512), (512, 160), (400, 160)])
def test_stft_is_librosas(n_fft, hop_length):
    expected = librosa.stft(make_speech().astype(np.float64), n_fft=n_fft, hop_length=hop_length)
    np.testing.assert_allclose(spectral.stft(make_speech(), n_fft, hop_length), expected.T, atol=2e-5)


def test_spectra_are_kept_by_identity_and_not_by_value():
    samples = make_speech()
    assert spectral.stft(samples, 2_048, 512) is spectral.stft(samples, 2_048, 512)
    assert spectral.stft(samples, 2_048, 512) is not spectral.stft(samples.copy(), 2_048, 512)


@pytest.mark.parametrize("rates", [(48_000, 16_000), (22_050, 16_000), (8_000, 16_000), (16_660.19, 16_000)])
def test_resampling_is_librosas(rates):
    expected = librosa.resample(make_speech(), orig_sr=rates[0], target_sr=rates[1])
    np.testing.assert_array_equal(resample(make_speech(), *rates), expected)


@pytest.mark.parametrize("front_end", [FrontEnd(), FrontEnd(n_mels=40, fmin=100.0, fmax=4_000.0, n_fft=512)])
def test_mel_filterbank_is_librosas(front_end):
    expected = librosa.filters.mel(
        sr=front_end.sample_rate,
        n_fft=front_end.n_fft,
        n_mels=front_end.n_mels,
        fmin=front_end.fmin,
        fmax=front_end.fmax,
    )
    np.testing.assert_allclose(mel_filterbank(front_end), expected, atol=1e-8)
