"""Records through a board's microphone into DIR/EMOTION/SPEAKER/N.wav, which `--corpus=folder:DIR` reads.

So a model is trained on what the board itself hears. Each recording begins when Enter is pressed, and takes --seconds.
"""

import argparse
import pathlib
import re
import sys
import time
from typing import TYPE_CHECKING

from schemas.errors import UsageError, UserError
from ser_tinyml.cli.arguments import new_parser, run_command
from ser_tinyml.cli.monitor import add_port

if TYPE_CHECKING:
    import numpy as np

    from ser_tinyml.runtimes.serial_line import SerialLine

_ANSWER_SECONDS = 5.0


def main() -> None:
    """Runs `ser-tinyml capture`."""
    parser = new_parser(__doc__)
    add_port(parser)
    parser.add_argument("--output", required=True, metavar="DIR", help="where the recordings go")
    parser.add_argument("--emotion", required=True, help="what is spoken: the folder's name, and the class")
    parser.add_argument("--speaker", required=True, help="who speaks")
    parser.add_argument("--seconds", type=float, default=4.0, help="of a recording; by default 4")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="how many recordings; by default 1")
    run_command(parser, _execute)


def _execute(arguments: argparse.Namespace) -> None:
    for flag in ("emotion", "speaker"):
        if not re.fullmatch(r"[^/\0.][^/\0]*", getattr(arguments, flag)):
            raise UsageError(
                f"--{flag}={getattr(arguments, flag)}: a folder's name, without / and without a point in front"
            )
    if not 0 < arguments.seconds <= 600 or arguments.count < 1:
        raise UsageError("--seconds is above 0 and at most 600, --count at least 1")
    from ser_tinyml.runtimes.serial_line import SerialLine

    folder = pathlib.Path(arguments.output, arguments.emotion, arguments.speaker)
    folder.mkdir(parents=True, exist_ok=True)
    with SerialLine(arguments.port, arguments.baud) as line:
        for _ in range(arguments.count):
            if sys.stdin.isatty():
                input(f"{arguments.emotion}, {arguments.speaker}: Enter, then speak ")
            samples, rate = record(line, arguments.seconds)
            print(_keep(folder, samples, rate), flush=True)


def record(line: "SerialLine", seconds: float) -> "tuple[np.ndarray, int]":
    """Returns what the board hears from now on, int16 [samples], and their rate in Hz.

    Raises:
      UserError: the board does not answer, sends no sound, or was too slow and lost some.
    """
    import numpy as np

    from ser_tinyml.runtimes.serial_line import decode_samples

    line.ask(
        "start", "rate", _ANSWER_SECONDS
    )  # the board may be sending sound already: then `pcm` alone would end that
    rate = line.ask("pcm", "rate", _ANSWER_SECONDS)["rate"]
    wanted, heard, blocks = round(seconds * rate), 0, []
    quiet_since = time.monotonic()
    for message in line.receive():
        if message and isinstance(message.get("pcm"), str):
            blocks.append(decode_samples(message))
            heard += len(blocks[-1])
            quiet_since = time.monotonic()
        elif message and message.get("overruns"):
            raise UserError("the board lost sound: its line is slower than its microphone")
        elif time.monotonic() - quiet_since > _ANSWER_SECONDS:
            raise UserError(f"the board has sent no sound for {_ANSWER_SECONDS:g} s")
        if heard >= wanted:
            break
    line.ask("start", "rate", _ANSWER_SECONDS)  # to decide again
    return np.concatenate(blocks)[:wanted], rate


def _keep(folder: pathlib.Path, samples: "np.ndarray", rate: int) -> pathlib.Path:
    """Writes a WAV file under the next number that is free, and returns its path."""
    import soundfile

    taken = [int(path.stem) for path in folder.glob("*.wav") if path.stem.isdecimal()]
    path = folder / f"{max(taken, default=0) + 1}.wav"
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


if __name__ == "__main__":
    main()
