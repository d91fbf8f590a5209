"""Makes a synthetic corpus in the layouts of three published ones, for trying the pipeline without recordings."""

import argparse

from ser_tinyml.cli.arguments import new_parser, run_command
from ser_tinyml.corpora import demo


def main() -> None:
    """Runs `ser-tinyml demo-corpus`."""
    parser = new_parser(__doc__)
    parser.add_argument("--output", required=True, metavar="DIR", help="directory to write to")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes (default: 0)")
    run_command(parser, _execute)


def _execute(arguments: argparse.Namespace) -> None:
    count = demo.make(arguments.output, arguments.seed)
    print(f"{count} synthetic clips in {arguments.output}; read them with")
    print(" ".join(f"--corpus={corpus}:{arguments.output}/{corpus}" for corpus in ("ravdess", "tess", "savee")))
