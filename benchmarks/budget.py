"""What `ser_tinyml/codegen/cost.py` computes, against what the emulated Cortex-M4F measures, for networks without training.

    python benchmarks/budget.py

Each row is a front end and a network with random weights, exported, built, and run on two windows of noise. Below are the
constants by which the arithmetic comes closest to all rows, relative to each: those of `cost.py`.
"""

import argparse
import dataclasses
import pathlib
import tempfile

import numpy as np
import scipy.optimize
import tensorflow as tf

from schemas.front_end import PROSODY, FrontEnd, Standardisation
from schemas.vectors import Vectors
from ser_tinyml.codegen import cost
from ser_tinyml.codegen.cmsis_dsp import unpack_cmsis_dsp
from ser_tinyml.codegen.convert import convert_int8, fix_batch_size
from ser_tinyml.codegen.engine_plan import make_plan
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.codegen.model_source import ModelInterface, make_sources
from ser_tinyml.network.architecture import Architecture
from ser_tinyml.runtimes import device, footprint

BOARD = "mps2_an386"
LABELS = ("neutral", "happy", "surprise", "unpleasant")

_WHOLE = dataclasses.replace(FrontEnd(), prosody=PROSODY)
_APART = {"center": False, "window_hop_samples": 8192}
# Name -> how the front end differs from the default with prosody, LSTMs, dense units.
ROWS: dict[str, tuple[dict, tuple[int, ...], int]] = {
    "default": ({}, (128, 64), 64),
    "small": ({}, (60, 32), 32),
    "no prosody": ({"prosody": ()}, (32,), 16),
    "energy alone": ({"prosody": ("energy",)}, (16, 16), 48),
    "20 coefficients": ({"n_mfcc": 20}, (96,), 96),
    "40 coefficients, 64 bands": ({"n_mfcc": 40, "n_mels": 64}, (48, 16), 32),
    "64 bands, no prosody": ({"n_mels": 64, "prosody": ()}, (17, 33), 20),
    "FFT of 1024": ({"n_fft": 1024, "n_mels": 64}, (80, 48), 24),
    "FFT of 1024, no prosody": ({"n_fft": 1024, "n_mels": 64, "prosody": ()}, (16,), 16),
    "FFT of 512, no prosody": ({"n_fft": 512, "n_mels": 40, "prosody": ()}, (16,), 16),
    "hop of 1024": ({"hop_length": 1024}, (64, 64), 32),
    "shared frames": (_APART, (64, 32), 32),
    "shared frames, 20 coefficients, no prosody": (_APART | {"n_mfcc": 20, "prosody": ()}, (64, 32), 32),
    "8 kHz": (
        {"sample_rate": 8000, "window_samples": 12_000, "n_fft": 1024, "hop_length": 256, "fmax": 4000.0, "n_mels": 64}
        | {"window_hop_samples": 4000, "lead_samples": 800},
        (48,),
        32,
    ),
}


@dataclasses.dataclass(frozen=True)
class Measured:
    """What the emulated board says of a row, and what the exporter's files hold."""

    front_end: FrontEnd
    computed: cost.Cost
    counts_engine: dict[str, int]
    counts_code: dict[str, int]
    weight_bytes: int
    flash_bytes: int
    code_bytes: int  # of the flash, what is neither weight nor table
    instructions_frontend: float
    instructions_engine: float


