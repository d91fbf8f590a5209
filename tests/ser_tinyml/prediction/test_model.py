"""What a model says of recordings, of any length."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

import ser_tinyml
from schemas.errors import UserError
from ser_tinyml.audio.clip import cut_windows
from ser_tinyml.audio.resample import resample
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.needs("cc")
RATE = 16_000


def test_samples_are_heard_as_their_file_is(model, held_out):
    samples, rate = soundfile.read(held_out[0].path, dtype="float32")
    pcm, _ = soundfile.read(held_out[0].path, dtype="int16")
    expected = model.predict_file(held_out[0].path)
    for given in (samples, pcm, np.stack([samples, samples], axis=1), samples.astype(np.float64)):
        found = model.predict(given, rate)
        assert found.probabilities == expected.probabilities and found.label == expected.label
        np.testing.assert_array_equal(found.window_probabilities, expected.window_probabilities)


def test_an_answer_below_the_models_threshold_is_uncertain(demo_root, model, held_out):
    found = [model.predict_file(recording.path) for recording in held_out]
    for prediction in found:
        assert prediction.uncertain == (prediction.probabilities[prediction.label] < prediction.reject_below)
        assert prediction.probabilities[prediction.label] == max(prediction.probabilities.values())
    assert {prediction.uncertain for prediction in found} == {True, False}


@pytest.mark.parametrize(
    ("runtime", "sound"),
    [
        *(("engine", sound) for sound in ("silence", "offset", "hiss", "hum", "a click")),
        *(("device", sound) for sound in ("silence", "hiss", "hum", "a click")),  # an offset's sudden end is loud to it
    ],
)
def test_where_nobody_speaks_no_emotion_is_told(demo_root, runtime, sound):
    time = np.arange(3 * RATE) / RATE
    samples = {
        "silence": np.zeros(len(time)),
        "offset": np.full(len(time), 0.1),
        "hiss": 0.02 * np.random.default_rng(0).standard_normal(len(time)),
        "hum": 0.1 * np.sin(2 * np.pi * 50 * time),
        "a click": np.where(np.arange(len(time)) == 20_000, 0.9, 0.0),
    }[sound]
    found = ser_tinyml.load(str(demo_root), runtime).predict(samples, RATE)
    assert not found.has_speech and found.label is None and found.probabilities == {} and not found.uncertain
    assert found.to_json() == {"class": None, "uncertain": False, "probabilities": {}, "seconds": 3.0, "windows": []}


def test_a_long_recording_is_the_vote_of_its_speech_without_the_pauses(model, held_out):
    one, other = (recording.decode() for recording in held_out[:2])
    pause = 1e-4 * np.random.default_rng(0).standard_normal(9 * RATE).astype(np.float32)
    found = model.predict(np.concatenate([one, pause, other]), RATE)
    second = (len(one) + len(pause)) / RATE
    starts = found.window_starts
    assert len(starts) > 2 and not any(len(one) / RATE < start < second - found.window_seconds for start in starts)
    before = model.predict(one, RATE)
    np.testing.assert_array_equal(found.window_probabilities[: len(before.window_starts)], before.window_probabilities)


@pytest.mark.parametrize("level", [0.0, 1e-4])
def test_a_pause_in_a_clip_is_decided_about_as_the_evaluator_does(model, held_out, level):
    one = held_out[0].decode()
    clip = np.concatenate([one, np.full(3 * RATE, level, np.float32), one])
    found = model.predict(clip, RATE)
    assert found.seconds < 10
    windows = cut_windows(clip, clip, model.front_end)  # those of the data job: without what is all zeros
    assert len(found.window_starts) == len(windows)
    assert (np.diff(found.window_starts).max() > 0.5) == (level == 0.0)


def test_an_hour_needs_no_more_memory_than_a_minute(demo_root, held_out, tmp_path):
    """By what the process holds at most; here it is seven minutes against one."""
    speech = np.concatenate([recording.decode() for recording in held_out[:25]])
    most = {}
    for minutes in (1, 7):
        path = tmp_path / f"{minutes}.flac"
        soundfile.write(path, np.resize(speech, minutes * 60 * RATE), RATE)
        code = f"""
import pathlib, re, ser_tinyml
found = ser_tinyml.load({str(demo_root)!r}, "engine").predict_file({str(path)!r})
assert found.seconds == {minutes * 60} and len(found.window_starts) > {minutes * 100}
print(re.search(r"VmHWM: *(\\d+)", pathlib.Path("/proc/self/status").read_text().replace("\\t", " "))[1])
"""
        shown = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, capture_output=True)
        most[minutes] = int(shown.stdout)
    assert most[7] - most[1] < 5_000  # KiB; its samples alone are 11,000 more


@pytest.mark.parametrize(
    ("samples", "rate", "told"),
    [
        (np.zeros(100), RATE, "too_short: 100 samples at 16000 Hz: less than a frame of 2048"),
        (np.array([np.nan] * 5000), RATE, "no finite numbers"),
        (np.zeros((2, 2, 2)), RATE, r"3 dimensions, expected \[samples\] or \[samples, channels\]"),
        (np.zeros(5000, np.int32), RATE, r"the samples are int32, expected float in \[-1, 1\] or int16"),
        (np.zeros(5000), 0, "the rate is 0, expected a positive number of Hz"),
    ],
)
def test_what_is_no_sound_is_told(model, samples, rate, told):
    with pytest.raises(UserError, match=told):
        model.predict(samples, rate)


def test_a_recording_that_can_not_be_read_is_told_with_its_name_and_reason(model, tmp_path):
    (tmp_path / "x.wav").write_bytes(b"no sound")
    with pytest.raises(UserError, match=r"x\.wav: not_audio: no header"):
        model.predict_file(str(tmp_path / "x.wav"))


def test_any_rate_is_resampled_to_the_models(model, held_out):
    samples = held_out[0].decode()
    found = model.predict(resample(samples, RATE, 44_100), 44_100)
    assert found.probabilities == pytest.approx(model.predict(samples, RATE).probabilities, abs=0.05)
