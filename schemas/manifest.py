"""A manifest: one JSON object a line, one line a clip."""

import dataclasses
import functools
from collections.abc import Iterable, Iterator
from typing import Any, get_type_hints

from schemas import artifacts
from schemas.artifacts import UserError
from schemas.labels import CORPORA, LABEL_OF_EMOTION, LABELS, SPLITS

# The comment inside a WAV file that marks it, and all that is made from it, as synthetic.
SYNTHETIC_COMMENT = "synthetic speech made by ser-tinyml's demo corpus; no person said this"

# The split of a clip whose copies are split one by one: the leaking protocol of the original notebook.
PER_COPY = "per_copy"


@dataclasses.dataclass(frozen=True)
class ManifestRow:
    """One clip."""

    clip_id: str  # hexadecimal SHA-256 of the file's content
    path: str
    corpus: str
    speaker: str  # unique with its corpus
    emotion: str  # the source's: a key of LABEL_OF_EMOTION
    label: str
    split: str  # one of SPLITS, or PER_COPY
    duration: float  # s
    sample_rate: int  # Hz, the file's own
    synthetic: bool

    @property
    def speaker_key(self) -> str:
        """The speaker's name among all corpora, like `ravdess/01`."""
        return f"{self.corpus}/{self.speaker}"

    def to_dict(self) -> dict[str, Any]:
        """The row as it is stored."""
        return dataclasses.asdict(self)


def write_manifest(path: str, rows: Iterable[ManifestRow]) -> None:
    """Stores rows in the order of their clip ids."""
    artifacts.write_json_lines(path, (row.to_dict() for row in sorted(rows, key=lambda row: row.clip_id)))


def parse_row(document: dict) -> ManifestRow:
    """A stored row; raises UserError where a field is missing, unknown or of the wrong type."""
    types = _types()
    if wrong := set(types) ^ set(document):
        raise UserError(f"field {sorted(wrong)[0]!r} is {'missing' if wrong <= set(types) else 'unexpected'}")
    for name, kind in types.items():
        accepted = (int, float) if kind is float else (kind,)
        if type(document[name]) not in accepted:
            raise UserError(f"{name} is {document[name]!r}, expected {kind.__name__}")
    return ManifestRow(**document)


@functools.cache
def _types() -> dict[str, type]:
    return get_type_hints(ManifestRow)


def find_foreign_value(row: ManifestRow) -> str | None:
    """The first value of a row that is outside its domain, and what was expected; None where all are in order."""
    for name, domain in _DOMAINS.items():
        if getattr(row, name) not in domain:
            return f"{name} is {getattr(row, name)!r}, expected one of {', '.join(domain)}"
    return None


def read_manifest(path: str) -> Iterator[ManifestRow]:
    """The rows of a manifest; raises UserError for a line that is not one, naming it."""
    for number, document in enumerate(artifacts.read_json_lines(path), start=1):
        try:
            row = parse_row(document)
            if problem := find_foreign_value(row):
                raise UserError(problem)
        except UserError as error:
            raise UserError(f"{path}, line {number}: {error}") from error
        yield row


_DOMAINS = {
    "corpus": CORPORA,
    "emotion": tuple(LABEL_OF_EMOTION),
    "label": LABELS,
    "split": (*SPLITS, PER_COPY),
}
