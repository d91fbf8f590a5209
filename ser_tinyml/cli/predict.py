"""Says what emotion is in recordings: of each, and over time.

A PATH is a recording, a directory, of which every recording in it and below it is taken, or - for the standard input.
Recordings are of any length, rate and format that the project reads.
"""

import argparse
import concurrent.futures
import csv
import json
import queue
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from schemas.errors import UsageError, UserError
from ser_tinyml.cli.arguments import add_model, load_model, new_parser, run_command

if TYPE_CHECKING:
    from ser_tinyml.prediction.model import Model, Prediction

STANDARD_INPUT = "-"
_PICTURES = (".png", ".svg")
_WIDEST_NAME = 48  # columns of the table


def main() -> None:
    """Runs `ser-tinyml predict`."""
    parser = new_parser(__doc__)
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="a recording, a directory, or - for the standard input"
    )
    add_model(parser)
    parser.add_argument(
        "--runtime",
        help="where the model runs: engine (the generated C), device (the firmware's app), int8, float, dynamic, tflm or "
        "keras; by default engine where there are generated C and a compiler, else int8",
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="how many recordings at once; by default 1")
    parser.add_argument(
        "--same_speaker",
        action="store_true",
        help="the recordings are of one speaker, whom a model with --cmvn_prior_windows learns from one to the next",
    )
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="print a line of JSON a recording, with each of its windows")
    shown.add_argument("--csv", action="store_true", help="print CSV")
    parser.add_argument(
        "--plot",
        metavar="FILE",
        help="also show the probabilities over time: --plot on the terminal, --plot=FILE.png or --plot=FILE.svg as a "
        "picture of one recording",
    )
    sys.argv = ["--plot=" if word == "--plot" else word for word in sys.argv]  # else it would take the next PATH
    run_command(parser, _execute)


def _execute(arguments: argparse.Namespace) -> None:
    picture = arguments.plot or ""
    if picture and not picture.lower().endswith(_PICTURES):
        raise UsageError(f"--plot={picture}: expected a name that ends in {' or '.join(_PICTURES)}")
    if arguments.plot == "" and (arguments.json or arguments.csv):
        raise UsageError(
            "--plot is for people, --json and --csv are for programs: give --plot=FILE.png, or leave one out"
        )
    if arguments.jobs < 1:
        raise UsageError(f"--jobs={arguments.jobs}: expected at least 1")
    if arguments.paths.count(STANDARD_INPUT) > 1:
        raise UsageError("there is one standard input")
    found = list(_list_recordings(arguments.paths))
    if picture and len(found) != 1:
        raise UsageError(f"--plot={picture} is the picture of one recording; there are {len(found)}")
    jobs = 1 if arguments.same_speaker else min(arguments.jobs, len(found))
    models = [load_model(arguments, arguments.runtime) for _ in range(jobs)]
    if arguments.same_speaker:
        models[0].follow_speaker()
    labels = models[0].labels
    names = [path for path, _ in found]
    show = _choose(arguments, labels, names)
    failed = False
    for path, outcome in _predict_all(models, found):
        show(path, outcome)
        if isinstance(outcome, UserError):
            failed = True
        elif picture:
            from ser_tinyml.report.over_time import write_picture

            write_picture(picture, outcome, title=path)
    if failed:
        sys.exit(UserError.exit_code)


def _list_recordings(paths: list[str]) -> Iterator[tuple[str, UserError | None]]:
    """Yields the path of each recording, or a path and why there is none."""
    from ser_tinyml.corpora import list_sound
    from ser_tinyml.store import files

    for path in paths:
        try:
            if path == STANDARD_INPUT or not files.is_folder(path):
                yield path, None
                continue
            inside = list_sound(path)
        except UserError as error:
            yield path, error
            continue
        yield from ((recording, None) for recording in inside)
        if not inside:
            yield path, UserError("no recording is in this directory or below it")