def main() -> None:
    """Prints a row a network, then the constants."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--row", action="append", default=[], choices=ROWS, help="only this row; may be given again")
    arguments = parser.parse_args()
    print("| row | flash | computed | front end | computed | engine | computed |\n|---|---|---|---|---|---|---|")
    found: list[Measured] = []
    with tempfile.TemporaryDirectory() as directory:
        cmsis_dsp = unpack_cmsis_dsp(pathlib.Path(directory, "dsp"))
        for name in arguments.row or ROWS:
            folder = pathlib.Path(directory, str(len(found)))
            found.append(measure(name, folder, cmsis_dsp))
            _print_row(name, found[-1])
    front_ends = [cost.count_front_end(each.front_end) for each in found]
    _print_fit("front end", front_ends, [each.instructions_frontend for each in found])
    _print_fit("engine", [each.counts_engine for each in found], [each.instructions_engine for each in found])
    _print_fit("code", [each.counts_code for each in found], [each.code_bytes for each in found])


def measure(name: str, folder: pathlib.Path, cmsis_dsp: pathlib.Path) -> Measured:
    """Exports, builds and runs a row."""
    changes, lstm_units, dense_units = ROWS[name]
    front_end = dataclasses.replace(_WHOLE, **changes)
    shape = front_end.n_frames, front_end.n_features
    tf.keras.utils.set_random_seed(0)
    network = Architecture(shape, lstm_units, dense_units, dropout=0.0, n_classes=len(LABELS)).build()
    generator = np.random.default_rng(0)
    int8 = convert_int8(fix_batch_size(network), generator.standard_normal((32, *shape), np.float32))
    graph = read_graph(int8)
    plan = make_plan(graph)
    generated = folder / "generated"
    generated.mkdir(parents=True)
    interface = ModelInterface(LABELS, front_end, Standardisation.identity(front_end.n_features))
    for file, content in make_sources(int8, interface, graph).items():
        (generated / file).write_bytes(content)
    device.build(BOARD, generated=generated, folder=folder / "build", cmsis_dsp=cmsis_dsp)
    samples = (3000 * generator.standard_normal((2, front_end.window_samples))).clip(-32768, 32767).astype(np.int16)
    features = generator.integers(-128, 128, (2, shape[0] * shape[1])).astype(np.int8)
    vectors = Vectors(samples, features, np.zeros((2, len(LABELS)), np.int8))
    results = device.replay_on_board(device.read_emulators()[BOARD], folder / "build", vectors)
    steps = plan.by_frame + plan.by_window
    computed = cost.compute_cost(front_end, lstm_units, dense_units, len(LABELS))
    flash_bytes = footprint.sum_flash(footprint.read_map((folder / "build" / "ser_firmware.map").read_text()))
    return Measured(
        front_end,
        computed,
        cost.count_engine(plan),
        cost.count_code(front_end, plan),
        weight_bytes=sum(part.nbytes for step in steps for part in (step.weights, step.biases) if part is not None),
        flash_bytes=flash_bytes,
        code_bytes=flash_bytes - computed.flash_bytes + computed.code_bytes,
        instructions_frontend=float(results.frontend_cost.mean()),
        instructions_engine=float(results.engine_cost.mean()),
    )


def _print_row(name: str, measured: Measured) -> None:
    computed = measured.computed
    assert computed.weight_bytes == measured.weight_bytes, "the arithmetic and the exporter lay out another network"
    pairs = [
        (measured.flash_bytes, computed.flash_bytes),
        (measured.instructions_frontend, computed.instructions_frontend),
        (measured.instructions_engine, computed.instructions_engine),
    ]
    cells = [cell for found, told in pairs for cell in (f"{found:,.0f}", f"{told:,} ({told / found - 1:+.1%})")]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _print_fit(part: str, counts: list[dict[str, int]], instructions: list[float]) -> None:
    """Prints the constants, none below 0, of the smallest relative squared error."""
    rows = np.array([[*each.values()] for each in counts]) / np.array(instructions)[:, np.newaxis]
    scale = np.maximum(np.abs(rows).max(axis=0), 1e-12)
    constants, _ = scipy.optimize.nnls(rows / scale, np.ones(len(rows)))
    constants /= scale
    error = np.abs(rows @ constants - 1).max()
    print(f"{part}: {', '.join(f'{name!r}: {value:.2f}' for name, value in zip(counts[0], constants, strict=True))}")
    print(f"{part}: at most {error:.1%} off")


if __name__ == "__main__":
    main()
