"""The console script `ser-tinyml COMMAND`, which is also `python -m ser_tinyml COMMAND`.

A command is a module with a function `main`, which reads `sys.argv`, and a line in COMMANDS. The pipeline and its steps lie
above this package, which must not import them: they are found by name when they are asked for. So is everything else: `--help`
answers without TensorFlow and Beam.
"""

import dataclasses
import importlib
import sys
from typing import NoReturn

from ser_tinyml.cli.endings import EXIT_CODES, end, show_version, told_in_one_message


@dataclasses.dataclass(frozen=True)
class Command:
    """One command of the console script."""

    module: str  # its function `main` is the command
    help: str  # one line


COMMANDS = {
    "run": Command("pipeline.run", "run the whole pipeline: recordings to features, model, firmware and report"),
    "evaluate": Command("pipeline.evaluate", "judge a finished model on other recordings"),
    "compare": Command(
        "ser_tinyml.cli.compare", "show finished runs side by side, and which differences are no chance"
    ),
    "predict": Command("ser_tinyml.cli.predict", "say what emotion is in recordings"),
    "listen": Command("ser_tinyml.cli.listen", "listen to the microphone as the device does"),
    "monitor": Command("ser_tinyml.cli.monitor", "show what a board hears and decides, and give it commands"),
    "capture": Command("ser_tinyml.cli.capture", "record through a board's microphone, to train on what it hears"),
    "serve-model": Command("components.serving.__main__", "write a model as a SavedModel for TensorFlow Serving"),
    "bulk": Command("components.bulk_inference.__main__", "say what emotion is in many recordings: a Beam job"),
    "example_gen": Command("components.example_gen.__main__", "find the clips of corpora, label and split them"),
    "transform": Command("components.transform.__main__", "turn a manifest's clips into TFRecords of features"),
    "trainer": Command("components.trainer.__main__", "train the network"),
    "exporter": Command("components.exporter.__main__", "write TFLite files, TFLM's source and the C engine"),
    "evaluator": Command("components.evaluator.__main__", "judge the exported models on held-out speakers"),
    "infra_validator": Command("components.infra_validator.__main__", "replay the firmware on an emulated board"),
    "pusher": Command("components.pusher.__main__", "write the firmware bundle of a blessed model"),
    "reporter": Command("components.reporter.__main__", "write the report"),
    "demo-corpus": Command("ser_tinyml.cli.demo_corpus", "make a synthetic corpus to try the pipeline with"),
    "export-hub": Command("ser_tinyml.cli.export_hub", "make a folder for the Hugging Face hub of a finished run"),
    "lineage": Command("pipeline.openlineage", "print what a run's steps read and made as OpenLineage events"),
    "corpora": Command("ser_tinyml.cli.corpora", "list the corpora that can be read, with licence and page"),
}


def main() -> None:
    """Runs the command that the command line names; ends the program as `endings` says."""
    with told_in_one_message("--debug" in sys.argv):
        name, *rest = sys.argv[1:] or [""]
        if name in ("--help", "-h", "help"):
            print(_list_commands())
        elif name == "--version":
            show_version()
        elif name not in COMMANDS:
            _refuse(name)
        else:
            sys.argv = [f"ser-tinyml {name}", *rest]
            importlib.import_module(COMMANDS[name].module).main()


def _list_commands() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {command.help}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: ser-tinyml COMMAND [--flag=value ...]",
            "\nEmotion from speech on a microcontroller: recordings in, firmware out.\n",
            *lines,
            "\nser-tinyml COMMAND --help tells more; ser-tinyml --version prints the version.",
            f"Exit codes: {', '.join(f'{code} {meaning}' for code, meaning in EXIT_CODES.items())}.",
        ]
    )


def _refuse(name: str) -> NoReturn:
    said = f"error: unknown command {name!r}" if name else "error: no command given"
    end(f"{said}\n\n{_list_commands()}")
