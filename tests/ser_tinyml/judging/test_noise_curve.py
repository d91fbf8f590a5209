import dataclasses

import numpy as np
import pytest

from schemas.front_end import FrontEnd, Standardisation
from schemas.record import Audio, Example
from ser_tinyml.audio.features import compute_features
from ser_tinyml.judging import noise_curve
from ser_tinyml.judging.noise_curve import choose_clips, measure_noise, mix_below
from ser_tinyml.runtimes.predictions import Predictions

FRONT_END = dataclasses.replace(FrontEnd(), window_samples=16_000)
RATE = FRONT_END.sample_rate


def rms(samples):
    return np.sqrt(np.mean(np.square(samples)))


def make_clips(speakers=("a", "b"), takes=4):
    """Low tones of the one class, high ones of the other, each followed by a second window."""
    clips, sound, true = [], [], []
    time = np.arange(FRONT_END.window_samples) / RATE
    for speaker in speakers:
        for take in range(takes):
            label = take % 2
            clip_id = f"{speaker}{take}"
            tone = 8000 * np.sin(2 * np.pi * (300, 3000)[label] * time * (1 + 0.01 * take))
            clips.append(Example(clip_id, "tess", speaker, "sad", label, 0, 0, "clean", False, np.zeros((32, 13))))
            sound += [Audio(clip_id, 0, window, np.rint(tone).astype(np.int16)) for window in (0, 1)]
            true.append(label)
    return clips, sound, np.array(true)


class ByBrightness:
    """Takes windows for the second class whose MFCC 1 is small: of low tones it is 35 with noise of 40 dB, and 15 with 20."""

    def predict(self, inputs, begins=None):
        bright = (inputs[:, :, 1].mean(axis=1) < 20).astype(int)
        return Predictions(np.eye(2, dtype=np.float32)[bright], latency_ms=0.0)


class Listening(ByBrightness):
    """Keeps what it is given at each level."""

    def __init__(self):
        self.heard = []

    def predict(self, inputs, begins=None):
        self.heard.append(inputs)
        return super().predict(inputs)


def measure(clips, sound, true, runtime=None):
    identity = Standardisation.identity(13)
    runtime = runtime or ByBrightness()
    return measure_noise(runtime, clips, sound, true=true, front_end=FRONT_END, standardisation=identity)


def test_levels_go_from_quiet_to_loud_and_noise_costs_more_the_louder_it_is():
    found = measure(*make_clips())
    assert [(level.kind, level.level) for level in found] == [
        *((kind, level) for kind in ("white", "hum", "babble") for level in (40, 30, 20, 10, 5, 0)),
        *(("hiss", level) for level in (-80, -70, -60, -50)),
    ]
    white = [level.scores.uar for level in found if level.kind == "white"]
    assert white[0] == 1.0 and white[-1] == 0.5 and white == sorted(white, reverse=True)
    assert all(
        level.scores.clips == 8 and set(level.scores.intervals) == {"accuracy", "macro_f1", "uar"} for level in found
    )
    assert found == measure(*make_clips())


def test_sound_of_other_clips_is_passed_over_and_one_speaker_makes_no_babble():
    clips, sound, true = make_clips(speakers=("a",))
    found = measure(clips[:2], sound, true[:2])
    assert {level.kind for level in found} == {"white", "hum", "hiss"} and found[0].scores.clips == 2


@pytest.mark.parametrize("level", [40, 5, 0])
def test_noise_is_so_many_decibels_below_the_speech(level):
    speech = np.float32(0.1) * np.sin(np.arange(16_000, dtype=np.float32))
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32) * 3
    added = mix_below(speech, noise, level) - speech
    assert 20 * np.log10(rms(speech) / rms(added)) == pytest.approx(level, abs=0.01)
    np.testing.assert_allclose(added / rms(added), noise / rms(noise), atol=0.01)
    np.testing.assert_array_equal(mix_below(speech, np.zeros_like(speech), level), speech)
    on_silence = mix_below(np.zeros_like(speech), noise, level)
    assert 20 * np.log10(rms(on_silence)) == pytest.approx(-level, abs=0.01)  # of full scale, since there is no speech


