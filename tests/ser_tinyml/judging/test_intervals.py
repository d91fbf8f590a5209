import numpy as np
import pytest

from ser_tinyml.judging.intervals import (
    difference_intervals,
    hit_difference_interval,
    recall_intervals,
    score_intervals,
    score_strangers,
)

SPEAKERS = np.repeat(["a", "b", "c", "d"], 40)
TRUE = np.tile(np.arange(4), 40)


def answer(share_right: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns classes of TRUE's clips, right with each clip's probability."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(TRUE)) < share_right, TRUE, (TRUE + rng.integers(1, 4, len(TRUE))) % 4)


def test_speakers_who_differ_make_the_interval_wide():
    alike = answer(np.full(160, 0.5))
    apart = answer(np.repeat([0.05, 0.3, 0.7, 0.95], 40))
    low, high = score_intervals(TRUE, alike, SPEAKERS)["uar"]
    assert low < np.mean(alike == TRUE) < high and high - low < 0.25
    low, high = score_intervals(TRUE, apart, SPEAKERS)["uar"]
    assert high - low > 0.5


def test_clips_count_too_where_speakers_are_few():
    """A bootstrap over two speakers who do alike would give an interval of no width."""
    true, speakers = np.tile(np.arange(4), 4), np.repeat(["a", "b"], 8)
    predicted = true.copy()
    predicted[[0, 1, 8, 9]] = [1, 0, 1, 0]
    low, high = score_intervals(true, predicted, speakers)["accuracy"]
    assert low < 0.6 and high > 0.9


@pytest.mark.parametrize("speakers", [SPEAKERS, np.full(160, "one")])
def test_an_answer_that_is_always_the_same_is_chance_in_every_resample(speakers):
    assert score_intervals(TRUE, np.full_like(TRUE, 3), speakers)["uar"] == (0.25, 0.25)


def test_the_interval_holds_what_is_true_nineteen_times_of_twenty():
    inside = 0
    for seed in range(100):
        low, high = score_intervals(TRUE, answer(np.full(160, 0.6), seed), SPEAKERS)["accuracy"]
        inside += low <= 0.6 <= high
    assert inside >= 92  # two stages are rather too wide than too narrow


def test_the_same_clips_give_the_same_interval_in_any_order():
    predicted, order = answer(np.full(160, 0.5)), np.random.default_rng(1).permutation(160)
    assert score_intervals(TRUE, predicted, SPEAKERS) == score_intervals(TRUE[order], predicted[order], SPEAKERS[order])


def test_a_pair_is_judged_by_its_difference():
    one = answer(np.full(160, 0.6))
    other = one.copy()
    other[:40:4] = (TRUE[:40:4] + 1) % 4  # worse on ten clips at most
    found = difference_intervals(TRUE, one, other, SPEAKERS)
    assert found["accuracy"][0] >= 0 and found["accuracy"][1] < 0.15
    assert difference_intervals(TRUE, one, one, SPEAKERS)["uar"] == (0, 0)
    mirrored = difference_intervals(TRUE, other, one, SPEAKERS)
    assert mirrored["accuracy"][1] <= 0
    more = np.mean(one == TRUE) - np.mean(other == TRUE)
    assert more > 0 and found["accuracy"][0] < more < found["accuracy"][1]
    assert mirrored["accuracy"][0] < -more < mirrored["accuracy"][1]


def test_hits_are_compared_over_clips():
    other = TRUE.copy()
    other[:3] = (TRUE[:3] + 1) % 4
    low, high = hit_difference_interval(TRUE, TRUE, other)
    assert 0 <= low < 3 / 160 < high < 0.06


def test_a_class_without_clips_has_no_recall():
    without = TRUE != 2
    true, predicted = TRUE[without], answer(np.full(160, 0.5))[without]
    intervals = recall_intervals(true, predicted, SPEAKERS[without], 4)
    assert intervals[2] is None
    for number in (0, 1, 3):
        low, high = intervals[number]
        assert low <= np.mean(predicted[true == number] == number) <= high
    assert score_strangers(true, predicted, SPEAKERS[without]).intervals["uar"][0] > 0


def test_recall_is_of_the_clips_of_a_class_not_of_those_that_were_given_it():
    predicted = np.where(TRUE == 1, 0, TRUE)  # every clip of class 1 is taken for class 0
    intervals = recall_intervals(TRUE, predicted, SPEAKERS, 4)
    assert intervals == [(1, 1), (0, 0), (1, 1), (1, 1)]


def test_a_single_clip_has_a_recall():
    assert recall_intervals(np.array([1]), np.array([1]), ["a"], 2) == [None, (1, 1)]


def test_as_many_clips_are_drawn_as_there_are():
    """Of one speaker, the interval is that of a binomial distribution: 1.96 deviations on both sides."""
    true = np.arange(400) % 4
    predicted = np.where(np.arange(400) < 200, true, (true + 1) % 4)
    low, high = score_intervals(true, predicted, ["a"] * 400)["accuracy"]
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.5 * 0.5 / 400), rel=0.08)
    low, high = hit_difference_interval(true, true, predicted)
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.5 * 0.5 / 400), rel=0.08)


def test_hits_that_one_and_the_other_have_alone_outweigh_each_other():
    one, other = TRUE.copy(), TRUE.copy()
    one[:20], other[20:40] = (TRUE[:20] + 1) % 4, (TRUE[20:40] + 1) % 4
    low, high = hit_difference_interval(TRUE, one, other)
    assert low < 0 < high and abs(low + high) < 0.03
