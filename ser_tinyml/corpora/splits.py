"""Which split a clip is in. Every choice is a hash of what the clip or its speaker is, never of order or time."""

import collections
import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping

from schemas.classes import SPLITS
from schemas.errors import UsageError, UserError
from schemas.manifest import PER_COPY, ManifestRow
from ser_tinyml.corpora import CORPORA
from ser_tinyml.corpora.corpus import UNKNOWN_SPEAKER, FoldRule
from ser_tinyml.corpora.recordings import Recording
from ser_tinyml.store.digests import unit_hash

_SALTS = 1000
MOST_FOLDS = 100

Speakers = Mapping[str, Mapping[str, str]]  # corpus -> speaker -> sex, "" where it is not known


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


def parse_fold(text: str, corpora: Collection[str] = CORPORA) -> Fold:
    """Parses `2/5`, or the name of one of `corpora`; raises UsageError for anything else."""
    if text in corpora:
        return Fold(corpus=text)
    if numbers := re.fullmatch(r"(\d{1,9})/(\d{1,9})", text, re.ASCII):
        number, count = map(int, numbers.groups())
        if 1 <= number <= count and 2 <= count <= MOST_FOLDS:
            return Fold(number, count)
    raise UsageError(
        f"--fold={text}: expected I/K, like 2/5, with at most {MOST_FOLDS} folds, or one of {', '.join(corpora)}"
    )


def find_speakers(recordings: Iterable[Recording]) -> dict[str, dict[str, str]]:
    """Returns the speakers of each corpus: of a published one all that it publishes, of one's own those that are there."""
    found: dict[str, dict[str, str]] = {}
    for clip in (recording.clip for recording in recordings):
        if clip.corpus in CORPORA:
            found[clip.corpus] = dict(CORPORA[clip.corpus].speakers)
            continue
        speakers = found.setdefault(clip.corpus, {})
        speakers[clip.speaker] = speakers.get(clip.speaker) or clip.sex
    return found


def most_folds(speakers: Speakers) -> int:
    """Returns into how many folds the speakers of some corpora can be divided so that each has somebody to test."""
    tested = [_group_by_sex(corpus, of_corpus) for corpus, of_corpus in speakers.items() if _is_tested(corpus)]
    return max((len(group) for groups in tested for group in groups), default=0)


def _is_tested(corpus: str) -> bool:
    """Tells whether a cross-validation takes a corpus's speakers into its test splits."""
    return corpus not in CORPORA or CORPORA[corpus].folds is not FoldRule.NEVER


def _group_by_sex(corpus: str, speakers: Mapping[str, str]) -> list[list[str]]:
    """Returns the speakers of each sex; of one's own corpus all as one group, where a group would be too small to divide."""
    by_sex = collections.defaultdict(list)
    for speaker, sex in speakers.items():
        by_sex[sex].append(speaker)
    if corpus not in CORPORA and any(len(group) < len(SPLITS) for group in by_sex.values()):
        return [list(speakers)]
    return list(by_sex.values())


def assign_splits(
    recordings: list[Recording],
    protocol: str,
    *,
    validation: float,
    test: float,
    fold: Fold | None = None,
    train_only: Collection[str] = (),
) -> Assignment:
    """Splits by `protocol`: speaker, clip, notebook, or test, which is no split at all; `validation` and `test` are fractions.

    The speaker split ranks the published speakers of a corpus, separately by sex, by a hash, and takes each sex's first
    for the test and the next for the validation split. Which speakers somebody's copy holds plays no part, so clips and
    speakers that are added move nobody. Only where a small copy then leaves a label out of a split is the next salt
    tried; of a cross-validation, for all folds at once. Of one's own corpora, whose speakers nobody publishes, those that
    are there are ranked, and at least one is held out for each split.

    A fold's test speakers are those that the corpus's own rule says (FoldRule): every `count`-th of that ranking, from
    `number` on; the speaker of that rank; or none. Where a corpus is left out, it is the test split. The corpora of
    `train_only` are in the train split, whatever the protocol. What a table says of a clip's split stands otherwise, but not
    in a fold: a cross-validation makes splits of its own.

    Raises:
      UserError: a label would be missing from a split, a table puts a speaker into two, or nobody knows who speaks.
    """
    plan = _Plan(validation, test, fold, frozenset(train_only))
    if protocol == "test":
        return Assignment([_row(recording, "test") for recording in recordings], salt=0)
    if protocol == "notebook":
        return Assignment([_row(recording, PER_COPY) for recording in recordings], salt=0)
    if unknown := sorted(plan.train_only - {recording.clip.corpus for recording in recordings}):
        raise UserError(f"--train_only={unknown[0]}: no clip is of that corpus")
    return _split_by_clip(recordings, plan) if protocol == "clip" else _split_by_speaker(recordings, plan)


