import numpy as np

from ser_tinyml.judging.votes import vote


def test_a_clip_has_the_mean_of_its_windows_however_they_are_mixed():
    outputs = np.array([[10, -128], [4, 6], [20, 0], [30, 2]], np.int8)
    found = vote(outputs, np.array([1, 0, 1, 1]))
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [[4, 6], [20, -42]])
