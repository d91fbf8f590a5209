"""The one writer of C text: templates, and how numbers, strings, names and arrays are spelled in C."""

import functools
import pathlib
import re
from collections.abc import Iterable

import jinja2
import numpy as np

_LINE = 116  # characters of an array's line, without its indentation
_LONGEST_NAME = 40
_TEMPLATES = pathlib.Path(__file__).resolve().parent / "templates"


def render(template: str, **values: object) -> bytes:
    """Returns a file of `templates/`, filled in; a value that a template asks for and does not get is an error."""
    return _load_environment().get_template(template).render(**values).encode()


@functools.cache
def _load_environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "c_comment": c_comment,
        "c_float": c_float,
        "c_integer": c_integer,
        "c_rows": c_rows,
        "c_string": c_string,
        "thousands": lambda number: f"{number:,}",
    }
    return environment


def c_float(value: float | np.floating) -> str:
    """Returns the shortest literal that reads back as the same float32."""
    return f"{np.float32(value)!s}f"


def c_integer(value: int) -> str:
    """Returns a literal that stands safely behind any operator."""
    return f"({value})" if value < 0 else str(value)


def c_string(text: str) -> str:
    """Returns a string literal of the text's UTF-8, quotes included; whatever the text holds, it stays text."""
    return '"' + "".join(_escape(byte) for byte in text.encode()) + '"'


def _escape(byte: int) -> str:
    """Returns a byte of a string literal. "?" is escaped, too: two of them would begin a trigraph."""
    plain = 32 <= byte < 127 and chr(byte) not in '"\\?'
    return chr(byte) if plain else f"\\{byte:03o}"


def c_comment(text: str) -> str:
    """Returns text for a comment: on one line, and without what would end the comment or go on behind its line."""
    return re.sub(r"[^\x20-\x7e]|\\|\*/|/\*|\?\?", "_", text)


def c_identifier(text: str) -> str:
    """Returns the text with all that a C name can't have replaced; for use behind a prefix, as it may begin with a digit."""
    return re.sub(r"\W", "_", text, flags=re.ASCII)[:_LONGEST_NAME]


def c_rows(values: np.ndarray, indent: int = 4) -> str:
    """Returns what stands between the braces of an array: literals in lines of a printed width, a row in braces of its own."""
    margin = " " * indent
    if values.ndim > 1:
        rows = (f"{margin}{{\n{c_rows(row, indent + 2)}\n{margin}}}," for row in values)
        short = (f"{margin}{{{', '.join(_literals(row))}}}," for row in values)
        return "\n".join(short if values.ndim == 2 and values.shape[1] <= 4 else rows)
    return "\n".join(margin + line for line in _wrap(f"{literal}," for literal in _literals(values)))


def _literals(values: np.ndarray) -> list[str]:
    if values.dtype.kind == "f":
        return [c_float(value) for value in values]
    if values.dtype == np.uint8:
        return [f"0x{value:02x}" for value in values]
    return [str(value) for value in values]


def _wrap(words: Iterable[str]) -> list[str]:
    lines, length = [[]], 0  # type: list[list[str]], int
    for word in words:
        if lines[-1] and length + len(word) > _LINE:
            lines.append([])
            length = 0
        lines[-1].append(word)
        length += len(word) + 1
    return [" ".join(line) for line in lines]
