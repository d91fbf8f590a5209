"""The generated engine against TFLM's kernels and TFLite's int8 interpreter: the same clips, one thread each, in turns.

`python benchmarks/engine.py [--root=build/demo]` takes a run's export and its held-out windows. The last lines are `vs_tflm: X`
and `vs_tflite: Y`: how many times faster the engine is, by the median window's time, its call from Python included. Where the
engine does not give TFLM's bits, or TFLite is further off than the evaluator's gate allows, the benchmark ends with an error.
"""

import argparse
import ctypes
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tflite_micro import runtime

from components.evaluator.component import Parameters

FIRMWARE = pathlib.Path(__file__).resolve().parent.parent / "firmware"
ARENA = 1 << 20  # bytes


def main() -> None:
    """Times each on every window, and prints medians and ratios."""
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
    with tempfile.TemporaryDirectory() as directory:
        invokers = {
            "generated engine": _load_engine(root / "export", pathlib.Path(directory)),
            "TFLM": _load_tflm(content),
            "TFLite int8": _load_tflite(content),
        }
        seconds: dict[str, list[float]] = {name: [] for name in invokers}
        for _ in range(arguments.rounds):
            for name, invoke in invokers.items():
                seconds[name] += time_each(name, invoke, windows, expected)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    for name, median in medians.items():
        print(f"{name}: {1e3 * median:.3f} ms a window ({len(windows)} windows, {arguments.rounds} rounds)")
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


def _load_engine(export: pathlib.Path, folder: pathlib.Path) -> Invoke:
    library = folder / "engine.so"
    sources = [export / "ser_engine.c", FIRMWARE / "engine/ser_kernels.c"]
    command = ["cc", "-std=c11", "-O2", "-shared", "-fPIC", f"-I{FIRMWARE / 'engine'}", *sources, "-o", library]
    subprocess.run([str(word) for word in command], check=True)
    invoke = ctypes.CDLL(str(library)).ser_engine_invoke
    invoke.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    lines = (export / "ser_engine.h").read_text().splitlines()
    n_outputs = next(int(line.split()[2]) for line in lines if line.startswith("#define SER_ENGINE_N_OUTPUTS "))
    output = np.zeros(n_outputs, np.int8)

    def run(window: np.ndarray) -> np.ndarray:
        invoke(window.ctypes.data, output.ctypes.data)
        return output

    return run


def _load_tflm(content: bytes) -> Invoke:
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=ARENA)

    def run(window: np.ndarray) -> np.ndarray:
        interpreter.reset()
        interpreter.set_input(window[np.newaxis], 0)
        interpreter.invoke()
        return interpreter.get_output(0)[0]

    return run


def _load_tflite(content: bytes) -> Invoke:
    interpreter = tf.lite.Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    tensor_in, tensor_out = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run(window: np.ndarray) -> np.ndarray:
        interpreter.reset_all_variables()
        interpreter.set_tensor(tensor_in, window[np.newaxis])
        interpreter.invoke()
        return interpreter.get_tensor(tensor_out)[0]

    return run


if __name__ == "__main__":
    main()