def _predict_all(
    models: "list[Model]", found: list[tuple[str, UserError | None]]
) -> "Iterator[tuple[str, Prediction | UserError]]":
    """Yields what is said of each recording, or why nothing can be, in their order; as many at once as there are models."""
    free: queue.SimpleQueue[Model] = queue.SimpleQueue()
    for model in models:
        free.put(model)

    def predict(path: str) -> "Prediction | UserError":
        model = free.get()
        try:
            return _predict(model, path)
        except UserError as error:
            return error
        finally:
            free.put(model)

    with concurrent.futures.ThreadPoolExecutor(len(models)) as pool:
        futures = [(path, error or pool.submit(predict, path)) for path, error in found]
        try:
            for path, future in futures:
                yield path, future if isinstance(future, UserError) else future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _predict(model: "Model", path: str) -> "Prediction":
    from ser_tinyml.store import files

    if path != STANDARD_INPUT:
        with files.open_binary(path) as stream:
            return model.predict_opened(stream)
    with tempfile.TemporaryFile() as copy:  # a decoder goes back and forth
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.seek(0)
        return model.predict_opened(copy)


Show = Callable[[str, "Prediction | UserError"], None]


def _choose(arguments: argparse.Namespace, labels: tuple[str, ...], names: list[str]) -> Show:
    """Returns what shows an outcome, as the flags ask for it; what stands above all is shown now."""
    if arguments.json:
        return _show_json
    if arguments.csv:
        return _begin_csv(labels)
    return _begin_table(labels, names, with_plot=arguments.plot == "")


def _show_json(path: str, outcome: "Prediction | UserError") -> None:
    shown = {"error": str(outcome)} if isinstance(outcome, UserError) else outcome.to_json()
    print(json.dumps({"path": path} | shown), flush=True)


def _begin_csv(labels: tuple[str, ...]) -> Show:
    from ser_tinyml.prediction.rows import list_cells, list_columns

    writer = csv.writer(sys.stdout, lineterminator="\n")
    columns = list_columns(labels)
    writer.writerow([*columns, "error"])

    def show(path: str, outcome: "Prediction | UserError") -> None:
        if isinstance(outcome, UserError):
            writer.writerow([path, *[""] * (len(columns) - 1), outcome])
        else:
            writer.writerow([*list_cells({"path": path} | outcome.to_json(), labels), ""])
        sys.stdout.flush()

    return show


def _begin_table(labels: tuple[str, ...], names: list[str], *, with_plot: bool) -> Show:
    width = min(_WIDEST_NAME, max(map(len, [*names, "recording"])))
    said = max(map(len, [*labels, "no speech"])) + len(" (uncertain)")
    print(f"{'recording':{width}}  {'seconds':>8}  {'emotion':{said}}", *(f" {label:>6}" for label in labels))

    def show(path: str, outcome: "Prediction | UserError") -> None:
        if isinstance(outcome, UserError):
            sys.stdout.flush()  # it stands behind the rows before it
            reason = str(outcome)
            print(f"error: {reason if path in reason else f'{path}: {reason}'}", file=sys.stderr, flush=True)
            return
        emotion = (outcome.label or "no speech") + (" (uncertain)" if outcome.uncertain else "")
        values = (f" {value:>{max(6, len(label))}.2f}" for label, value in outcome.probabilities.items())
        line = f"{_shorten(path, width):{width}}  {outcome.seconds:8.2f}  {emotion:{said}}"
        print(" ".join([line, *values]).rstrip(), flush=True)
        if with_plot:
            from ser_tinyml.cli.over_time import draw_over_time

            print(*draw_over_time(outcome, shutil.get_terminal_size().columns), "", sep="\n", flush=True)

    return show


def _shorten(path: str, width: int) -> str:
    """Returns a path, or its end behind an ellipsis."""
    return path if len(path) <= width else "…" + path[-(width - 1) :]


if __name__ == "__main__":
    main()
