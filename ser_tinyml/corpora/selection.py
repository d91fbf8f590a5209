"""Which recordings are wanted: one of each content, emotions in use, a share of the unpleasant ones."""

import collections

from schemas.classes import LABEL_OF_EMOTION
from ser_tinyml.corpora.corpus import LeftOut
from ser_tinyml.corpora.recordings import Recording
from ser_tinyml.store.digests import unit_hash


def select_clips(recordings: list[Recording], unpleasant_keep_fraction: float) -> tuple[list[Recording], list[LeftOut]]:
    """Returns what is wanted and what is left out.

    A content under names that disagree is left out whole: nobody knows its label.
    """
    wanted: list[Recording] = []
    left_out: list[LeftOut] = []
    by_content = collections.defaultdict(list)
    for recording in recordings:
        by_content[recording.clip_id].append(recording)
    for same in by_content.values():
        first, *others = sorted(same, key=lambda recording: recording.clip.path)
        if len({(r.clip.corpus, r.clip.speaker, r.clip.emotion) for r in same}) > 1:
            paths = ", ".join(r.clip.path for r in (first, *others))
            left_out += [_leave_out(r, "conflicting_names", f"the same content stands under {paths}") for r in same]
            continue
        left_out += [_leave_out(r, "duplicate", f"the same content as {first.clip.path}") for r in others]
        label = LABEL_OF_EMOTION[first.clip.emotion]
        if label is None:
            left_out.append(_leave_out(first, "emotion_not_in_use", first.clip.emotion))
        elif label == "unpleasant" and unit_hash("unpleasant", first.clip_id) >= unpleasant_keep_fraction:
            left_out.append(_leave_out(first, "unpleasant_not_kept", f"hash above {unpleasant_keep_fraction}"))
        else:
            wanted.append(first)
    return wanted, left_out


def _leave_out(recording: Recording, reason: str, detail: str) -> LeftOut:
    return LeftOut(recording.clip.path, recording.clip.corpus, reason=reason, detail=detail)
