"""Command lines of the console script's own commands. Those of the steps are absl's, see `components.command_line`."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from ser_tinyml.cli.endings import told_in_one_message
from ser_tinyml.version import VERSION

if TYPE_CHECKING:
    from ser_tinyml.prediction.model import Model


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


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that name a finished model."""
    parser.add_argument(
        "--model",
        required=True,
        metavar="PATH",
        help="the root of a run, an export, a firmware bundle, a Keras model or a TFLite file",
    )
    parser.add_argument(
        "--model_labels",
        metavar="NAME,...",
        help="the classes of a file, in the order of its outputs; by default neutral,happy,surprise,unpleasant",
    )
    parser.add_argument(
        "--model_front_end",
        metavar="FILE",
        help="the front end of a file: JSON with parameters of schemas/front_end.py; by default the usual one",
    )
    parser.add_argument(
        "--model_standardisation",
        metavar="FILE",
        help='what a file takes: JSON {"mean": [...], "deviation": [...]}; by default raw features',
    )


def load_model(arguments: argparse.Namespace, runtime: str | None) -> "Model":
    """Loads the model that `add_model`'s flags name; raises UserError where it can't be."""
    from schemas.classes import parse_labels
    from ser_tinyml.prediction.loading import load

    labels = arguments.model_labels and parse_labels("model_labels", arguments.model_labels)
    return load(
        arguments.model,
        runtime,
        labels=labels,
        front_end=arguments.model_front_end,
        standardisation=arguments.model_standardisation,
    )
