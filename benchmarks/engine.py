"""The generated engine against TFLM's kernels and TFLite's int8 interpreter: the same clips, one thread each, in turns.

`python benchmarks/engine.py [--root=build/demo]` takes a run's export and its held-out windows. The last lines are `vs_tflm: X`
and `vs_tflite: Y`: how many times faster the engine is, by the median window's time, its call from Python included. Where the
engine does not give TFLM's bits, or TFLite is further off than the evaluator's gate allows, the benchmark ends with an error.
"""

import argparse
import importlib.metadata
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

from components.evaluator.component import Parameters
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
                seconds[name] += time_each(name, invoke, windows, expected)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    for name, median in medians.items():
        print(f"{name}: {1e3 * median:.3f} ms a window ({len(windows)} windows, {arguments.rounds} rounds)")
    versions = {name: importlib.metadata.version(name) for name in ("tflite-micro", "tensorflow")}
    print(f"TFLM is tflite-micro {versions['tflite-micro']}, TFLite TensorFlow's {versions['tensorflow']}")
    print(f"vs_tflm: {medians['TFLM'] / medians['generated engine']:.2f}")
    print(f"vs_tflite: {medians['TFLite int8'] / medians['generated engine']:.2f}")


Invoke = Callable[[np.ndarray], np.ndarray]


def time_each(name: str, invoke: Invoke, windows: np.ndarray, expected: np.ndarray) -> list[float]:
    """Returns the seconds of each window; ends with an error where an output is not the expected one of TFLM."""
    times = []
    most = Parameters().max_tflm_difference if name == "TFLite int8" else 0  # TFLite's kernels round otherwise
    for window, output in zip(windows, expected, strict=True):
        begin = time.perf_counter()
        found = invoke(window)
        times.append(time.perf_counter() - begin)
        if np.abs(found.astype(int) - output).max() > most:
            sys.exit(f"error: different work: {name} gives {found}, TFLM {output}")
    return times


if __name__ == "__main__":
    main()
