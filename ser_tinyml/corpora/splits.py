"""Which split a clip is in. Every choice is a hash of what the clip or its speaker is, never of order or time."""

import collections
import dataclasses
import re
from collections.abc import Iterable

from schemas.classes import LABEL_OF_EMOTION, LABELS, SPLITS
from schemas.errors import UsageError, UserError
from schemas.manifest import PER_COPY, ManifestRow
from ser_tinyml.corpora import CORPORA
from ser_tinyml.corpora.corpus import FoldRule
from ser_tinyml.corpora.recordings import Recording
from ser_tinyml.store.digests import unit_hash

_SALTS = 1000


@dataclasses.dataclass(frozen=True)
class Assignment:
    """The clips with their splits, and the salt of the hashes (only the speaker split needs one other than 0)."""

    rows: list[ManifestRow]
    salt: int


@dataclasses.dataclass(frozen=True)
class Fold:
    """One part of a cross-validation: group `number` (from 1) of `count`, or a corpus that is left out whole."""

    number: int = 0
    count: int = 0
    corpus: str = ""


def parse_fold(text: str) -> Fold:
    """Parses `2/5`, or a corpus's name; raises UsageError for anything else, and for more folds than speakers can test."""
    if text in CORPORA:
        return Fold(corpus=text)
    most = most_folds(CORPORA)
    if numbers := re.fullmatch(r"(\d{1,9})/(\d{1,9})", text, re.ASCII):
        number, count = map(int, numbers.groups())
        if 1 <= number <= count and 2 <= count <= most:
            return Fold(number, count)
    raise UsageError(
        f"--fold={text}: expected I/K, like 2/5, with at most {most} folds, or one of {', '.join(CORPORA)}"
    )


def most_folds(names: Iterable[str]) -> int:
    """Returns into how many folds the speakers of the named corpora can be divided so that each has somebody to test."""
    tested = [CORPORA[name].speakers for name in names if CORPORA[name].folds is not FoldRule.NEVER]
    return max((max(collections.Counter(speakers.values()).values()) for speakers in tested), default=0)


def assign_splits(
    recordings: list[Recording], protocol: str, *, validation: float, test: float, fold: Fold | None = None
) -> Assignment:
    """Splits by `protocol`: speaker, clip or notebook; `validation` and `test` are fractions.

    The speaker split ranks the published speakers of a corpus, separately by sex, by a hash, and takes each sex's first
    for the test and the next for the validation split. Which speakers somebody's copy holds plays no part, so clips and
    speakers that are added move nobody. Only where a small copy then leaves a label out of a split is the next salt
    tried; of a cross-validation, for all folds at once.

    A fold's test speakers are those that the corpus's own rule says (FoldRule): every `count`-th of that ranking, from
    `number` on; the speaker of that rank; or none. Where a corpus is left out, it is the test split.

    Raises:
      UserError: a label would be missing from a split.
    """
    if protocol == "notebook":
        return Assignment([_row(recording, PER_COPY) for recording in recordings], salt=0)
    if protocol == "clip":
        return _split_by_clip(recordings, _Fractions(validation, test))
    return _split_by_speaker(recordings, _Fractions(validation, test), fold)


@dataclasses.dataclass(frozen=True)
class _Fractions:
    validation: float
    test: float


def _split_by_clip(recordings: list[Recording], fractions: _Fractions) -> Assignment:
    places = (unit_hash("clip", recording.clip_id) for recording in recordings)
    splits = (split_of(place, fractions.validation, fractions.test) for place in places)
    rows = [_row(recording, split) for recording, split in zip(recordings, splits, strict=True)]
    if gap := _first_gap(rows):
        raise UserError(f"--split=clip leaves no {gap[1]} clip in the {gap[0]} split: {len(rows)} clips are too few")
    return Assignment(rows, salt=0)


