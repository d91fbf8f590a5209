"""Which recordings are wanted: one of each content, of the emotions that the classes take, as many as these keep."""

import collections
import dataclasses

from schemas.classes import ClassSet
from schemas.errors import UserError
from ser_tinyml.corpora.corpus import Clip, LeftOut
from ser_tinyml.corpora.recordings import Recording
from ser_tinyml.store.digests import unit_hash


def refuse_unknown_emotions(clips: list[Clip], classes: ClassSet) -> None:
    """Raises UserError, which lists what was found, where an emotion is in no class, and not known to be unwanted either."""
    found = collections.Counter(clip.emotion for clip in clips)
    if unknown := [emotion for emotion in sorted(found) if not classes.knows(emotion)]:
        listed = ", ".join(f"{emotion} ({count})" for emotion, count in sorted(found.items())[:50])
        raise UserError(
            f"no class takes the emotion {unknown[0]!r}, and --classes does not exclude it; found are {listed}; the classes "
            f"are {', '.join(classes.labels)}"
        )


def select_clips(recordings: list[Recording], classes: ClassSet) -> tuple[list[Recording], list[LeftOut]]:
    """Returns what is wanted, each with its label, and what is left out.

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
        taken_by = classes.find(first.clip.emotion)
        if taken_by is None:
            left_out.append(_leave_out(first, "emotion_not_in_use", first.clip.emotion))
        elif unit_hash(taken_by.name, first.clip_id) >= taken_by.keep:
            left_out.append(_leave_out(first, "not_kept", f"{taken_by.name} keeps {taken_by.keep:g}, chosen by hash"))
        else:
            wanted.append(dataclasses.replace(first, label=taken_by.name))
    return wanted, left_out


def _leave_out(recording: Recording, reason: str, detail: str) -> LeftOut:
    return LeftOut(recording.clip.path, recording.clip.corpus, reason=reason, detail=detail)