def test_white_noise_and_hum_are_what_they_say_and_each_windows_own():
    one, other = (Audio("x", 0, window, np.zeros(RATE, np.int16)) for window in (0, 1))
    white = noise_curve._white(one)
    assert white.mean() == pytest.approx(0, abs=0.03) and white.std() == pytest.approx(1, abs=0.03)
    assert abs(np.corrcoef(white, noise_curve._white(other))[0, 1]) < 0.03
    np.testing.assert_array_equal(white, noise_curve._white(one))
    hum, later = noise_curve._hum(one, RATE), noise_curve._hum(other, RATE)
    for each in (hum, later):
        spectrum = np.abs(np.fft.rfft(each)) * 2 / RATE
        lines = np.flatnonzero(spectrum > 0.01)
        np.testing.assert_array_equal(lines, 50 * np.arange(1, 9))
        np.testing.assert_allclose(spectrum[lines], 1 / np.arange(1, 9), atol=0.01)
    assert not np.allclose(hum, later)


def test_babble_is_of_six_windows_of_others_as_loud_as_each_other():
    rng = np.random.default_rng(0)
    speech = [rng.standard_normal(4000).astype(np.float32) * (1 + number) for number in range(12)]
    speakers = ["a"] * 4 + ["b"] * 8
    babble = noise_curve._babble(Audio("x", 0, 0, np.zeros(4000, np.int16)), "a", speech, speakers)
    weights = [float(np.dot(babble, each) / np.dot(each, each) * rms(each)) for each in speech]
    taken = [number for number, weight in enumerate(weights) if weight > 0.5]
    assert len(taken) == 6 and min(taken) >= 4
    np.testing.assert_allclose([weights[number] for number in taken], 1, atol=0.1)
    few = noise_curve._babble(Audio("x", 0, 0, np.zeros(4000, np.int16)), "a", speech[:5], speakers[:5])
    np.testing.assert_allclose(few, speech[4] / rms(speech[4]), rtol=1e-5)


def test_clips_are_chosen_by_hash_and_keep_their_order():
    clips, _, _ = make_clips(takes=10)
    chosen = choose_clips(clips, 5)
    assert chosen == sorted(chosen) and len(set(chosen)) == 5 and chosen != list(range(5))
    names = {clips[number].clip_id for number in chosen}
    assert {clips[::-1][number].clip_id for number in choose_clips(clips[::-1], 5)} == names
    assert choose_clips(clips, 100) == list(range(20))


def test_the_model_hears_the_windows_themselves_with_little_noise():
    clips, sound, true = make_clips(takes=1)
    runtime = Listening()
    measure(clips, sound, true, runtime)
    clean = [compute_features(audio.samples / np.float32(32768), FRONT_END, "waveform") for audio in sound]
    loudest, quietest = (np.abs(runtime.heard[number][:, :, 0] - np.stack(clean)[:, :, 0]) for number in (5, 6))
    assert quietest.mean() < 60 < loudest.mean()  # of a hum of 40 dB and white noise of 0 dB, in MFCC 0


def test_hiss_has_a_level_of_its_own_whatever_the_speech():
    clips, sound, true = make_clips(takes=1)
    silence = [Audio(audio.clip_id, 0, audio.window, np.zeros_like(audio.samples)) for audio in sound]
    runtime = Listening()
    measure(clips, silence, true, runtime)
    noise = np.random.default_rng(1).standard_normal(FRONT_END.window_samples, np.float32)
    for heard, level in zip(runtime.heard[-4:], (-80, -70, -60, -50), strict=True):
        expected = compute_features(noise * np.float32(10 ** (level / 20)), FRONT_END, "waveform")
        assert heard[:, 1:-1, 0].mean() == pytest.approx(expected[1:-1, 0].mean(), abs=4)  # a decibel is 11 of MFCC 0


def test_hums_begin_anywhere_in_their_period():
    period = np.zeros(RATE // 50, np.int16)
    hums = [noise_curve._hum(Audio("x", 0, window, period), RATE) for window in range(400)]
    phases = np.sort([np.angle(np.fft.rfft(hum)[1]) for hum in hums])
    uniform = np.linspace(-np.pi, np.pi, len(phases))
    assert np.abs(phases - uniform).max() / (2 * np.pi) < 0.1
