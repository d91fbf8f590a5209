import dataclasses

import numpy as np
import pytest
import soundfile

from components.transform.component import Parameters
from components.transform.component import run as run_step
from schemas.front_end import FrontEnd
from schemas.manifest import ManifestRow
from ser_tinyml.audio.clip import cut_windows
from ser_tinyml.audio.decode import Undecodable
from ser_tinyml.audio.windows import (
    cut_window,
    find_speech,
    find_speech_in,
    holds_speech,
    measure_blocks,
    place_windows,
)
from ser_tinyml.store.dataset import read_split
from ser_tinyml.store.digests import sha256_of
from ser_tinyml.store.manifest import write_manifest

RATE, WINDOW = 16_000, 24_000


def make_speech(before, speech, after, level=0.3):
    """Noise between two parts that are 60 dB below it; lengths in seconds."""
    rng = np.random.default_rng(0)
    quiet = [rng.standard_normal(int(seconds * RATE)) * level / 1000 for seconds in (before, after)]
    return np.float32(np.concatenate([quiet[0], rng.standard_normal(int(speech * RATE)) * level, quiet[1]]))


@pytest.mark.parametrize("level", [0.3, 0.003])
def test_speech_is_found_at_any_level(level):
    begin, end = find_speech(make_speech(1.0, 0.8, 1.2, level), RATE)
    assert abs(begin - 1.0 * RATE) <= 0.02 * RATE and abs(end - 1.8 * RATE) <= 0.02 * RATE


def test_an_offset_a_click_and_a_quiet_hiss_are_not_speech():
    """Each alone moved the windows: an offset is louder than any speech, a click lies before it, hiss is within 30 dB of it."""
    speech = make_speech(1.0, 0.8, 1.2)
    expected = find_speech(speech, RATE)
    assert find_speech(speech + np.float32(0.2), RATE) == expected
    clicked = speech.copy()
    clicked[:900] += np.float32(0.99)  # 56 ms
    clicked[:900:2] -= np.float32(1.98)
    assert find_speech(clicked, RATE) == expected
    soft = make_speech(1.0, 0.8, 1.2, level=0.003)
    hiss = np.float32(np.random.default_rng(1).standard_normal(len(soft)) * 10 ** (-75 / 20))
    assert find_speech(soft + hiss, RATE) == find_speech(soft, RATE)


def test_what_is_quieter_than_any_speech_is_taken_where_there_is_nothing_else():
    begin, end = find_speech(make_speech(1.0, 0.8, 1.2, level=1e-4), RATE)
    assert abs(begin - RATE) <= 0.02 * RATE and abs(end - 1.8 * RATE) <= 0.02 * RATE


@pytest.mark.parametrize(("speech", "count"), [(0.3, 1), (1.4, 1), (1.6, 2), (2.0, 3), (4.0, 7)])
def test_windows_begin_before_the_speech_and_cover_it(speech, count):
    starts = place_windows(make_speech(1.0, speech, 1.0), FrontEnd())
    assert len(starts) == count
    assert starts == [starts[0] + 8_000 * n for n in range(count)]
    assert abs(starts[0] - 0.9 * RATE) <= 0.02 * RATE
    assert starts[-1] + WINDOW >= (1.0 + speech) * RATE - 0.02 * RATE


def test_a_window_never_begins_before_the_recording():
    assert place_windows(make_speech(0.0, 0.5, 0.5), FrontEnd()) == [0]


def test_behind_the_recording_there_is_silence():
    samples = np.arange(10, dtype=np.float32)
    np.testing.assert_array_equal(cut_window(samples, 6, 6), [6, 7, 8, 9, 0, 0])
    np.testing.assert_array_equal(cut_window(samples, 12, 3), [0, 0, 0])


@pytest.fixture
def make_records(tmp_path, write_speech, write_summary):
    """The records of one 3-second training clip (and what else a manifest needs) with flags."""

    def make(**flags):
        rows = []
        for split in ("train", "validation", "test"):
            for emotion, label in zip(
                ("calm", "happy", "surprised", "sad"), ("neutral", "happy", "surprise", "unpleasant"), strict=True
            ):
                path = write_speech(f"{split}-{emotion}.wav", seconds=3.0)
                clip_id = sha256_of(str(path))
                rows.append(ManifestRow(clip_id, str(path), "ravdess", split, emotion, label, split, 3.0, RATE, False))
        write_manifest(str(tmp_path / "manifest.jsonl"), rows)
        write_summary(tmp_path / "manifest.jsonl")
        run_step(str(tmp_path / "examples"), Parameters(**flags), manifest=str(tmp_path / "manifest.jsonl"))
        return read_split(str(tmp_path / "examples"), "train"), read_split(str(tmp_path / "examples"), "test")

    return make


def test_each_window_is_a_record(make_records):
    train, test = make_records(augment=("clean", "gain:-6:-6"), window_hop=0.5)
    assert [example.window for example in test] == 4 * [0, 1, 2, 3]
    assert [(example.copy, example.window) for example in train[:8]] == [(c, w) for c in (0, 1) for w in range(4)]
    louder, softer = train[0].mfcc, train[4].mfcc
    # 6 dB less in each of 128 bands is 6 * sqrt(128) less in c0, and nothing in the others.
    np.testing.assert_allclose(softer[:, 0] - louder[:, 0], -6 * np.sqrt(128), atol=0.05)
    np.testing.assert_allclose(softer[:, 1:], louder[:, 1:], atol=0.05)


def test_windows_move_with_what_changes_speed():
    original = make_speech(1.0, 2.0, 1.0)
    slower = np.repeat(original, 2)  # half as fast
    windows = cut_windows(slower, original, FrontEnd())
    starts = place_windows(original, FrontEnd())
    assert [window[0] for window in windows] == [np.rint(original[start] * 32768) for start in starts]


def test_speech_with_more_windows_than_a_clip_may_have_goes_to_quarantine():
    speech = make_speech(0.0, 15.0, 0.0)
    front_end = dataclasses.replace(FrontEnd(), window_hop_samples=160)
    with pytest.raises(Undecodable, match=r"too_many_windows: 13\d\d windows of speech, at most 1000"):
        cut_windows(speech, speech, front_end)
    assert len(cut_windows(speech[: 11 * 16_000], speech[: 11 * 16_000], front_end)) > 900


def test_speech_is_found_by_its_blocks_as_in_the_whole(write_speech):
    samples, rate = soundfile.read(write_speech("x.wav"), dtype="float32")
    powers = np.concatenate([measure_blocks(samples[: 320 * 7], rate), measure_blocks(samples[320 * 7 :], rate)])
    assert find_speech_in(powers, len(samples), rate) == find_speech(samples, rate)


@pytest.mark.parametrize("silence", [0, 1_000])
def test_steady_sound_holds_no_speech_and_a_voice_does(write_speech, silence):
    """An encoder's silence before it makes no difference."""
    voice, rate = soundfile.read(write_speech("x.wav"), dtype="float32")
    hiss = 0.05 * np.random.default_rng(0).standard_normal(3 * rate).astype(np.float32)
    before = np.zeros(silence, np.float32)
    assert holds_speech(measure_blocks(np.concatenate([before, voice]), rate), rate)
    assert not holds_speech(measure_blocks(np.concatenate([before, hiss]), rate), rate)
    assert not holds_speech(measure_blocks(np.zeros(rate, np.float32), rate), rate)
