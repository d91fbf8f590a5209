import numpy as np
import pytest

from schemas.record import Example
from ser_tinyml.judging.protocols import PROTOCOLS
from ser_tinyml.judging.provenance import find_heard, name_protocol, who_trained

CLIPS = [("a", "ravdess", "01"), ("b", "ravdess", "02"), ("c", "savee", "DC")]


def clip(clip_id: str, corpus: str, speaker: str) -> Example:
    return Example(clip_id, corpus, speaker, "", 0, 0, 0, "clean", False, np.zeros((1, 1), np.float32))


@pytest.mark.parametrize(
    ("judged_on", "heard", "protocol"),
    [
        ([("x", "ravdess", "03"), ("y", "savee", "JE")], ((), 0), "disjoint_speakers"),
        ([("x", "ravdess", "03"), ("y", "ravdess", "01")], (("ravdess/01",), 0), "shared_speakers"),
        ([("x", "tess", "01")], ((), 0), "disjoint_speakers"),
        ([("a", "renamed", "somebody")], ((), 1), "shared_clips"),
        ([("x", "own", "unknown")], ((), 0), "unknown_speakers"),
        ([("x", "ravdess", "unknown"), ("b", "ravdess", "02")], (("ravdess/02",), 1), "shared_clips"),
    ],
    ids=["strangers", "speaker", "namesake", "clip", "unknown", "both"],
)
def test_the_protocol_is_found_by_comparing_clips(judged_on, heard, protocol):
    clips, trained_on = [clip(*each) for each in judged_on], who_trained(CLIPS)
    found = find_heard(trained_on, clips)
    assert (found.speakers, found.clips) == heard
    assert name_protocol(find_heard(trained_on, clips)) == protocol and protocol in PROTOCOLS


def test_of_a_model_from_elsewhere_nobody_knows():
    assert find_heard(None, [clip(*CLIPS[0])]) is None and name_protocol(None) == "model_from_elsewhere"


def test_where_training_knew_nobody_by_name_nothing_is_promised():
    trained_on = who_trained([*CLIPS, ("d", "own", "unknown")])
    assert trained_on.has_unnamed_speakers and len(trained_on.speakers) == 3 and len(trained_on.clips) == 4
    assert name_protocol(find_heard(trained_on, [clip("x", "ravdess", "03")])) == "unknown_speakers"


def test_names_are_kept_as_hashes_alone():
    stored = repr(who_trained(CLIPS))
    assert not any(name in stored for name in ("ravdess", "savee", "DC"))
    assert who_trained(CLIPS) == who_trained(CLIPS[::-1] * 2)
