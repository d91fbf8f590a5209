"""The generated engine against TFLM's kernels and TFLite's int8 interpreter: the same clips, one thread each, in turns.
Then its instructions for two LSTMs of which Plumerai publishes the cycles of its own engine.

`python benchmarks/engine.py [--root=build/demo]` takes a run's export and its held-out windows. The last lines are `vs_tflm: X`
and `vs_tflite: Y`: how many times faster the engine is, by the median window's time, its call from Python included. Where the
engine does not give TFLM's bits, or TFLite is further off than the evaluator's gate allows, the benchmark ends with an error.

The table behind them is of int8 models of the published shapes, with random weights, on the emulated Cortex-M4F; without its
compiler or emulator it is left out. Plumerai's figures are cycles of a real Cortex-M4, ours are instructions: most take one
cycle, loads take more.
"""

import argparse
import dataclasses
import importlib.metadata
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from components.evaluator.component import Parameters
from schemas.front_end import FrontEnd, Standardisation
from schemas.vectors import Vectors
from ser_tinyml.codegen.cmsis_dsp import unpack_cmsis_dsp
from ser_tinyml.codegen.convert import convert_int8, fix_batch_size
from ser_tinyml.codegen.generated import FIRMWARE_SOURCES
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.codegen.model_source import ModelInterface, make_sources
from ser_tinyml.runtimes import device
from ser_tinyml.runtimes.engine import Engine
from ser_tinyml.runtimes.tflite import TFLite
from ser_tinyml.runtimes.tflm import Tflm

BOARD = "mps2_an386"


@dataclasses.dataclass(frozen=True)
class PublishedLstm:
    """An LSTM, and the cycles that Plumerai's engine takes for a network of it on a Cortex-M4.

    They publish 9.2 and 189.0 milliseconds at 120 MHz, in which a small dense layer is, too:
    https://blog.plumerai.com/2022/11/lstm_inference_engine/
    """

    units: int
    frames: int
    values: int  # of a frame
    cycles: int


PUBLISHED = (PublishedLstm(32, 120, 7, 1_100_000), PublishedLstm(128, 100, 64, 22_700_000))


def main() -> None:
    """Times each on every window and prints medians and ratios; then the published LSTMs."""
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
    compare_published()


def compare_published() -> None:
    """Prints a row for each published LSTM; ends with an error where the board does not give TFLM's bits."""
    emulator = device.read_emulators()[BOARD]
    if missing := device.missing_tools((*device.HOST_TOOLS, *emulator.tools)):
        print(f"the published LSTMs were not measured: this machine lacks {', '.join(missing)}")
        return
    print(
        "| int8 LSTM | multiply-accumulates | our instructions | a multiply-accumulate | Plumerai's cycles, published |"
    )
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as directory:
        cmsis_dsp = unpack_cmsis_dsp(pathlib.Path(directory, "dsp"))
        for lstm in PUBLISHED:
            macs, instructions = count_instructions(lstm, pathlib.Path(directory, str(lstm.units)), cmsis_dsp)
            print(
                f"| {lstm.units} units, {lstm.frames} frames of {lstm.values} | {macs:,} | {instructions:,.0f} | "
                f"{instructions / macs:.2f} | {lstm.cycles:,} |",
                flush=True,
            )


def count_instructions(lstm: PublishedLstm, folder: pathlib.Path, cmsis_dsp: pathlib.Path) -> tuple[int, float]:
    """Returns the multiply-accumulates of an LSTM with random weights, and what it takes on the emulated board."""
    tf.keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    shape = lstm.frames, lstm.values
    network = tf.keras.Sequential([tf.keras.layers.Input(shape), tf.keras.layers.LSTM(lstm.units)])
    int8 = convert_int8(fix_batch_size(network), generator.standard_normal((32, *shape), np.float32))
    graph = read_graph(int8)
    hop = 128  # the firmware's RAM has room for so many samples
    front_end = dataclasses.replace(
        FrontEnd(),
        n_fft=4 * hop,
        hop_length=hop,
        window_samples=lstm.frames * hop - 1,
        n_mels=max(64, lstm.values),
        n_mfcc=lstm.values,
    )
    labels = tuple(f"unit {number}" for number in range(lstm.units))
    interface = ModelInterface(labels, front_end, Standardisation.identity(lstm.values))
    generated = folder / "generated"
    generated.mkdir(parents=True)
    for name, content in make_sources(int8, interface, graph).items():
        (generated / name).write_bytes(content)
    device.build(BOARD, generated=generated, folder=folder / "build", cmsis_dsp=cmsis_dsp)
    windows = generator.integers(-128, 128, (4, *shape)).astype(np.int8)
    tflm = Tflm(int8)
    expected = np.stack([tflm.invoke(window) for window in windows]).reshape(len(windows), -1)
    silence = np.zeros((len(windows), front_end.window_samples), np.int16)
    vectors = Vectors(silence, windows.reshape(len(windows), -1), expected)
    results = device.replay_on_board(device.read_emulators()[BOARD], folder / "build", vectors)
    if not np.array_equal(results.from_features, expected):
        sys.exit(f"error: different work: {BOARD} does not give TFLM's bits for {lstm}")
    return graph.macs, float(results.engine_cost.mean())


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
