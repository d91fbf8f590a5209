"""Reads and writes the documents that steps leave for one another (`schemas/run_files.py`)."""

import dataclasses
import functools
import json
from typing import Any, ClassVar, Protocol, TypeVar

import pydantic

from schemas.errors import UserError
from ser_tinyml.store import files


class RunFile(Protocol):
    """A frozen dataclass of `schemas/run_files.py` that is a file of its own."""

    KIND: ClassVar[str]
    VERSION: ClassVar[int]
    FILE_NAME: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


Document = TypeVar("Document", bound=RunFile)


def read(kind: type[Document], directory: str) -> Document:
    """Reads the document of a kind in a directory.

    Raises:
      UserError: it is missing, of another kind or version, or a field of it is missing or of the wrong type; names the field.
    """
    path = files.join(directory, kind.FILE_NAME)
    stored = files.read_json(path)
    if not isinstance(stored, dict) or stored.pop("kind", None) != kind.KIND:
        raise UserError(f"{path} is no {kind.KIND}: it does not say that it is one")
    if (version := stored.pop("version", None)) != kind.VERSION:
        raise UserError(
            f"{path} is a {kind.KIND} of version {version}, this program reads version {kind.VERSION}: run its step again"
        )
    try:
        return _adapter(kind).validate_json(json.dumps(stored), strict=True)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise UserError(f"{path} is no {kind.KIND}: {field}: {first['msg']}") from error


def write(document: RunFile, directory: str) -> None:
    """Writes a document into a directory, under the name that its kind has."""
    files.write_bytes(files.join(directory, document.FILE_NAME), encode(document))


def encode(document: RunFile) -> bytes:
    """Returns a document as it is stored."""
    head = {"kind": document.KIND, "version": document.VERSION}
    return files.encode_json(head | dataclasses.asdict(document))


@functools.cache
def _adapter(kind: type) -> pydantic.TypeAdapter:
    return pydantic.TypeAdapter(kind)
