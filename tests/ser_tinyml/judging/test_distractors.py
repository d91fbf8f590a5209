import numpy as np

from ser_tinyml.judging.distractors import SECONDS, count_false_alarms, make_distractors


def test_sounds_are_the_same_each_time_and_of_the_levels_that_they_say():
    sounds, again = make_distractors(16_000), make_distractors(16_000)
    for name, sound in sounds.items():
        assert len(sound) == SECONDS * 16_000 and sound.dtype == np.int16
        np.testing.assert_array_equal(sound, again[name])

    def level(name):
        return 20 * np.log10(np.sqrt(np.mean(np.square(sounds[name] / 32767.0))))

    assert not sounds["silence"].any()
    assert abs(level("hiss of -60 dBFS") + 60) < 0.5 and abs(level("a fan of -30 dBFS") + 30) < 0.5


def test_what_is_uncertain_is_not_announced():
    sounds = {"a": np.zeros(4, np.int16), "b": np.ones(4, np.int16)}
    found = count_false_alarms(sounds, lambda sound: [{"uncertain": False}, {"uncertain": True}] if sound.any() else [])
    assert [(each.sound, each.decisions, each.announced) for each in found] == [("a", 0, 0), ("b", 2, 1)]
    assert found[1].announced_an_hour == 3600 / SECONDS


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
    for number, note in enumerate((262, 330, 392, 523, 440, 349, 262)):
        begin = number / 2
        loud, quiet = spectrum_of(melody, begin, begin + 0.25), spectrum_of(melody, begin + 0.25, begin + 0.5)
        assert abs(int(loud[200:1500].argmax()) + 200 - note) <= 2
        assert 0.15 < loud[2 * note] / loud[note] < 0.35 and 0.05 < loud[3 * note] / loud[note] < 0.2
        assert quiet[note] / loud[note] < 0.5


def test_two_knocks_come_in_three_seconds():
    knocks = np.abs(make_distractors(16_000)["knocks, two in three seconds"].astype(int))
    loud = np.flatnonzero(knocks.reshape(-1, 800).max(axis=1) > 2000) * 800 / 16_000
    np.testing.assert_allclose(loud, np.arange(0, SECONDS, 1.5))
