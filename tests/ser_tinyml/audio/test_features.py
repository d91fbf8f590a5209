import concurrent.futures
import dataclasses
import hashlib
import pathlib

import librosa
import numpy as np
import pytest

from schemas.errors import UserError
from schemas.front_end import FrontEnd
from ser_tinyml.audio.augment import PRESETS, Surroundings, make_copies, resolve_copies
from ser_tinyml.audio.decode import Crop, Undecodable, decode_window
from ser_tinyml.audio.mfcc import compute_mfcc
from ser_tinyml.audio.noise import list_noises

FRONT_END = FrontEnd()
AROUND = Surroundings(FRONT_END)


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
    first = list(make_copies(make_window(), "a" * 64, texts, around=AROUND))
    again = list(make_copies(make_window(), "a" * 64, texts, around=AROUND))
    other = list(make_copies(make_window(), "b" * 64, texts, around=AROUND))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], other[0])


def test_the_notebooks_second_copy_begins_with_its_first():
    noisy, changed = make_copies(make_window(), "a" * 64, PRESETS["notebook"], around=AROUND)
    stretched = librosa.effects.time_stretch(noisy.astype(np.float64), rate=0.8)[:24_000]
    expected = librosa.effects.pitch_shift(stretched, sr=16_000, n_steps=0.7)
    np.testing.assert_allclose(changed, expected, atol=2e-5)


def test_noise_has_the_level_that_was_asked_for():
    window = make_window()
    (noisy,) = make_copies(window, "a" * 64, ("snr_noise:10:10",), around=AROUND)
    ratio = 10 * np.log10(np.mean(window**2) / np.mean((noisy - window) ** 2))
    assert abs(ratio - 10) < 0.2


@pytest.mark.parametrize("loudness", [0.01, 1.0])
def test_hiss_has_a_level_of_its_own_whatever_the_samples(loudness):
    window = make_window() * np.float32(loudness)
    (noisy,) = make_copies(window, "a" * 64, ("hiss:-50:-50",), around=AROUND)
    assert abs(10 * np.log10(np.mean((noisy - window) ** 2)) + 50) < 0.2


def test_hum_has_a_ratio_to_the_samples_and_lies_at_multiples_of_one_low_tone():
    window = make_window()
    (humming,) = make_copies(window, "a" * 64, ("hum:10:10",), around=AROUND)
    noise = (humming - window).astype(np.float64)
    assert abs(10 * np.log10(np.mean(window**2) / np.mean(noise**2)) - 10) < 0.01
    power = np.abs(np.fft.rfft(noise * np.hanning(len(noise)))) ** 2
    hertz = np.fft.rfftfreq(len(noise), 1 / 16_000)
    nearest = {tone: min(abs(hertz[power > power.max() / 100] / tone % 1 - 0.5)) for tone in np.arange(49, 61, 0.25)}
    assert max(nearest.values()) > 0.4  # 0.5: every strong bin is at a multiple
    assert power[hertz > 13 * 61].sum() < 1e-6 * power.sum()


def test_gain_scales():
    (louder,) = make_copies(make_window(), "a" * 64, ("gain:6:6",), around=AROUND)
    np.testing.assert_allclose(louder, make_window() * 10**0.3, rtol=1e-6)


@pytest.mark.parametrize(
    ("seconds", "start"), [(0.25, 4_000), (-0.25, -4_000), (2.0, 24_000), (-2.0, -24_000), (0.0, 0)]
)
def test_time_shift_moves_the_signal_and_leaves_silence(seconds, start):
    (shifted,) = make_copies(make_window(), "a" * 64, (f"time_shift:{seconds}:{seconds}",), around=AROUND)
    expected = np.zeros(24_000, np.float32)
    if start >= 0:
        expected[start:] = make_window()[: 24_000 - start]
    else:
        expected[:start] = make_window()[-start:]
    np.testing.assert_array_equal(shifted, expected)


def test_recorded_noise_is_mixed_in_at_the_level_that_was_asked_for(write_speech):
    noises = list_noises(str(write_speech("noise/street.wav", seconds=10.0, rate=44_100).parent))
    window = make_window()
    (noisy,) = make_copies(window, "a" * 64, ("recorded_noise:10:10",), around=Surroundings(FRONT_END, noises))
    ratio = 10 * np.log10(np.mean(window**2) / np.mean((noisy - window) ** 2))
    assert abs(ratio - 10) < 0.01


def test_recorded_noise_comes_from_a_place_that_the_clip_decides(write_speech):
    for name in ("street", "train", "rain"):
        write_speech(f"noise/{name}.wav", seconds=10.0)
    around = Surroundings(FRONT_END, list_noises(str(write_speech("noise/wind.wav", seconds=10.0).parent)))
    copies = [next(make_copies(make_window(), c * 64, ("recorded_noise:10:10",), around=around)) for c in "abcdefa"]
    np.testing.assert_array_equal(copies[0], copies[-1])
    assert len({copy.tobytes() for copy in copies}) == 6


def test_short_noise_repeats(write_speech):
    path = write_speech("noise/click.wav", seconds=0.5)
    around = Surroundings(FRONT_END, list_noises(str(path.parent)))
    (noisy,) = make_copies(make_window(), "a" * 64, ("recorded_noise:10:10",), around=around)
    added = noisy - make_window()
    np.testing.assert_allclose(added[:8_000], added[8_000:16_000], atol=1e-6)


def test_noise_that_vanished_sends_the_clip_to_quarantine(write_speech):
    path = write_speech("noise/street.wav")
    around = Surroundings(FRONT_END, list_noises(str(path.parent)))
    path.unlink()
    with pytest.raises(Undecodable, match=r"street\.wav") as caught:
        next(make_copies(make_window(), "a" * 64, ("recorded_noise:10:10",), around=around))
    assert caught.value.reason == "bad_noise"


