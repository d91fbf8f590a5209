"""Shows what a board hears and decides, by its serial line, and gives it commands.

On a terminal the view is live, and a line that is typed is sent as a command (? lists them); elsewhere each line of the board
is passed on. Ctrl-C ends it.
"""

import argparse
import contextlib
import json
import select
import signal
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from schemas.errors import GateFailed, UsageError
from ser_tinyml.cli.arguments import new_parser, run_command

if TYPE_CHECKING:
    from ser_tinyml.runtimes.serial_line import SerialLine

SELFTEST_SECONDS = 30.0  # a core without an FPU takes some
_STEPS = 2  # that an output for sound may be off: compilers may fuse multiply-adds of the front end
_QUIET_SECONDS = 1.0  # without a decision: nobody speaks


def main() -> None:
    """Runs `ser-tinyml monitor`."""
    parser = new_parser(__doc__)
    add_port(parser)
    parser.add_argument(
        "--send",
        action="append",
        default=[],
        metavar="COMMAND",
        help="send a command first; may be given several times",
    )
    parser.add_argument(
        "--selftest", action="store_true", help="ask the board to test itself, show what it answers, and end"
    )
    parser.add_argument(
        "--model",
        metavar="PATH",
        help="with --selftest: the run, export or bundle that the board should have; its C is compared",
    )
    run_command(parser, _execute)


def add_port(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that name a board."""
    parser.add_argument("--port", required=True, help="the board's serial port, as /dev/ttyACM0")
    parser.add_argument("--baud", type=int, default=115_200, help="bits a second; by default 115200")


def _execute(arguments: argparse.Namespace) -> None:
    from ser_tinyml.runtimes.serial_line import SerialLine

    if arguments.model and not arguments.selftest:
        raise UsageError("--model is what --selftest compares with")
    with SerialLine(arguments.port, arguments.baud) as line:
        for command in arguments.send:
            line.send(command)
        if arguments.selftest:
            _test(line, arguments.model)
        else:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # it is how watching ends, and no interruption
            with contextlib.suppress(KeyboardInterrupt):
                _watch(line, arguments.port)


def _test(line: "SerialLine", model: str | None) -> None:
    """Shows the board's self-test; GateFailed where it fails, or is not that of the model."""
    found = line.ask("selftest", "selftest", SELFTEST_SECONDS)["selftest"]
    print(json.dumps(found))
    if found["failed"]:
        raise GateFailed("the board's engine fails in its self-test")
    if not model:
        return
    from ser_tinyml.prediction.loading import load

    of_features, of_sound = load(model, "device").run_selftest()
    if found["of_features"] != of_features.tolist():
        raise GateFailed(f"the board's engine gives {found['of_features']}, that of {model} {of_features.tolist()}")
    apart = int(np.abs(np.array(found["of_sound"]) - of_sound).max())
    if apart > _STEPS:
        raise GateFailed(
            f"the board's outputs for sound are {apart} steps from those of {model}, at most {_STEPS} may be"
        )
    print(f"the engine gives the bits of {model}; outputs for sound differ by at most {apart} of 256 steps")


def _watch(line: "SerialLine", port: str) -> None:
    if not sys.stdout.isatty():
        for message in line.receive():
            if message:
                print(json.dumps(message), flush=True)
        return
    from ser_tinyml.cli.live_view import LiveView
    from ser_tinyml.prediction.stream import Decision

    with LiveView((), port) as view:
        decided = -_QUIET_SECONDS
        seconds, level_db = 0.0, -100.0
        for message in line.receive():
            if sys.stdin.isatty() and select.select([sys.stdin], [], [], 0)[0]:
                line.send(sys.stdin.readline().strip())
                view.pass_line()
            if message and {"ms", "class", "probabilities"} <= set(message):
                decision = Decision.from_json(message)
                decided, seconds, level_db = time.monotonic(), decision.seconds, decision.level_db
                view.show_decision(decision)
            elif message:
                view.show_line(json.dumps(message))
            view.show_sound(seconds, level_db, time.monotonic() - decided < _QUIET_SECONDS)


if __name__ == "__main__":
    main()
