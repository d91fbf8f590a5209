import dataclasses

import numpy as np
import pytest

from schemas.front_end import CMVN_MEMORY_WINDOWS, FrontEnd, Standardisation
from schemas.record import Example
from ser_tinyml.audio.standardise import (
    EACH_ALONE,
    EACH_BEHIND_A_STRANGER,
    Heard,
    Sessions,
    count_heard,
    standardise,
    standardise_examples,
)

FRONT_END = FrontEnd(n_mfcc=3, cmvn_prior_windows=4)
CONSTANTS = Standardisation((1.0, -2.0, 3.0), (2.0, 4.0, 0.5))


def make_windows(count, seed=0):
    return np.random.default_rng(seed).normal(5, 3, (count, 6, 3)).astype(np.float32)


def make_example(clip, window, mfcc, *, speaker="ann", copy=0):
    names = dict.fromkeys(("emotion", "augmentation"), "")
    return Example(clip, "folder", speaker, label=0, copy=copy, window=window, synthetic=False, mfcc=mfcc, **names)


def test_the_first_window_is_standardised_by_the_constants():
    windows = make_windows(1)
    np.testing.assert_array_equal(Heard(FRONT_END, CONSTANTS).standardise(windows), standardise(windows, CONSTANTS))


def test_a_later_window_is_standardised_by_those_before_it_and_the_constants_as_so_many_windows():
    windows = make_windows(4)
    before = windows[:3].astype(np.float64).mean(axis=1)
    squares = (windows[:3].astype(np.float64) ** 2).mean(axis=1)
    mean, deviation = np.array(CONSTANTS.mean), np.array(CONSTANTS.deviation)
    expected = (before.sum(axis=0) + 4 * mean) / 7
    variance = (squares.sum(axis=0) + 4 * (deviation**2 + mean**2)) / 7 - expected**2
    found = Heard(FRONT_END, CONSTANTS).standardise(windows)[3]
    np.testing.assert_allclose(found, (windows[3] - expected) / np.sqrt(variance), rtol=1e-5)


def test_windows_may_come_in_parts():
    windows, heard = make_windows(5), Heard(FRONT_END, CONSTANTS)
    parts = np.concatenate([heard.standardise(windows[:2]), heard.standardise(windows[2:])])
    np.testing.assert_array_equal(parts, Heard(FRONT_END, CONSTANTS).standardise(windows))


def test_another_speaker_is_learned_in_time():
    heard = Heard(FRONT_END, CONSTANTS)
    heard.standardise(make_windows(CMVN_MEMORY_WINDOWS))
    other = make_windows(3 * CMVN_MEMORY_WINDOWS, seed=1) + 40
    assert abs(heard.standardise(other)[-1].mean()) < 0.5


def test_what_never_changes_stays_finite():
    stuck = np.ones((3 * CMVN_MEMORY_WINDOWS, 6, 3), np.float32)
    assert np.abs(Heard(FRONT_END, CONSTANTS).standardise(stuck)).max() < 100


def test_padding_is_not_heard_and_stays_zero():
    windows = make_windows(2)
    windows[0, :3] = 0
    found = Heard(FRONT_END, CONSTANTS).standardise(windows)
    assert not found[0, :3].any()
    without = Heard(FRONT_END, CONSTANTS)
    without.standardise(windows[:1, 3:])
    np.testing.assert_array_equal(without.standardise(windows[1:])[0], found[1])


@pytest.fixture
def examples():
    windows = iter(make_windows(100))
    return [
        make_example(f"{speaker}-{clip}", window, next(windows), speaker=speaker, copy=copy)
        for speaker in ("ann", "bob")
        for copy in (0, 1)
        for clip in range(5)
        for window in range(3)
    ]


def test_a_record_does_not_depend_on_the_order_of_the_others(examples):
    whole = standardise_examples(examples, FRONT_END, CONSTANTS)
    shuffled = np.random.default_rng(0).permutation(len(examples))
    found = standardise_examples([examples[n] for n in shuffled], FRONT_END, CONSTANTS)
    np.testing.assert_array_equal(found, whole[shuffled])


