"""Who trained a model, and whether it is judged on what it knows: found by comparing clips."""

from collections.abc import Iterable, Sequence

from schemas.record import Example
from schemas.run_files import Heard, TrainedOn
from ser_tinyml.corpora.corpus import UNKNOWN_SPEAKER
from ser_tinyml.store.digests import short_hash


def who_trained(clips: Iterable[tuple[str, str, str]]) -> TrainedOn:
    """Returns what a model keeps of the clips that it is made of, each (clip id, corpus, speaker)."""
    found = set(clips)
    named = {f"{corpus}/{speaker}" for _, corpus, speaker in found if speaker != UNKNOWN_SPEAKER}
    return TrainedOn(
        speakers=tuple(sorted(map(short_hash, named))),
        clips=tuple(sorted({short_hash(clip_id) for clip_id, _, _ in found})),
        has_unnamed_speakers=any(speaker == UNKNOWN_SPEAKER for _, _, speaker in found),
    )


def find_heard(trained_on: TrainedOn | None, clips: Sequence[Example]) -> Heard | None:
    """Returns which of the clips that a model is judged on, and of their speakers, trained it; None where nobody knows."""
    if not trained_on:
        return None
    speakers, known = set(trained_on.speakers), set(trained_on.clips)
    named = {clip.speaker_key for clip in clips if clip.speaker != UNKNOWN_SPEAKER}
    return Heard(
        speakers=tuple(sorted(name for name in named if short_hash(name) in speakers)),
        clips=sum(short_hash(clip.clip_id) in known for clip in clips),
        has_unnamed_speakers=trained_on.has_unnamed_speakers or any(c.speaker == UNKNOWN_SPEAKER for c in clips),
    )


def name_protocol(heard: Heard | None) -> str:
    """Returns the key in `protocols.PROTOCOLS` of what training heard of the judged clips."""
    if heard is None:
        return "model_from_elsewhere"
    if heard.clips:
        return "shared_clips"
    if heard.speakers:
        return "shared_speakers"
    return "unknown_speakers" if heard.has_unnamed_speakers else "disjoint_speakers"
