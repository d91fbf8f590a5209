"""Which recordings, which classes, and how they are divided, as flags."""

import dataclasses
from collections.abc import Callable, Sequence

from components.step import StepParameters, parameter
from schemas.classes import PRESETS, ClassSet, parse_classes
from schemas.errors import UsageError
from schemas.run_files import SplitProtocol
from ser_tinyml import corpora
from ser_tinyml.corpora import CORPORA
from ser_tinyml.corpora.own import Reading
from ser_tinyml.corpora.splits import Fold, parse_fold
from ser_tinyml.store import files

# The names of all files that the step writes, as a regular expression.
MAKES = r"(manifest|excluded|quarantine)\.jsonl|summary\.json"


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """What decides the manifest."""

    corpus: tuple[str, ...] = parameter(
        (),
        "Recordings, may be given several times. NAME:DIR: a published corpus (`ser-tinyml corpora` lists them), or "
        "combined:DIR, copies of RAVDESS, CREMA-D, TESS and SAVEE in one tree. folder:DIR: your own, DIR/EMOTION/SPEAKER/* or "
        "DIR/EMOTION/*. table:FILE: your own, a row a recording, as CSV, TSV or JSON Lines. mine=folder:DIR names one.",
    )
    classes: str = parameter(
        "",
        f"The classes: {', '.join(PRESETS)}, or a JSON file (schemas/classes.py shows one). By default the labels of your own "
        "recordings, else four.",
    )
    train_only: tuple[str, ...] = parameter(
        (), "A corpus whose speakers are never held out; may be given several times."
    )
    speaker_from: str = parameter(
        "",
        "A regular expression that finds the speaker in the path or name of your own recording: its first group, or all of it.",
    )
    columns: str = parameter(
        "",
        "ROLE:COLUMN,... of a table whose columns have other names than path, emotion, speaker, sex, split, start and end.",
    )
    split: SplitProtocol = parameter(
        "speaker",
        "speaker: no speaker in two splits. clip: speakers are shared between the splits, clips aren't. notebook: the "
        "original's random split of augmented copies, which leaks clips into the test split. test: all is held out, to "
        "judge a finished model on, and may lack classes.",
    )
    fold: str = parameter(
        "",
        "I/K: the test speakers are group I of K, of a cross-validation over RAVDESS's speakers in groups of both sexes and "
        "SAVEE's one by one; or the name of a corpus: it is the test split, whole. By default a split by --test_fraction.",
    )
    max_unreadable_fraction: float = parameter(
        0.05, "The step fails where a larger share of the recordings is in quarantine.", at_least=0, at_most=1
    )
    validation_fraction: float = parameter(
        0.1, "Share of the speakers (clips, copies) in the validation split.", above=0, below=1
    )
    test_fraction: float = parameter(0.25, "Share of the speakers (clips, copies) in the test split.", above=0, below=1)

    def list_checks(self) -> Sequence[Callable[[], object]]:
        """Returns the checks of how recordings are divided, read and classed."""
        return (
            self._check_fractions,
            self._check_split,
            self.read_fold,
            lambda: Reading.parse(self.speaker_from, self.columns),
            self._check_classes,
        )

    def _check_fractions(self) -> None:
        validation, test = self.validation_fraction, self.test_fraction
        if not validation + test < 1:
            raise UsageError(f"--validation_fraction={validation} and --test_fraction={test}: their sum is below 1")

    def _check_split(self) -> None:
        if self.fold and self.split != "speaker":
            raise UsageError(f"--fold={self.fold} is of --split=speaker, not of --split={self.split}")
        if self.train_only and self.split in ("notebook", "test"):
            raise UsageError(f"--train_only is not of --split={self.split}, which divides no corpora")

    def _check_classes(self) -> None:
        if self.classes and self.classes not in PRESETS and not files.exists(self.classes):
            raise UsageError(f"--classes={self.classes}: unknown; known are {', '.join(PRESETS)}, or a JSON file")
        if self.classes:
            read_classes(self.classes)

    def read_fold(self) -> Fold | None:
        """Returns the fold that is asked for; UsageError where it is none, or names a corpus that nobody knows."""
        names = [source.name for source in corpora.parse_corpus_flags(self.corpus)]
        return parse_fold(self.fold, [*CORPORA, *names]) if self.fold else None


def read_classes(value: str) -> ClassSet:
    """Returns the classes that --classes names: a preset, or a JSON file."""
    return PRESETS[value] if value in PRESETS else parse_classes(files.read_json(value), f"--classes={value}")
