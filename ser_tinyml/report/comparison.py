"""The page of `ser-tinyml compare`: finished runs side by side, in one HTML file that needs no other."""

from schemas.run_files import Comparison
from ser_tinyml.judging.side_by_side import Rows, SideBySide
from ser_tinyml.report.rendering import render, show_value


def render_comparison(found: SideBySide) -> str:
    """Returns the HTML."""
    head = [f"run {number}" for number in range(1, len(found.roots) + 1)]
    return render("comparison.html.j2", found=found, head=head, rows_of=_list_differences, values_of=_show_rows)


def name_verdict(low: float, high: float) -> str:
    """Returns what the interval of a difference says."""
    return "more" if low > 0 else "less" if high < 0 else "no difference beyond chance"


def _list_differences(compared: Comparison) -> list[list[str]]:
    rows = []
    for metric, value in compared.difference.items():
        low, high = compared.intervals[metric]
        rows.append([metric, f"{value:+.3f}", f"{low:+.3f} to {high:+.3f}", name_verdict(low, high)])
    return rows


def _show_rows(rows: Rows) -> list[list[str]]:
    return [[name, *map(show_value, values)] for name, values in rows.items()]
