"""A manifest: one JSON object a line, one line a clip."""

import functools
from collections.abc import Iterable, Iterator
from typing import get_type_hints

from schemas.classes import LABEL_OF_EMOTION, LABELS, SPLITS
from schemas.errors import UserError
from schemas.manifest import PER_COPY, ManifestRow
from ser_tinyml.corpora import CORPORA
from ser_tinyml.store import files


def write_manifest(path: str, rows: Iterable[ManifestRow]) -> None:
    """Stores rows in the order of their clip ids."""
    files.write_json_lines(path, (row.to_dict() for row in sorted(rows, key=lambda row: row.clip_id)))


def parse_row(document: dict) -> ManifestRow:
    """Parses a stored row; raises UserError where a field is missing, unknown or of the wrong type."""
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
    """Returns the first value of a row that is outside its domain, and what was expected; None where all are in order."""
    for name, domain in _DOMAINS.items():
        if getattr(row, name) not in domain:
            return f"{name} is {getattr(row, name)!r}, expected one of {', '.join(domain)}"
    return None


def read_manifest(path: str) -> Iterator[ManifestRow]:
    """Yields the rows of a manifest; raises UserError for a line that is not one, naming it."""
    for number, document in enumerate(files.read_json_lines(path), start=1):
        try:
            row = parse_row(document)
            if problem := find_foreign_value(row):
                raise UserError(problem)
        except UserError as error:
            raise UserError(f"{path}, line {number}: {error}") from error
        yield row


_DOMAINS = {
    "corpus": tuple(CORPORA),
    "emotion": tuple(LABEL_OF_EMOTION),
    "label": LABELS,
    "split": (*SPLITS, PER_COPY),
}