@dataclasses.dataclass(frozen=True)
class _Plan:
    validation: float
    test: float
    fold: Fold | None
    train_only: frozenset[str]

    def may_be_in(self, split: str, corpus: str) -> bool:
        """Tells whether clips of a corpus can come into a split at all."""
        left_out = self.fold.corpus if self.fold else ""
        if split == "test" and self.fold:
            return corpus == left_out if left_out else corpus not in self.train_only and _is_tested(corpus)
        return corpus != left_out and (split == "train" or corpus not in self.train_only)


def _split_by_clip(recordings: list[Recording], plan: _Plan) -> Assignment:
    def choose(recording: Recording) -> str:
        if recording.clip.corpus in plan.train_only:
            return "train"
        place = unit_hash("clip", recording.clip_id)
        return recording.clip.split or split_of(place, plan.validation, plan.test)

    rows = [_row(recording, choose(recording)) for recording in recordings]
    if gap := _first_gap(rows, plan):
        raise UserError(f"--split=clip leaves no {gap[1]} clip in the {gap[0]} split: {len(rows)} clips are too few")
    return Assignment(rows, salt=0)


def _split_by_speaker(recordings: list[Recording], plan: _Plan) -> Assignment:
    speakers = find_speakers(recordings)
    _refuse_unknown_speakers(recordings, plan)
    _check_fold(speakers, plan)
    given = {} if plan.fold else _find_given_splits(recordings, plan.train_only)
    fold = plan.fold
    together = [Fold(n + 1, fold.count) for n in range(fold.count)] if fold and fold.count else [fold]
    for salt in range(_SALTS):
        rows_of: dict[Fold | None, list[ManifestRow]] = {}
        for part in together:
            splits = _rank_speakers(speakers, dataclasses.replace(plan, fold=part), salt) | given
            rows_of[part] = [_row(r, splits[r.clip.corpus, r.clip.speaker]) for r in recordings]
        gaps = [_first_gap(rows, dataclasses.replace(plan, fold=part)) for part, rows in rows_of.items()]
        if not any(gaps):
            return Assignment(rows_of[fold], salt)
    raise UserError(_explain_gap(recordings, next(gap for gap in gaps if gap), plan))


def _refuse_unknown_speakers(recordings: list[Recording], plan: _Plan) -> None:
    by_unknown = [r.clip.corpus for r in recordings if r.clip.speaker == UNKNOWN_SPEAKER]
    if unknown := [corpus for corpus in by_unknown if corpus not in plan.train_only]:
        raise UserError(
            f"--split=speaker: nobody knows who speaks in {len(unknown)} clips of {unknown[0]}: name speakers by folders, a "
            "column, or --speaker_from; or pass --split=clip, whose figures are of voices that training may have heard"
        )


def _check_fold(speakers: Speakers, plan: _Plan) -> None:
    """Raises UserError where the corpora in use can't be divided as a fold says."""
    fold, names = plan.fold, ", ".join(sorted(speakers))
    if fold and fold.corpus and (fold.corpus not in speakers or len(speakers) < 2):
        raise UserError(f"--fold={fold.corpus} leaves that corpus out: it and another must be among the --corpus flags")
    if fold and fold.corpus in plan.train_only:
        raise UserError(f"--fold={fold.corpus} tests on that corpus, --train_only={fold.corpus} says that nothing does")
    tested = {corpus: found for corpus, found in speakers.items() if corpus not in plan.train_only}
    if fold and fold.count > (most := most_folds(tested)):
        raise UserError(
            f"--fold={fold.number}/{fold.count}: the speakers of {names} suffice for {most} folds; take fewer folds, or add a "
            "corpus"
        )


def _find_given_splits(recordings: list[Recording], train_only: frozenset[str]) -> dict[tuple[str, str], str]:
    """Returns the split of each (corpus, speaker) that a table has put into one; UserError where it has put one into two."""
    given: dict[tuple[str, str], str] = {}
    clips = (recording.clip for recording in recordings if recording.clip.corpus not in train_only)
    for clip in (clip for clip in clips if clip.split):
        first = given.setdefault((clip.corpus, clip.speaker), clip.split)
        if first != clip.split:
            raise UserError(
                f"--split=speaker: the table of {clip.corpus} has the speaker {clip.speaker!r} in {first} and in {clip.split}; "
                "--split=clip takes it as it is"
            )
    return given


