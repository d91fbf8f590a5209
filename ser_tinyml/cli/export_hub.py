"""Makes a folder for the Hugging Face hub of a finished run: model card, files, and how they are used."""

import argparse

from schemas.errors import UserError
from ser_tinyml.cli.arguments import new_parser, run_command
from ser_tinyml.store import files


def main() -> None:
    """Runs `ser-tinyml export-hub`."""
    parser = new_parser(__doc__)
    parser.add_argument("output", metavar="DIR", help="directory to write to: a new or an empty one")
    parser.add_argument("--model", required=True, metavar="ROOT", help="the root of a finished run")
    run_command(parser, _execute)


def _execute(arguments: argparse.Namespace) -> None:
    from ser_tinyml.report.hub import make_folder

    output = arguments.output
    if files.exists(output) and (not files.is_folder(output) or files.list_file_states(output)):
        raise UserError(f"{output} is not empty: nothing of it is overwritten, choose another directory")
    folder = make_folder(arguments.model)
    for name, content in folder.items():
        files.write_bytes(files.join(output, name), content)
    print(f"{len(folder)} files in {output}; put it on the hub with `hf upload NAME {output}`")


if __name__ == "__main__":
    main()
