"""Changes files that people bring, a thousand times each, and opens them: a message or a result must come of it.

`python benchmarks/faults/mutated_files.py [--count=1000] [--kind=SUFFIX]` prints a row a kind of file, and ends with an error
where one ended in a crash, an exception that is no message, after more than a minute, or with more than 1 GB. Each file is
opened in a process forked from this one. Models are loaded there as the exporter's own process loads them; where native code
crashes on one, or does not come to an end, that process is started for it in earnest, and must tell so.
"""

import argparse
import collections
import hashlib
import os
import pathlib
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import soundfile
import tensorflow as tf

from schemas.errors import UserError
from schemas.run_files import RunHistory
from ser_tinyml.audio.decode import Crop, Undecodable, decode_window
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.network.loading import load_model
from ser_tinyml.runtimes.isolated import call_isolated
from ser_tinyml.store import files, run_files

_SECONDS, _BYTES = 60, 10**9
_RESULT, _MESSAGE, _CRASH, _HANG = "result", "message", "crash", "more than"
_CRASH_TOLD, _HANG_TOLD = "crash, told", "no end, told"
_GOOD = {_RESULT, _MESSAGE, _CRASH_TOLD, _HANG_TOLD}


def main() -> None:
    """Runs the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="changed files of each kind")
    parser.add_argument("--kind", default="", help="this suffix alone")
    arguments = parser.parse_args()
    count = arguments.count
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        kinds = make_files(pathlib.Path(folder))
        print(f"{'kind':10} {'files':>6}  outcomes")
        for kind, (content, opens) in kinds.items():
            if arguments.kind not in ("", kind):
                continue
            outcomes: collections.Counter = collections.Counter()
            for number in range(count):
                path = pathlib.Path(folder, f"changed.{kind}")
                path.write_bytes(change(content, kind, number))
                outcome = open_in_a_process(opens, str(path))
                if outcome.startswith((_CRASH, _HANG)) and opens is load_model:
                    outcome = _load_isolated(str(path), outcome)
                outcomes[outcome] += 1
                if outcome not in _GOOD:
                    bad.append(f"{kind} {number}: {outcome}")
            told = ", ".join(f"{n} {outcome}" for outcome, n in outcomes.most_common())
            print(f"{kind:10} {count:6}  {told}", flush=True)
    for line in bad:
        print(line)
    sys.exit(1 if bad else 0)


def make_files(folder: pathlib.Path) -> dict[str, tuple[bytes, Callable[[str], object]]]:
    """Returns content and opener by the suffix of the file."""
    made: dict[str, tuple[bytes, Callable[[str], object]]] = {}
    speech = np.random.default_rng(0).standard_normal(24_000) * 0.1
    for suffix in ("wav", "flac", "aiff", "ogg", "mp3"):
        soundfile.write(folder / f"x.{suffix}", speech, 16_000)
        made[suffix] = (folder / f"x.{suffix}").read_bytes(), _decode
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((47, 13)), layers.LSTM(4), layers.Dense(4, activation="softmax")])
    for suffix in ("h5", "keras"):
        model.save(folder / f"x.{suffix}")
        made[suffix] = (folder / f"x.{suffix}").read_bytes(), load_model
    golden = pathlib.Path(__file__).parents[2] / "tests" / "firmware" / "golden"
    made["tflite"] = sorted(golden.rglob("*.tflite"))[0].read_bytes(), _read_graph
    run_files.write(RunHistory({}), str(folder))
    made["json"] = (folder / "lineage.json").read_bytes(), _read_history
    return made


def _decode(path: str) -> object:
    return decode_window(path, Crop(0.2, 1.2), 16_000)


def _read_graph(path: str) -> object:
    return read_graph(files.read_bytes(path))


def _read_history(path: str) -> object:
    folder = f"{path}.d"
    files.write_bytes(f"{folder}/lineage.json", files.read_bytes(path))
    return run_files.read(RunHistory, folder)


def change(content: bytes, kind: str, number: int) -> bytes:
    """Returns a file that is cut, or has bytes flipped, overwritten, doubled or removed, mostly near its beginning."""
    draw = random.Random(hashlib.sha256(f"{kind} {number}".encode()).digest())
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 8))):
        place = int(len(changed) * draw.random() ** draw.choice((1, 4)))
        length = draw.choice((1, 2, 4, 32))
        what = draw.randrange(5)
        if what == 0:
            del changed[place:]
        elif what == 1:
            changed[place : place + 1] = bytes([changed[place] ^ 1 << draw.randrange(8)]) if changed[place:] else b""
        elif what == 2:
            changed[place : place + length] = draw.choice((b"\0", b"\xff", b"\x7f")) * length
        elif what == 3:
            changed[place:place] = changed[place : place + length]
        else:
            del changed[place : place + length]
    return bytes(changed)


def open_in_a_process(opens: Callable[[str], object], path: str) -> str:
    """Returns what came of opening a file in a forked process."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.write(writer, _open(opens, path).encode())
        os._exit(0)
    os.close(writer)
    deadline = time.monotonic() + _SECONDS
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)
    with os.fdopen(reader) as answer:
        told = answer.read()
    if time.monotonic() > deadline:
        return f"{_HANG} {_SECONDS} s"
    return told if os.waitstatus_to_exitcode(ended[1]) == 0 else f"{_CRASH}: {os.waitstatus_to_exitcode(ended[1])}"


def _open(opens: Callable[[str], object], path: str) -> str:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        opens(path)
        outcome = _RESULT
    except (UserError, Undecodable) as error:
        outcome = _MESSAGE if "\n" not in str(error) else f"several lines: {error!r}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}".replace("\n", " ")[:200]
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return outcome if grown < _BYTES else f"{grown} bytes"


def _load_isolated(path: str, outcome: str) -> str:
    """Returns what the exporter tells of a model whose loading crashes, or does not end."""
    try:
        call_isolated(_load, path, called=f"the conversion of {path}", limit_seconds=_SECONDS, limit_bytes=8 * 2**30)
        return _RESULT
    except UserError:
        return _CRASH_TOLD if outcome.startswith(_CRASH) else _HANG_TOLD


def _load(path: str) -> None:
    load_model(path)


if __name__ == "__main__":
    main()