def _explain_gap(recordings: list[Recording], gap: tuple[str, str], plan: _Plan) -> str:
    """Tells why speakers can't be divided so that each split has each label, and what would help."""
    split, label = gap
    names = sorted({f"{r.clip.corpus}/{r.clip.speaker}" for r in recordings if plan.may_be_in("train", r.clip.corpus)})
    with_label = {f"{r.clip.corpus}/{r.clip.speaker}" for r in recordings if r.label == label}
    why = f"no {split} clip would be {label}, which {len(with_label)} of the speakers have"
    if plan.fold and plan.fold.corpus:
        return (
            f"without {plan.fold.corpus} there are {_count_speakers(names)}, and the train and validation splits don't both "
            f"get each label from them ({why}); add a corpus, or raise --validation_fraction"
        )
    if plan.fold:
        return (
            f"the {len(names)} speakers can't be divided so that in each fold the train, validation and test splits have "
            f"each label ({why}); take fewer folds, add a corpus, or raise --validation_fraction"
        )
    return (
        f"--split=speaker: the {_count_speakers(names)} can't be divided so that each of the train, validation and test "
        f"splits has each label ({why}); add speakers, raise --validation_fraction and --test_fraction, or use --split=clip, "
        "which shares speakers between the splits"
    )


def _count_speakers(names: list[str]) -> str:
    """Tells how many they are, and the first of them."""
    return f"{len(names)} speakers ({', '.join(names[:8])}{' …' if len(names) > 8 else ''})"


def split_of(position: float, validation: float, test: float) -> str:
    """Returns the split of a position in [0, 1): test first, then validation, then train."""
    return "test" if position < test else "validation" if position < test + validation else "train"


def _rank_speakers(speakers: Speakers, plan: _Plan, salt: int) -> dict[tuple[str, str], str]:
    """Returns the split of each (corpus, speaker)."""
    splits = {}
    for corpus, of_corpus in speakers.items():
        for group in _group_by_sex(corpus, of_corpus):
            ranked = sorted(group, key=lambda speaker: unit_hash("speaker", salt, corpus, speaker))
            in_test = _choose_test_speakers(corpus, ranked, plan)
            others = [speaker for speaker in ranked if speaker not in in_test]
            # Each fold validates by other speakers.
            begin = plan.fold.number * len(others) // plan.fold.count if plan.fold and plan.fold.count else 0
            others = others[begin:] + others[:begin]
            in_validation = others[: _count_held_out(corpus, plan.validation, ranked)]
            for speaker in ranked:
                split = "test" if speaker in in_test else "validation" if speaker in in_validation else "train"
                splits[corpus, speaker] = "train" if corpus in plan.train_only else split
    return splits


def _choose_test_speakers(corpus: str, ranked: list[str], plan: _Plan) -> list[str]:
    if plan.fold is None:
        return ranked[: _count_held_out(corpus, plan.test, ranked)]
    if plan.fold.corpus:
        return ranked if corpus == plan.fold.corpus else []
    rule = CORPORA[corpus].folds if corpus in CORPORA else FoldRule.GROUPS
    if rule is FoldRule.GROUPS:
        return ranked[plan.fold.number - 1 :: plan.fold.count]
    return ranked[plan.fold.number - 1 : plan.fold.number] if rule is FoldRule.ONE_BY_ONE else []


def _count_held_out(corpus: str, fraction: float, ranked: list[str]) -> int:
    """Returns how many speakers a fraction is; of one's own corpus, that has enough of them, at least one."""
    least = 1 if corpus not in CORPORA and len(ranked) >= len(SPLITS) else 0
    return max(least, round(fraction * len(ranked)))


def _first_gap(rows: list[ManifestRow], plan: _Plan) -> tuple[str, str] | None:
    """Returns the first (split, label) that no clip has, though clips of that label could be in that split."""
    present = {(row.split, row.label) for row in rows}
    labels = dict.fromkeys(row.label for row in rows)
    could_be = {
        split: {row.label for row in rows if split == "train" or plan.may_be_in(split, row.corpus)} for split in SPLITS
    }
    needed = ((split, label) for split in SPLITS for label in labels if label in could_be[split])
    return next((gap for gap in needed if gap not in present), None)


def _row(recording: Recording, split: str) -> ManifestRow:
    clip = recording.clip
    return ManifestRow(
        clip_id=recording.clip_id,
        path=clip.path,
        corpus=clip.corpus,
        speaker=clip.speaker,
        emotion=clip.emotion,
        label=recording.label,
        split=split,
        duration=round(recording.duration, 6),
        sample_rate=recording.sample_rate,
        synthetic=recording.synthetic,
        file_sha256=recording.file_sha256,
        start=clip.start,
        end=clip.end,
        sex=clip.sex,
        intensity=clip.intensity,
    )
