"""Executes docs/tutorial.ipynb from top to bottom, and writes it with what its cells gave; a cell that fails ends it.

`python tools/tutorial.py` writes it in place, as `make tutorial` does; its folder is the repository, where `make demo` leaves build/demo.
"""

import argparse
import os
import pathlib

import nbclient
import nbformat

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
NOTEBOOK = REPOSITORY / "docs" / "tutorial.ipynb"
_CELL_SECONDS = 1800  # the demo's run, where it was not there


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=pathlib.Path, default=REPOSITORY, help="where its paths begin")
    parser.add_argument("--output", type=pathlib.Path, default=NOTEBOOK, help="the notebook to write")
    arguments = parser.parse_args()
    os.environ["PYTHONPATH"] = str(REPOSITORY)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    place = {"metadata": {"path": str(arguments.folder)}}
    nbclient.NotebookClient(notebook, timeout=_CELL_SECONDS, kernel_name="python3", resources=place).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # the times of day
    nbformat.write(notebook, arguments.output)


if __name__ == "__main__":
    main()
