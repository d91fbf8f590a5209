"""Lists the corpora that can be read, with their licences and the pages from where they are downloaded."""

import argparse
import json

from ser_tinyml.cli.arguments import new_parser, run_command
from ser_tinyml.corpora import CORPORA, Corpus


def main() -> None:
    """Runs `ser-tinyml corpora`."""
    parser = new_parser(__doc__)
    parser.add_argument("--json", action="store_true", help="print a JSON list instead of a table")
    run_command(parser, _execute)


def _execute(arguments: argparse.Namespace) -> None:
    rows = [_describe(corpus) for corpus in CORPORA.values()]
    print(json.dumps(rows, indent=2, ensure_ascii=False) if arguments.json else _format_table(rows))


def _describe(corpus: Corpus) -> dict[str, str | int]:
    return {
        "name": corpus.name,
        "title": corpus.title,
        "language": corpus.language,
        "speakers": len(corpus.speakers),
        "licence": corpus.licence,
        "page": corpus.page,
    }


def _format_table(rows: list[dict[str, str | int]]) -> str:
    """Returns the rows below a line of their keys, in columns as wide as what is in them."""
    lines = [tuple(rows[0]), *(tuple(map(str, row.values())) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
