import numpy as np
import pytest

from ser_tinyml.judging.distractors import count_false_alarms, make_distractors


def test_sounds_are_the_same_each_time_and_of_the_levels_that_they_say():
    sounds, again = make_distractors(16_000), make_distractors(16_000)
    for name, sound in sounds.items():
        assert len(sound) == 60 * 16_000 and sound.dtype == np.int16
        np.testing.assert_array_equal(sound, again[name])

    def level(name):
        return 20 * np.log10(np.sqrt(np.mean(np.square(sounds[name] / 32767.0))))

    assert not sounds["silence"].any()
    assert abs(level("hiss of -60 dBFS") + 60) < 0.5 and abs(level("a fan of -30 dBFS") + 30) < 0.5


def test_what_is_uncertain_is_not_announced():
    sounds = {"a": np.zeros(4, np.int16), "b": np.ones(4, np.int16)}
    found = count_false_alarms(sounds, lambda sound: [{"uncertain": False}, {"uncertain": True}] if sound.any() else [])
    assert [(each.sound, each.decisions, each.announced) for each in found] == [("a", 0, 0), ("b", 2, 1)]
    assert found[1].announced_an_hour == 60


def spectrum_of(sound, begin, end, rate=16_000):
    """Amplitudes of a part, a bin a hertz."""
    part = sound[round(begin * rate) : round(end * rate)] / 32767.0
    return np.abs(np.fft.rfft(part, rate)) * 2 / len(part)


def test_the_hum_starts_after_two_seconds_with_its_overtones():
    hum = make_distractors(16_000)["a hum of 50 Hz that starts"]
    assert np.abs(hum[: 2 * 16_000]).max() < 100 < np.abs(hum[2 * 16_000 : 3 * 16_000]).max()
    lines = spectrum_of(hum, 10, 11)[50 * np.arange(1, 10)]
    np.testing.assert_allclose(lines[:8], 10 ** (-30 / 20) / np.arange(1, 9), rtol=0.1)
    assert lines[8] < 1e-3


def test_the_melody_plays_each_note_for_half_a_second_with_overtones_that_fade():
    melody = make_distractors(16_000)["a melody"]
    overtones = np.arange(1, 7)
    for number, note in enumerate((262, 330, 392, 523, 440, 349, 262)):
        begin = number / 2
        loud, quiet = spectrum_of(melody, begin, begin + 0.25), spectrum_of(melody, begin + 0.25, begin + 0.5)
        assert 200 + loud[200:1500].argmax() == note
        np.testing.assert_allclose(loud[overtones * note], loud[note] / overtones**2, rtol=0.03)
        assert loud[7 * note] < loud[note] / 1000
        assert quiet[note] / loud[note] == pytest.approx(
            np.exp(-1), rel=0.01
        )  # a quarter of a second, four times as fast
        mean = 0.2 * (1 - np.exp(-1))  # of what begins with a fifth of full scale
        assert loud[note] == pytest.approx(mean, rel=0.01)


def test_two_knocks_come_in_three_seconds():
    knocks = np.abs(make_distractors(16_000)["knocks, two in three seconds"].astype(int))
    loud = np.flatnonzero(knocks.reshape(-1, 800).max(axis=1) > 2000) * 800 / 16_000
    np.testing.assert_allclose(loud, np.arange(0, 60, 1.5))


def test_a_knock_fades_within_30_milliseconds():
    sounds = make_distractors(16_000)
    room = sounds["hiss of -60 dBFS"] * 10 ** (-10 / 20)
    knocks = (sounds["knocks, two in three seconds"] - room).reshape(-1, 24_000)
    silent = np.abs(knocks[0]) <= 1
    assert silent[480:].all() and not silent[:480].all() and not silent[479]
    loudness = np.sqrt(np.mean(np.square(knocks[:, :480].reshape(-1, 15, 32) / 32767.0), axis=(0, 2)))  # of 2 ms each
    assert loudness[0] == pytest.approx(0.3 * np.exp(-1 / 8), rel=0.05)
    assert loudness[4] / loudness[0] == pytest.approx(np.exp(-1), rel=0.05)


def test_a_knock_that_is_too_loud_is_clipped():
    """White noise has no largest value: at this rate it goes beyond full scale on both sides."""
    knocks = make_distractors(24_000)["knocks, two in three seconds"]
    assert (knocks.min(), knocks.max()) == (-32767, 32767)


def test_behind_hum_melody_and_knocks_the_room_hisses_at_minus_70_dbfs():
    sounds = make_distractors(16_000)
    hiss = sounds["hiss of -60 dBFS"] / 32767.0
    room = hiss * 10 ** (-10 / 20)
    for name, quiet in (
        ("a hum of 50 Hz that starts", slice(0, 32_000)),
        ("knocks, two in three seconds", slice(2000, 24_000)),
    ):
        np.testing.assert_allclose(sounds[name][quiet] / 32767.0, room[quiet], atol=1 / 32767)
    above_the_tones = np.fft.rfftfreq(len(hiss), 1 / 16_000) > 4000
    melody, expected = (np.fft.rfft(each)[above_the_tones] for each in (sounds["a melody"] / 32767.0, room))
    assert np.vdot(expected, melody).real / np.vdot(expected, expected).real == pytest.approx(1, rel=0.01)
