"""Corpora -> ROOT/manifest.

Writes:
  manifest.jsonl    a row a clip in use, in the order of clip ids (schemas/manifest.py)
  excluded.jsonl    recordings that are in order and not wanted: duplicates, songs, emotions not in use, the part of the
                    unpleasant class that `unpleasant_keep_fraction` drops
  quarantine.jsonl  recordings that are not in order, each with its reason and detail
  summary.json      the counts: files found = manifest + excluded + quarantine; the split's protocol and salt
"""

import collections
import dataclasses

from components.step import StepParameters, owns_output, parameter
from schemas.classes import SPLITS
from schemas.errors import UsageError, UserError
from schemas.manifest import ManifestRow
from schemas.run_files import ManifestSummary, SplitProtocol
from ser_tinyml import corpora
from ser_tinyml.corpora.corpus import Clip, LeftOut
from ser_tinyml.corpora.recordings import inspect_recordings
from ser_tinyml.corpora.selection import select_clips
from ser_tinyml.corpora.splits import Assignment, assign_splits, parse_fold
from ser_tinyml.store import files, run_files
from ser_tinyml.store.manifest import write_manifest


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """What decides the manifest."""

    corpus: tuple[str, ...] = parameter((), "NAME:DIR, a corpus and where it is; may be given several times.")
    split: SplitProtocol = parameter(
        "speaker",
        "speaker: no speaker in two splits. clip: speakers are shared between the splits, clips aren't. notebook: the "
        "original's random split of augmented copies, which leaks clips into the test split.",
    )
    fold: str = parameter(
        "",
        "I/K: the test speakers are group I of K, of a cross-validation over RAVDESS's speakers in groups of both sexes and "
        "SAVEE's one by one; or the name of a corpus: it is the test split, whole. By default a split by --test_fraction.",
    )
    validation_fraction: float = parameter(
        0.1, "Share of the speakers (clips, copies) in the validation split.", above=0, below=1
    )
    test_fraction: float = parameter(0.25, "Share of the speakers (clips, copies) in the test split.", above=0, below=1)
    unpleasant_keep_fraction: float = parameter(
        0.6, "Share of the sad and of the angry clips to keep, chosen by hash.", above=0, at_most=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        validation, test = self.validation_fraction, self.test_fraction
        if not validation + test < 1:
            raise UsageError(f"--validation_fraction={validation} and --test_fraction={test}: their sum is below 1")
        if self.fold and self.split != "speaker":
            raise UsageError(f"--fold={self.fold} is of --split=speaker, not of --split={self.split}")
        if self.fold:
            parse_fold(self.fold)


@owns_output(r"(manifest|excluded|quarantine)\.jsonl|summary\.json")
def run(output: str, parameters: Parameters) -> None:
    """Reads the corpora and writes the manifest.

    Raises:
      UserError: a flag or a directory is wrong, no clip is left, or the clips can't be split as asked.
    """
    if not parameters.corpus:
        raise UsageError(
            "no corpus given: pass --corpus=NAME:DIR, like --corpus=ravdess:data/Audio_Speech_Actors_01-24"
        )
    clips: list[Clip] = []
    left_out: list[LeftOut] = []
    for value in dict.fromkeys(parameters.corpus):
        for found in corpora.read(*corpora.parse_corpus_flag(value)):
            (clips if isinstance(found, Clip) else left_out).append(found)  # type: ignore[arg-type]
    found_files = len(clips) + len(left_out)

    recordings, unreadable = inspect_recordings(clips)
    selected, unwanted = select_clips(recordings, parameters.unpleasant_keep_fraction)
    left_out += unreadable + unwanted
    excluded, quarantined = _divide(left_out)
    for row in quarantined[:10]:
        print(f"quarantined: {row.path}: {row.reason}: {row.detail}")
    if len(quarantined) > 10:
        print(f"quarantined: {len(quarantined) - 10} more, see {files.join(output, 'quarantine.jsonl')}")
    files.write_json_lines(files.join(output, "quarantine.jsonl"), map(dataclasses.asdict, quarantined))
    files.write_json_lines(files.join(output, "excluded.jsonl"), map(dataclasses.asdict, excluded))
    if not selected:
        raise UserError(
            f"none of the {found_files} audio files is a clip to use: {len(quarantined)} quarantined, {len(excluded)} "
            f"excluded; {files.join(output, 'quarantine.jsonl')} and excluded.jsonl tell why"
        )

    fold = parse_fold(parameters.fold) if parameters.fold else None
    fractions = {"validation": parameters.validation_fraction, "test": parameters.test_fraction}
    assignment = assign_splits(selected, parameters.split, **fractions, fold=fold)
    rows = assignment.rows
    if found_files != len(rows) + len(excluded) + len(quarantined):
        raise RuntimeError(f"{found_files} files in, {len(rows)} + {len(excluded)} + {len(quarantined)} out")
    write_manifest(files.join(output, "manifest.jsonl"), rows)
    run_files.write(_summarise(parameters, assignment, found_files=found_files, left_out=left_out), output)
    print(f"{found_files} files: {len(rows)} clips, {len(excluded)} excluded, {len(quarantined)} quarantined")


def _summarise(
    parameters: Parameters, assignment: Assignment, *, found_files: int, left_out: list[LeftOut]
) -> ManifestSummary:
    excluded, quarantined = (collections.Counter(row.reason for row in rows) for rows in _divide(left_out))
    return ManifestSummary(
        files=found_files,
        clips=len(assignment.rows),
        excluded=dict(sorted(excluded.items())),
        quarantined=dict(sorted(quarantined.items())),
        protocol=parameters.split,
        fold=parameters.fold,
        validation_fraction=parameters.validation_fraction,
        test_fraction=parameters.test_fraction,
        salt=assignment.salt,
        synthetic=any(row.synthetic for row in assignment.rows),
        speakers=_speakers_by_split(assignment.rows),
    )


_EXCLUSIONS = ("not_speech", "duplicate", "emotion_not_in_use", "unpleasant_not_kept")


def _divide(left_out: list[LeftOut]) -> tuple[list[LeftOut], list[LeftOut]]:
    """Returns what is excluded and what is quarantined, each in the order of its paths."""
    left_out = sorted(left_out, key=lambda row: row.path)
    return (
        [row for row in left_out if row.reason in _EXCLUSIONS],
        [row for row in left_out if row.reason not in _EXCLUSIONS],
    )


def _speakers_by_split(rows: list[ManifestRow]) -> dict[str, tuple[str, ...]]:
    return {
        split: tuple(sorted({row.speaker_key for row in rows if row.split == split}))
        for split in sorted({row.split for row in rows}, key=lambda s: SPLITS.index(s) if s in SPLITS else -1)
    }