def test_a_noise_that_is_no_audio_is_named(tmp_path):
    (tmp_path / "noise.wav").write_text("hiss")
    with pytest.raises(UserError, match=r"noise\.wav: not_audio"):
        list_noises(str(tmp_path))
    (tmp_path / "noise.wav").rename(tmp_path / "noise.txt")
    with pytest.raises(UserError, match="has no file that ends in"):
        list_noises(str(tmp_path))


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
        ("gain:2:1", "lower bound first"),
        ("time_stretch:0", "'time_stretch' takes 0.1 to 10, found 0"),
        ("gain:nan:1", "'gain' takes -200 to 100, found nan, 1"),
        ("gain:0:inf", "'gain' takes"),
        ("speed:1:1e9", "'speed' takes"),
        ("amplitude_noise:-1", "'amplitude_noise' takes"),
        ("pitch_shift:1e9", "'pitch_shift' takes"),
        ("time_shift:-1e300:0", "'time_shift' takes"),
        ("snr_noise:0:1e300", "'snr_noise' takes"),
        ("hiss:-50:1", "'hiss' takes -200 to 0, found -50, 1"),
        ("formant_shift:0:1", "'formant_shift' takes 0.5 to 2"),
        ("recorded_noise:-inf:0", "'recorded_noise' takes"),
        ("speed:4:4|gain:0:0|speed:3:3|time_stretch:0.1", "all in all"),
        ("time_stretch:0.2|time_stretch:0.2", "all in all 0.1 to 10 times as fast"),
    ],
)
def test_a_copy_without_meaning_is_explained(text, complaint):
    with pytest.raises(UserError, match=complaint):
        resolve_copies((text,))


@pytest.mark.parametrize(
    "text",
    [
        *("amplitude_noise:10", "snr_noise:-100:-100", "snr_noise:200:200", "gain:-200:-200", "gain:100:100"),
        *("time_shift:-600:-600", "time_shift:600:600", "speed:0.1:0.1", "speed:10:10", "time_stretch:0.1"),
        *("time_stretch:10", "pitch_shift:-12", "pitch_shift:12"),
        *("hum:-100:-100", "hum:200:200"),
        *("hiss:-200:-200", "hiss:0:0", "formant_shift:0.5:0.5", "formant_shift:2:2"),
    ],
)
def test_the_ends_of_an_effects_range_can_be_done(text):
    samples = np.random.default_rng(0).standard_normal(32_000).astype(np.float32) * 0.1
    (copy,) = make_copies(samples, CLIP_ID, resolve_copies((text,)), around=Surroundings(FrontEnd()))
    assert 3_200 <= len(copy) <= 320_000 and np.isfinite(copy).all()


CLIP_ID = "a" * 64


def make_as_the_notebook_does(path: pathlib.Path) -> list[np.ndarray]:
    """MFCCs of the clip, of its noisy copy, and of that one stretched and shifted: librosa, called as the notebook calls it.

    The random numbers are those that `make_copies` draws for a clip of the id CLIP_ID.
    """
    samples, rate = librosa.load(path, sr=22_050)
    samples = samples[int(0.4 * rate) : int(1.9 * rate)]
    samples = librosa.resample(samples, orig_sr=rate, target_sr=16_000)
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(f"{CLIP_ID}/0".encode()).digest(), "big"))
    amplitude, normal = rng.uniform(), rng.standard_normal(len(samples), np.float32).astype(np.float64)
    noisy = samples + 0.5 * amplitude * np.amax(samples) * normal
    stretched = librosa.effects.time_stretch(noisy, rate=0.8)[:24_000]
    shifted = librosa.effects.pitch_shift(stretched, sr=16_000, n_steps=0.7)
    features = [librosa.feature.mfcc(y=y, sr=16_000, n_mfcc=13).T for y in (samples, noisy, shifted)]
    return [np.pad(mfcc, ((47 - len(mfcc), 0), (0, 0))) for mfcc in features]


def make_as_the_job_does(path: pathlib.Path) -> list[np.ndarray]:
    """The same three by the job's functions."""
    samples = decode_window(str(path), Crop(0.4, 1.9), 16_000, load_rate=22_050).samples
    copies = make_copies(samples, CLIP_ID, PRESETS["notebook"], around=AROUND)
    return [compute_mfcc(y, FRONT_END, "features") for y in (samples, *copies)]


def largest_difference(path: pathlib.Path) -> list[float]:
    pairs = zip(make_as_the_notebook_does(path), make_as_the_job_does(path), strict=True)
    return [float(np.abs(expected - found).max()) for expected, found in pairs]


@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.slow)])
def test_notebook_mode_is_the_notebook_on_real_recordings(real_corpora, every):
    """On each eighth of them, by name, and all oddities; `make test-slow` takes all."""
    folders = (real_corpora / name for name in ("ravdess", "tess", "oddities"))
    paths = sorted(path for folder in folders for kind in ("*.flac", "*.wav") for path in folder.rglob(kind))
    assert len(paths) == 1957
    paths = [path for n, path in enumerate(paths) if n % every == 0 or "oddities" in path.parts]
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        differences = np.array(list(pool.map(largest_difference, paths, chunksize=20)))
    print("largest differences (clip, noisy copy, stretched and shifted copy):", differences.max(axis=0))
    worst = [str(paths[i]) for i in np.argsort(differences.max(axis=1))[-3:]]
    assert differences.max() < 1e-3, worst
