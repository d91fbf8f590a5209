import numpy as np

from ser_tinyml.judging.votes import vote


def test_a_clip_has_the_mean_of_its_windows_however_they_are_mixed():
    outputs = np.array([[10, -128], [4, 6], [20, 0], [30, 2]], np.int8)
    found = vote(outputs, np.array([1, 0, 1, 1]))
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [[4, 6], [20, -42]])


def test_of_utterances_through_which_a_network_goes_the_last_windows_vote():
    outputs = np.array([[1, 0], [2, 3], [4, 5], [9, 9], [0, 7]], np.int8)
    begins = np.array([True, False, True, True, False])
    np.testing.assert_array_equal(vote(outputs, np.array([0, 0, 0, 1, 1]), begins), [[3, 4], [0, 7]])
