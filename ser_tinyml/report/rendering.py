"""The templates of this folder, filled in: the report's page and the model card."""

import base64
import functools
import re
from typing import Any

import jinja2

from schemas.run_files import Board


def render(template: str, **values: object) -> str:
    """Returns a file of `templates/`, filled in; a value that a template asks for and does not get is an error.

    Text is escaped where the template is of HTML.
    """
    return _load_environment().get_template(template).render(**values)


@functools.cache
def _load_environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ser_tinyml.report"),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "base64": lambda content: base64.b64encode(content).decode(),
        "markdown": escape_markdown,
        "fixed": lambda number, digits: f"{number:.{digits}f}",
        "significant": lambda number: f"{number:.4g}",
        "shown": show_value,
        "thousands": lambda number: f"{number:,}",
    }
    return environment


def escape_markdown(text: str) -> str:
    """Returns text that Markdown shows as it is, in a table's cell, too: character references never are markup."""
    return re.sub(r"[!-,./:-@\[-`{-~]", lambda found: f"&#{ord(found[0])};", text)


def show_value(value: Any) -> str:
    """Returns a value as a table shows it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    return ", ".join(map(show_value, value)) if isinstance(value, list) else str(value)


def explain_validation(board: Board) -> str:
    """Returns why a firmware is not board-validated; "" where it is."""
    failed = (f"failed: {gate.name}" for gate in board.gates if not gate.passed)
    return "; ".join([*failed, *board.skipped])
