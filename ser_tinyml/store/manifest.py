"""A manifest: one JSON object a line, one line a clip."""

import functools
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import get_type_hints

from schemas.classes import SPLITS
from schemas.errors import UserError
from schemas.manifest import KNOWN_OF_SOME, OF_A_PART, PER_COPY, ManifestRow
from schemas.run_files import ManifestSummary
from ser_tinyml.store import files


def write_manifest(path: str, rows: Iterable[ManifestRow]) -> None:
    """Stores rows in the order of their clip ids."""
    files.write_json_lines(path, (row.to_dict() for row in sorted(rows, key=lambda row: row.clip_id)))


def parse_row(document: dict) -> ManifestRow:
    """Parses a stored row; raises UserError where a field is missing, unknown or of the wrong type."""
    types = _types()
    whole = not any(name in document for name in OF_A_PART)
    expected = set(types) - (set(OF_A_PART) if whole else set())
    required = expected - set(KNOWN_OF_SOME)
    if wrong := (required - set(document)) | (set(document) - expected):
        raise UserError(f"field {sorted(wrong)[0]!r} is {'missing' if wrong <= required else 'unexpected'}")
    for name, kind in ((name, kind) for name, kind in types.items() if name in document):
        accepted = (int, float) if kind is float else (kind,)
        if type(document[name]) not in accepted:
            raise UserError(f"{name} is {document[name]!r}, expected {kind.__name__}")
    return ManifestRow(**document)


@functools.cache
def _types() -> dict[str, type]:
    return get_type_hints(ManifestRow)


Domains = Mapping[str, Collection[str]]  # a field of a row -> its values


def list_domains(summary: ManifestSummary) -> Domains:
    """Returns what the fields of a manifest's rows may be, as its summary says."""
    return {
        "corpus": summary.corpora,
        "emotion": tuple(summary.label_of_emotion),
        "label": summary.labels,
        "split": (*SPLITS, PER_COPY),
    }


def find_foreign_value(row: ManifestRow, domains: Domains) -> str | None:
    """Returns the first value of a row that is outside its domain, and what was expected; None where all are in order."""
    for name, domain in domains.items():
        if getattr(row, name) not in domain:
            return f"{name} is {getattr(row, name)!r}, expected one of {', '.join(domain)}"
    return None


def read_manifest(path: str) -> Iterator[ManifestRow]:
    """Yields the rows of a manifest; raises UserError for a line that is not one, naming it."""
    for number, document in enumerate(files.read_json_lines(path), start=1):
        try:
            row = parse_row(document)
        except UserError as error:
            raise UserError(f"{path}, line {number}: {error}") from error
        yield row
