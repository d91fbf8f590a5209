"""Listens as the device does, to the microphone or to a recording, and shows level, speech, probabilities and decisions.

On a terminal the view is live; elsewhere each decision is a line of JSON, as a board writes it. Ctrl-C ends it.
"""

import argparse
import contextlib
import json
import queue
import signal
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from schemas.errors import UsageError, UserError
from ser_tinyml.cli.arguments import add_model, load_model, new_parser, run_command

if TYPE_CHECKING:
    import numpy as np

    from ser_tinyml.prediction.stream import Decision, Stream

_BLOCK_SECONDS = 0.05


def main() -> None:
    """Runs `ser-tinyml listen`."""
    parser = new_parser(__doc__)
    add_model(parser)
    parser.add_argument("--replay", metavar="FILE", help="hear a recording instead of the microphone")
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        help="of the replay: 1, the default, is as it was said, 2 twice as fast, 0 at once",
    )
    parser.add_argument(
        "--microphone", metavar="NAME", help="the sound device, by a part of its name; by default the system's"
    )
    run_command(parser, _execute)


def _execute(arguments: argparse.Namespace) -> None:
    if not arguments.speed >= 0:
        raise UsageError(f"--speed={arguments.speed:g}: expected 0 or more")
    if arguments.replay and arguments.microphone:
        raise UsageError("--microphone is not heard where a recording is replayed: leave one out")
    model = load_model(arguments, "device")
    with contextlib.ExitStack() as stack:
        if arguments.replay:
            rate = float(model.front_end.sample_rate)
            blocks = _replay(arguments.replay, model.front_end.sample_rate, arguments.speed)
        else:
            rate, blocks = stack.enter_context(_open_microphone(arguments.microphone))
        view = stack.enter_context(_open_view(model.labels, arguments.replay or "the microphone"))
        signal.signal(signal.SIGINT, signal.default_int_handler)  # it is how listening ends, and no interruption
        with contextlib.suppress(KeyboardInterrupt):
            _listen(model.stream(rate), blocks, rate, view)


class View(Protocol):
    """Where it is shown what is heard."""

    def show_sound(self, seconds: float, level_db: float, has_speech: bool) -> None:
        """Shows what was heard up to a time: the level of the last block, and whether the voice gate is open."""

    def show_decision(self, decision: "Decision") -> None:
        """Shows a decision."""


def _listen(stream: "Stream", blocks: "Iterator[np.ndarray]", rate: float, view: View) -> None:
    from ser_tinyml.prediction.stream import measure_level

    heard = 0
    for block in blocks:
        for decision in stream.feed(block):
            view.show_decision(decision)
        heard += len(block)
        view.show_sound(heard / rate, measure_level(block), stream.hears_speech)
    for decision in stream.finish():
        view.show_decision(decision)


def _replay(path: str, rate: int, speed: float) -> "Iterator[np.ndarray]":
    """Yields a recording in blocks of 50 ms, each when it would have been said."""
    from ser_tinyml.audio.decode import Undecodable, decode_blocks
    from ser_tinyml.prediction.model import ANY_RECORDING
    from ser_tinyml.store import files

    size, begin, given = round(_BLOCK_SECONDS * rate), time.monotonic(), 0
    with files.open_binary(path) as stream:
        try:
            for decoded in decode_blocks(stream, rate, ANY_RECORDING):
                for start in range(0, len(decoded), size):
                    block = decoded[start : start + size]
                    given += len(block)
                    if speed:
                        time.sleep(max(0.0, begin + given / rate / speed - time.monotonic()))
                    yield block
        except Undecodable as error:
            raise UserError(f"{path}: {error}") from error


@contextlib.contextmanager
def _open_microphone(name: str | None) -> "Iterator[tuple[float, Iterator[np.ndarray]]]":
    """Yields the microphone's rate, in Hz, and its sound in blocks, float32 [samples], as they come."""
    try:
        import sounddevice
    except ImportError:
        raise UserError(
            "the microphone is heard through sounddevice, which is not installed: pip install 'ser-tinyml[listen]', or "
            "--replay=FILE"
        ) from None
    except OSError as error:  # its native library
        raise UserError(
            f"the microphone is heard through PortAudio, which is not installed (libportaudio2): {error}"
        ) from error
    heard: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()

    def take(block: "np.ndarray", *_: Any) -> None:
        heard.put(block[:, 0].copy())

    try:
        rate = float(sounddevice.query_devices(name, "input")["default_samplerate"])
        size = round(_BLOCK_SECONDS * rate)
        microphone = sounddevice.InputStream(rate, size, name, channels=1, dtype="float32", callback=take)
        with microphone:
            yield rate, iter(heard.get, None)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise UserError(
            f"the microphone can't be heard ({error}): connect one, name one by --microphone, or take --replay=FILE"
        ) from error


class _Lines:
    """Decisions as lines of JSON."""

    def show_sound(self, seconds: float, level_db: float, has_speech: bool) -> None:
        """Shows nothing: a program wants decisions."""

    def show_decision(self, decision: "Decision") -> None:
        """Prints a decision."""
        print(json.dumps(decision.to_json()), flush=True)


def _open_view(labels: tuple[str, ...], source: str) -> "contextlib.AbstractContextManager[View]":
    if not sys.stdout.isatty():
        return contextlib.nullcontext(_Lines())
    from ser_tinyml.cli.live_view import LiveView

    return LiveView(labels, source)


if __name__ == "__main__":
    main()
