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


def find_heard(trained_on: TrainedOn | None, clips: Sequence[Example]) -> Heard:
    """Returns which of the clips that a model is judged on, and of their speakers, trained it; none where nobody knows."""
    if not trained_on:
        return Heard(speakers=(), clips=0)
    speakers, known = set(trained_on.speakers), set(trained_on.clips)
    named = {name_speaker(clip) for clip in clips if clip.speaker != UNKNOWN_SPEAKER}
    return Heard(
        speakers=tuple(sorted(name for name in named if short_hash(name) in speakers)),
        clips=sum(short_hash(clip.clip_id) in known for clip in clips),
    )


def name_protocol(trained_on: TrainedOn | None, clips: Sequence[Example]) -> str:
    """Returns the key in `protocols.PROTOCOLS` of a model's being judged on clips."""
    if not trained_on:
        return "model_from_elsewhere"
    heard = find_heard(trained_on, clips)
    if heard.clips:
        return "shared_clips"
    if heard.speakers:
        return "shared_speakers"
    if trained_on.has_unnamed_speakers or any(clip.speaker == UNKNOWN_SPEAKER for clip in clips):
        return "unknown_speakers"
    return "disjoint_speakers"


def name_speaker(clip: Example) -> str:
    """Returns a clip's speaker as `corpus/speaker`."""
    return f"{clip.corpus}/{clip.speaker}"
