import librosa
import numpy as np
import pytest
import scipy.fft
import scipy.signal

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


def _make_voice(pitch: float, formant: float) -> np.ndarray:
    """Returns a second of pulses through one resonance, at 16 kHz."""
    pulses = np.zeros(16_000)
    pulses[:: round(16_000 / pitch)] = 1
    pole = 0.97 * np.exp(2j * np.pi * formant / 16_000)
    return 0.1 * scipy.signal.lfilter([1], [1, -2 * pole.real, abs(pole) ** 2], pulses).astype(np.float32)


def _find_peaks(samples: np.ndarray) -> tuple[float, float]:
    """Returns (Hz between harmonics, Hz of the highest point of the envelope)."""
    power = np.abs(scipy.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    harmonics = scipy.signal.find_peaks(power, height=power.max() / 1000, distance=50)[0]
    return float(np.median(np.diff(harmonics))), float(np.convolve(power, np.hanning(400), "same").argmax())


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.25])
def test_formant_shift_moves_a_resonance_and_keeps_pitch_and_length(factor):
    voice = _make_voice(160, 1200)
    shifted = spectral.formant_shift(voice, 16_000, factor)
    assert shifted.dtype == np.float32 and len(shifted) == len(voice)
    pitch, formant = _find_peaks(shifted)
    assert pitch == 160 and formant == pytest.approx(1200 * factor, rel=0.05)


def test_formant_shift_by_one_changes_nothing():
    voice = _make_voice(160, 1200)
    np.testing.assert_allclose(spectral.formant_shift(voice, 16_000, 1.0), voice, atol=1e-6)


def test_formant_shift_of_silence_is_silence():
    assert not spectral.formant_shift(np.zeros(5000, np.float32), 16_000, 1.2).any()
