"""Command lines of the console script's own commands. Those of the steps are absl's, see `components.command_line`."""

import argparse
from collections.abc import Callable

from ser_tinyml.cli.endings import told_in_one_message
from ser_tinyml.version import VERSION


def new_parser(description: str | None) -> argparse.ArgumentParser:
    """Returns a parser with what every command understands: --help, --version and --debug."""
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"ser-tinyml {VERSION}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def run_command(parser: argparse.ArgumentParser, execute: Callable[[argparse.Namespace], None]) -> None:
    """Parses the command line and runs `execute(arguments)`; ends the program as `endings` says."""
    with told_in_one_message():
        arguments = parser.parse_args()
    with told_in_one_message(arguments.debug):
        execute(arguments)
