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