def _split_by_speaker(recordings: list[Recording], fractions: _Fractions, fold: Fold | None) -> Assignment:
    in_use = {recording.clip.corpus for recording in recordings}
    if fold and fold.corpus and (fold.corpus not in in_use or len(in_use) < 2):
        raise UserError(f"--fold={fold.corpus} leaves that corpus out: it and another must be among the --corpus flags")
    if fold and fold.count > (most := most_folds(in_use)):
        raise UserError(
            f"--fold={fold.number}/{fold.count}: the speakers of {', '.join(sorted(in_use))} suffice for {most} folds; take "
            "fewer folds, or add a corpus"
        )
    together = [Fold(n + 1, fold.count) for n in range(fold.count)] if fold and fold.count else [fold]
    for salt in range(_SALTS):
        rows_of: dict[Fold | None, list[ManifestRow]] = {}
        for part in together:
            splits = _rank_speakers(in_use, fractions, salt=salt, fold=part)
            rows_of[part] = [_row(r, splits[r.clip.corpus, r.clip.speaker]) for r in recordings]
        if not any(_first_gap(rows) for rows in rows_of.values()):
            return Assignment(rows_of[fold], salt)
    speakers = sorted({f"{r.clip.corpus}/{r.clip.speaker}" for r in recordings})
    raise UserError(_explain_gap(speakers, fold))


def _explain_gap(speakers: list[str], fold: Fold | None) -> str:
    """Tells why speakers can't be divided so that each split has each label, and what would help."""
    if fold and fold.corpus:
        others = [speaker for speaker in speakers if not speaker.startswith(f"{fold.corpus}/")]
        return (
            f"without {fold.corpus} there are {_count_speakers(others)}, and the train and validation splits don't both get "
            "each label from them; add a corpus, or raise --validation_fraction"
        )
    if fold:
        return (
            f"the {len(speakers)} speakers can't be divided so that in each fold the train, validation and test splits have "
            "each label; take fewer folds, add a corpus, or raise --validation_fraction"
        )
    return (
        f"--split=speaker: the {_count_speakers(speakers)} can't be divided so that each of the train, validation and test "
        "splits has each label; add a corpus, raise --validation_fraction and --test_fraction, or use --split=clip, which "
        "shares speakers between the splits"
    )


def _count_speakers(names: list[str]) -> str:
    """Tells how many they are, and the first of them."""
    return f"{len(names)} speakers ({', '.join(names[:8])}{' …' if len(names) > 8 else ''})"


def split_of(position: float, validation: float, test: float) -> str:
    """Returns the split of a position in [0, 1): test first, then validation, then train."""
    return "test" if position < test else "validation" if position < test + validation else "train"


def _rank_speakers(
    names: set[str], fractions: _Fractions, *, salt: int, fold: Fold | None
) -> dict[tuple[str, str], str]:
    """Returns the split of each published speaker (corpus, speaker) of the named corpora."""
    splits = {}
    for corpus in names:
        by_sex = collections.defaultdict(list)
        for speaker, sex in CORPORA[corpus].speakers.items():
            by_sex[sex].append(speaker)
        for speakers in by_sex.values():
            ranked = sorted(speakers, key=lambda speaker: unit_hash("speaker", salt, corpus, speaker))
            in_test = ranked[: round(fractions.test * len(ranked))]
            if fold:
                in_test = _test_speakers_of_fold(corpus, ranked, fold)
            others = [speaker for speaker in ranked if speaker not in in_test]
            # Each fold validates by other speakers.
            begin = fold.number * len(others) // fold.count if fold and fold.count else 0
            others = others[begin:] + others[:begin]
            in_validation = others[: round(fractions.validation * len(ranked))]
            for speaker in ranked:
                split = "test" if speaker in in_test else "validation" if speaker in in_validation else "train"
                splits[corpus, speaker] = split
    return splits


def _test_speakers_of_fold(corpus: str, ranked: list[str], fold: Fold) -> list[str]:
    if fold.corpus:
        return ranked if corpus == fold.corpus else []
    rule = CORPORA[corpus].folds
    if rule is FoldRule.GROUPS:
        return ranked[fold.number - 1 :: fold.count]
    return ranked[fold.number - 1 : fold.number] if rule is FoldRule.ONE_BY_ONE else []


def _first_gap(rows: list[ManifestRow]) -> tuple[str, str] | None:
    """Returns the first (split, label) that no clip has."""
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
