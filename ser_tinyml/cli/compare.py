"""Shows finished runs side by side: the flags that differ, data, figures, and how much each has more than the first."""

import argparse
import dataclasses
import json

from ser_tinyml.cli.arguments import new_parser, run_command
from ser_tinyml.judging.side_by_side import Rows, SideBySide, compare_runs
from ser_tinyml.report.comparison import name_verdict, render_comparison
from ser_tinyml.report.rendering import show_value
from ser_tinyml.store import files


def main() -> None:
    """Runs `ser-tinyml compare`."""
    parser = new_parser(__doc__)
    parser.add_argument("roots", nargs="+", metavar="ROOT", help="a run's root, or the output of `ser-tinyml evaluate`")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--html", metavar="FILE", help="write a page that needs no other file")
    run_command(parser, _execute)


def _execute(arguments: argparse.Namespace) -> None:
    found = compare_runs(arguments.roots)
    if arguments.html:
        files.write_text(arguments.html, render_comparison(found))
    print(
        json.dumps(dataclasses.asdict(found), indent=2, ensure_ascii=False) if arguments.json else format_tables(found)
    )


def format_tables(found: SideBySide) -> str:
    """Returns the tables for the console."""
    lines = [f"[{number}] {root}" for number, root in enumerate(found.roots, start=1)]
    for title, rows in (("flags that differ", found.flags), ("data", found.data), ("figures", found.figures)):
        lines += ["", title, *_format_rows(rows)]
    lines += ["", f"more than [1], with the 95 % interval of the paired difference over speakers ({found.roots[0]})"]
    for number, (compared, why_not) in enumerate(zip(found.differences, found.why_not, strict=True), start=1):
        if number == 1:
            continue
        if compared is None:
            lines.append(f"  [{number}] {why_not}")
            continue
        for metric, value in compared.difference.items():
            low, high = compared.intervals[metric]
            verdict = name_verdict(low, high)
            lines.append(
                f"  [{number}] {metric:9} {value:+.3f} ({low:+.3f} to {high:+.3f}) on {compared.clips} clips: {verdict}"
            )
    return "\n".join(lines)


def _format_rows(rows: Rows) -> list[str]:
    if not rows:
        return ["  none"]
    texts = {name: [show_value(value) for value in values] for name, values in rows.items()}
    width = max(map(len, texts))
    columns = zip(*texts.values(), strict=True)
    widths = [min(48, max(map(len, column))) for column in columns]
    return [
        "  " + "  ".join([name.ljust(width), *(text.rjust(w) for text, w in zip(values, widths, strict=True))])
        for name, values in texts.items()
    ]