def test_speakers_and_copies_are_heard_apart(examples):
    whole = standardise_examples(examples, FRONT_END, CONSTANTS)
    for speaker in ("ann", "bob"):
        for copy in (0, 1):
            chosen = [n for n, each in enumerate(examples) if (each.speaker, each.copy) == (speaker, copy)]
            alone = standardise_examples([examples[n] for n in chosen], FRONT_END, CONSTANTS)
            np.testing.assert_array_equal(alone, whole[chosen])


def test_a_speaker_who_is_forgotten_before_each_clip_is_heard_clip_by_clip(examples):
    found = standardise_examples(examples, FRONT_END, CONSTANTS, EACH_ALONE)
    for start in range(0, len(examples), 3):
        clip = np.stack([each.features for each in examples[start : start + 3]])
        np.testing.assert_array_equal(found[start : start + 3], Heard(FRONT_END, CONSTANTS).standardise(clip))


def test_sessions_last_so_many_clips_on_average_and_begin_with_the_constants():
    windows = make_windows(400)
    examples = [make_example(f"ann-{clip}", 0, window, speaker="ann") for clip, window in enumerate(windows)]
    found = standardise_examples(examples, FRONT_END, CONSTANTS, Sessions(5))
    begins = [np.array_equal(clip, standardise(window, CONSTANTS)) for clip, window in zip(found, windows, strict=True)]
    assert 55 <= sum(begins) <= 105
    shuffled = np.random.default_rng(0).permutation(len(examples))
    again = standardise_examples([examples[n] for n in shuffled], FRONT_END, CONSTANTS, Sessions(5))
    np.testing.assert_array_equal(again, found[shuffled])


def test_behind_a_stranger_a_clip_is_standardised_by_windows_of_another_speaker():
    examples = [
        make_example(f"{speaker}-{clip}", window, values + offset, speaker=speaker)
        for speaker, offset in (("ann", 0), ("bob", 100))
        for clip in range(5)
        for window, values in enumerate(make_windows(3, seed=clip))
    ]
    found = standardise_examples(examples, FRONT_END, CONSTANTS, EACH_BEHIND_A_STRANGER)
    alone = standardise_examples(examples, FRONT_END, CONSTANTS, EACH_ALONE)
    assert (
        found[:15].mean(axis=1) < alone[:15].mean(axis=1)
    ).all()  # behind bob, four windows of him or more, ann is low
    assert (
        np.abs(found[15::3]) < np.abs(alone[15::3])
    ).all()  # and behind ann bob is high, but no more than he is alone


def test_a_single_speaker_has_no_stranger_before_him(examples):
    ann = [each for each in examples if each.speaker == "ann"]
    np.testing.assert_array_equal(
        standardise_examples(ann, FRONT_END, CONSTANTS, EACH_BEHIND_A_STRANGER),
        standardise_examples(ann, FRONT_END, CONSTANTS, EACH_ALONE),
    )


def test_how_much_was_heard_before_a_clip_counts_its_speakers_windows(examples):
    heard = count_heard(examples)
    for copy in (0, 1):
        of_ann = {
            each.clip_id: n
            for each, n in zip(examples, heard, strict=True)
            if each.copy == copy and each.speaker == "ann"
        }
        assert sorted(of_ann.values()) == [0, 3, 6, 9, 12]


def test_without_it_constants_standardise(examples):
    fixed = dataclasses.replace(FRONT_END, cmvn_prior_windows=0)
    features = np.stack([each.features for each in examples])
    np.testing.assert_array_equal(standardise_examples(examples, fixed, CONSTANTS), standardise(features, CONSTANTS))
    np.testing.assert_array_equal(Heard(fixed, CONSTANTS).standardise(features), standardise(features, CONSTANTS))
