"""Which split a clip is in. Every choice is a hash of what the clip or its speaker is, never of order or time."""

import collections
import dataclasses

from components import corpora
from components.example_gen.inspect import Recording
from schemas.artifacts import UserError, unit_hash
from schemas.labels import LABEL_OF_EMOTION, LABELS, SPLITS
from schemas.manifest import PER_COPY, ManifestRow

_SALTS = 1000


@dataclasses.dataclass(frozen=True)
class Assignment:
    """The clips with their splits, and the salt of the hashes (only the speaker split needs one other than 0)."""

    rows: list[ManifestRow]
    salt: int


def assign_splits(recordings: list[Recording], protocol: str, validation: float, test: float) -> Assignment:
    """Splits by `protocol`: speaker, clip or notebook; `validation` and `test` are fractions.

    The speaker split ranks the published speakers of a corpus, separately by sex, by a hash, and takes each sex's first
    for the test and the next for the validation split. Which speakers somebody's copy holds plays no part, so clips and
    speakers that are added move nobody. Only where a small copy then leaves a label out of a split is the next salt
    tried.

    Raises:
      UserError: a label would be missing from a split.
    """
    if protocol == "notebook":
        return Assignment([_row(recording, PER_COPY) for recording in recordings], salt=0)
    if protocol == "clip":
        rows = [_row(r, split_of(unit_hash("clip", r.clip_id), validation, test)) for r in recordings]
        if gap := _first_gap(rows):
            raise UserError(
                f"--split=clip leaves no {gap[1]} clip in the {gap[0]} split: {len(rows)} clips are too few"
            )
        return Assignment(rows, salt=0)
    for salt in range(_SALTS):
        splits = _split_speakers({r.clip.corpus for r in recordings}, salt, validation, test)
        rows = [_row(r, splits[r.clip.corpus, r.clip.speaker]) for r in recordings]
        if not _first_gap(rows):
            return Assignment(rows, salt)
    speakers = sorted({row.speaker_key for row in rows})
    raise UserError(
        f"--split=speaker: the {len(speakers)} speakers ({', '.join(speakers[:8])}{' …' if len(speakers) > 8 else ''}) can't "
        "be divided so that each of the train, validation and test splits has each label; add a corpus, raise "
        "--validation_fraction and --test_fraction, or use --split=clip, which shares speakers between the splits"
    )


def split_of(position: float, validation: float, test: float) -> str:
    """The split of a position in [0, 1): test first, then validation, then train."""
    return "test" if position < test else "validation" if position < test + validation else "train"


def _split_speakers(names: set[str], salt: int, validation: float, test: float) -> dict[tuple[str, str], str]:
    splits = {}
    for corpus in names:
        by_sex = collections.defaultdict(list)
        for speaker in corpora.published_speakers(corpus):
            by_sex[corpora.sex_of(corpus, speaker)].append(speaker)
        for speakers in by_sex.values():
            ranked = sorted(speakers, key=lambda speaker: unit_hash("speaker", salt, corpus, speaker))
            in_test = round(test * len(ranked))
            in_validation = round(validation * len(ranked))
            for rank, speaker in enumerate(ranked):
                split = "test" if rank < in_test else "validation" if rank < in_test + in_validation else "train"
                splits[corpus, speaker] = split
    return splits


def _first_gap(rows: list[ManifestRow]) -> tuple[str, str] | None:
    """(split, label) of the first combination that no clip has."""
    present = {(row.split, row.label) for row in rows}
    return next(((s, label) for s in SPLITS for label in LABELS if (s, label) not in present), None)


def _row(recording: Recording, split: str) -> ManifestRow:
    label = LABEL_OF_EMOTION[recording.clip.emotion]
    assert label is not None, "select_clips keeps only emotions that have a label"
    return ManifestRow(
        clip_id=recording.clip_id,
        path=recording.clip.path,
        corpus=recording.clip.corpus,
        speaker=recording.clip.speaker,
        emotion=recording.clip.emotion,
        label=label,
        split=split,
        duration=round(recording.duration, 6),
        sample_rate=recording.sample_rate,
        synthetic=recording.synthetic,
    )
