"""Corpora -> ROOT/manifest.

Writes:
  manifest.jsonl    a row a clip in use, in the order of clip ids (schemas/manifest.py)
  excluded.jsonl    recordings that are in order and not wanted: duplicates, songs, emotions that no class takes, the share of
                    a class that --classes does not keep, files of another corpus in the same tree
  quarantine.jsonl  recordings that are not in order, each with its reason and detail
  summary.json      the classes; the counts: files found = manifest + excluded + quarantine; the split's protocol and salt
"""

import collections
import dataclasses

from components.example_gen.parameters import MAKES, Parameters, read_classes
from components.step import owns_output
from schemas.classes import PRESETS, SPLITS, ClassSet, make_own_classes
from schemas.errors import UsageError, UserError
from schemas.manifest import ManifestRow
from schemas.run_files import ManifestSummary
from ser_tinyml import corpora
from ser_tinyml.corpora import Source
from ser_tinyml.corpora.corpus import Clip, LeftOut
from ser_tinyml.corpora.own import Reading
from ser_tinyml.corpora.recordings import inspect_recordings
from ser_tinyml.corpora.selection import refuse_unknown_emotions, select_clips
from ser_tinyml.corpora.splits import Assignment, assign_splits
from ser_tinyml.store import files, run_files
from ser_tinyml.store.manifest import write_manifest


@owns_output(MAKES)
def run(output: str, parameters: Parameters) -> None:
    """Reads the corpora and writes the manifest.

    Raises:
      UserError: a flag or a directory is wrong, no clip is left, or the clips can't be split as asked.
    """
    if not parameters.corpus:
        raise UsageError(
            "no corpus given: pass --corpus=NAME:DIR, like --corpus=ravdess:data/Audio_Speech_Actors_01-24"
        )
    reading = Reading.parse(parameters.speaker_from, parameters.columns)
    sources = corpora.parse_corpus_flags(parameters.corpus)
    clips: list[Clip] = []
    left_out: list[LeftOut] = []
    other_files: collections.Counter[str] = collections.Counter()
    for source in sources:
        for found in corpora.read(source, reading, other_files):
            (clips if isinstance(found, Clip) else left_out).append(found)  # type: ignore[arg-type]
    found_files = len(clips) + len(left_out)
    if other_files:
        most = sorted(other_files.items(), key=lambda item: (-item[1], item[0]))
        kinds = ", ".join(f"{count} {suffix or 'without a suffix'}" for suffix, count in most)
        print(f"passed over, not named as sound: {kinds}")
    classes = _choose_classes(parameters.classes, clips, sources)
    refuse_unknown_emotions(clips, classes)
    print(f"classes: {', '.join(classes.labels)}")

    recordings, unreadable = inspect_recordings(clips)
    selected, unwanted = select_clips(recordings, classes)
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

    if len(quarantined) > parameters.max_unreadable_fraction * found_files:
        counts = ", ".join(
            f"{n} {reason}" for reason, n in collections.Counter(r.reason for r in quarantined).most_common()
        )
        raise UserError(
            f"{len(quarantined)} of {found_files} recordings are in quarantine, more than "
            f"--max_unreadable_fraction={parameters.max_unreadable_fraction} allows: {counts}; "
            f"see {files.join(output, 'quarantine.jsonl')}"
        )
    if parameters.split != "test":
        _refuse_empty_classes(classes, {recording.label for recording in selected})
    fractions = {"validation": parameters.validation_fraction, "test": parameters.test_fraction}
    assignment = assign_splits(
        selected, parameters.split, **fractions, fold=parameters.read_fold(), train_only=parameters.train_only
    )
    rows = assignment.rows
    if found_files != len(rows) + len(excluded) + len(quarantined):
        raise RuntimeError(f"{found_files} files in, {len(rows)} + {len(excluded)} + {len(quarantined)} out")
    write_manifest(files.join(output, "manifest.jsonl"), rows)
    summary = _summarise(
        parameters,
        assignment,
        classes=classes,
        left_out=left_out,
        found_files=found_files,
        other_files=dict(sorted(other_files.items())),
    )
    run_files.write(summary, output)
    print(f"{found_files} files: {len(rows)} clips, {len(excluded)} excluded, {len(quarantined)} quarantined")


def _choose_classes(value: str, clips: list[Clip], sources: list[Source]) -> ClassSet:
    """Returns the classes that are asked for; else one for each label of one's own recordings, or the four of the notebook."""
    if value:
        return read_classes(value)
    own = {source.name for source in sources if source.is_own}
    labels = [clip.emotion for clip in clips if clip.corpus in own]
    return make_own_classes(labels) if labels else PRESETS["four"]


def _refuse_empty_classes(classes: ClassSet, found: set[str]) -> None:
    """Raises UserError where no clip is of a class: nothing could learn it."""
    if empty := [each for each in classes.classes if each.name not in found]:
        raise UserError(
            f"no clip is {empty[0].name}: no recording in use is {' or '.join(empty[0].emotions)}; add some, or pass --classes "
            "without this class"
        )


def _summarise(
    parameters: Parameters,
    assignment: Assignment,
    *,
    classes: ClassSet,
    left_out: list[LeftOut],
    found_files: int,
    other_files: dict[str, int],
) -> ManifestSummary:
    rows = assignment.rows
    counts: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    for row in rows:
        counts[row.split][row.label] += 1
    excluded, quarantined = (collections.Counter(row.reason for row in rows) for rows in _divide(left_out))
    return ManifestSummary(
        files=found_files,
        clips=len(rows),
        excluded=dict(sorted(excluded.items())),
        quarantined=dict(sorted(quarantined.items())),
        other_files=other_files,
        protocol=parameters.split,
        fold=parameters.fold,
        validation_fraction=parameters.validation_fraction,
        test_fraction=parameters.test_fraction,
        salt=assignment.salt,
        synthetic=any(row.synthetic for row in rows),
        labels=classes.labels,
        leds=classes.leds,
        label_of_emotion=dict(sorted({row.emotion: row.label for row in rows}.items())),
        corpora=tuple(sorted({row.corpus for row in rows})),
        train_only=parameters.train_only,
        clips_of_label={split: {label: counts[split][label] for label in classes.labels} for split in sorted(counts)},
        speakers=_speakers_by_split(rows),
    )


_EXCLUSIONS = ("not_speech", "apple_double", "other_corpus", "duplicate", "emotion_not_in_use", "not_kept")


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
