"""Tells what share of lines and of branches the tests ran, as `coverage combine` left it; ends with 1 below a goal."""

import json
import pathlib
import sys
import tempfile

import coverage

_GOALS = {"lines": 0.95, "branches": 0.90}


def main() -> int:
    """Prints a line a goal."""
    measured = coverage.Coverage()
    measured.load()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "coverage.json")
        measured.json_report(outfile=str(path))
        totals = json.loads(path.read_text())["totals"]
    measured.report()
    shares = {
        "lines": totals["covered_lines"] / totals["num_statements"],
        "branches": totals["covered_branches"] / totals["num_branches"],
    }
    missed = [kind for kind, goal in _GOALS.items() if shares[kind] < goal]
    for kind, share in shares.items():
        print(f"{kind}: {share:.1%}, at least {_GOALS[kind]:.0%}: {'FAILED' if kind in missed else 'passed'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
