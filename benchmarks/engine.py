"""The generated engine against TFLM's kernels and TFLite's int8 interpreter: the same clips, one thread each, in turns.

`python benchmarks/engine.py [--root=build/demo]` takes a run's export and its held-out windows. The last lines are `vs_tflm: X`
and `vs_tflite: Y`: how many times faster the engine is, by the median window's time, its call from Python included.
"""

import argparse
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

from ser_tinyml.codegen.generated import FIRMWARE_SOURCES
from ser_tinyml.runtimes.engine import Engine
from ser_tinyml.runtimes.tflite import TFLite
from ser_tinyml.runtimes.tflm import Tflm


def main() -> None:
    """Times each on every window and prints medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default="build/demo", help="pipeline root of a finished run")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    root = pathlib.Path(arguments.root)
    if not (root / "evaluation/windows.npz").is_file():
        sys.exit(f"error: {root} holds no finished run: `make demo` leaves one in build/demo")
    with np.load(root / "evaluation/windows.npz") as stored:
        windows, expected = stored["features"], stored["outputs"]
    content = (root / "export/ser_int8.tflite").read_bytes()
    sources = {name: (root / "export" / name).read_bytes() for name in FIRMWARE_SOURCES}
    with tempfile.TemporaryDirectory() as directory:
        invokers = {
            "generated engine": Engine(sources, pathlib.Path(directory)).invoke,
            "TFLM": Tflm(content).invoke,
            "TFLite int8": TFLite(content).invoke,
        }
        seconds: dict[str, list[float]] = {name: [] for name in invokers}
        for _ in range(arguments.rounds):
            for name, invoke in invokers.items():
                must_give = None if name == "TFLite int8" else expected  # its kernels round otherwise
                seconds[name] += _time_each(invoke, windows, must_give)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    for name, median in medians.items():
        print(f"{name}: {1e3 * median:.3f} ms a window ({len(windows)} windows, {arguments.rounds} rounds)")
    print(f"vs_tflm: {medians['TFLM'] / medians['generated engine']:.2f}")
    print(f"vs_tflite: {medians['TFLite int8'] / medians['generated engine']:.2f}")


Invoke = Callable[[np.ndarray], np.ndarray]


def _time_each(invoke: Invoke, windows: np.ndarray, expected: np.ndarray | None) -> list[float]:
    """Returns the seconds of each window; raises RuntimeError where an output is not the expected one, TFLM's."""
    times = []
    for number, window in enumerate(windows):
        begin = time.perf_counter()
        found = invoke(window)
        times.append(time.perf_counter() - begin)
        if expected is not None and not np.array_equal(found, expected[number]):
            raise RuntimeError(f"window {number} gives {found}, TFLM {expected[number]}")
    return times


if __name__ == "__main__":
    main()
