import dataclasses

import numpy as np

from schemas.front_end import FrontEnd, Standardisation
from schemas.record import Example
from ser_tinyml.judging.held_out import HeldOut


def make_record(clip_id, copy, window, label):
    mfcc = np.full((47, 13), 10 * copy + window, np.float32)
    return Example(clip_id, "tess", "OAF", "happy", label, copy, window, "clean", False, mfcc)


RECORDS = [
    make_record("a", 0, 0, 1),
    make_record("a", 0, 1, 1),
    make_record("a", 1, 0, 1),
    make_record("b", 0, 0, 3),
    make_record("b", 0, 1, 3),
    make_record("b", 0, 2, 3),
]


def test_the_windows_of_a_clips_copy_elect_its_class():
    held_out = HeldOut.from_records(RECORDS, np.array([3, 2, 1, 0]), Standardisation.identity(13), FrontEnd())
    np.testing.assert_array_equal(held_out.true, [2, 2, 0])
    np.testing.assert_array_equal(held_out.clip_of_window, [0, 0, 1, 2, 2, 2])
    np.testing.assert_array_equal(held_out.inputs[:, 0, 0], [0, 1, 10, 0, 1, 2])
    windows = np.array([[0.6, 0.4], [0.1, 0.9], [1.0, 0.0], [0.5, 0.5], [0.2, 0.8], [0.8, 0.2]])
    np.testing.assert_allclose(held_out.vote(windows), [[0.35, 0.65], [1, 0], [0.5, 0.5]])


def test_clips_keep_who_speaks():
    other = [dataclasses.replace(record, speaker="YAF") if record.clip_id == "b" else record for record in RECORDS]
    held_out = HeldOut.from_records(other, np.arange(4), Standardisation.identity(13), FrontEnd())
    assert [clip.speaker for clip in held_out.clips] == ["OAF", "OAF", "YAF"]
