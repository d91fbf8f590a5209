"""Instructions of a run's model on every emulated board, with the bits that each gives: the same windows on each.

`python benchmarks/boards.py [--root=build/demo]` takes a run's export and some of its held-out windows. Where a board's engine
does not give TFLM's bits for the same features, the benchmark ends with an error.
"""

import argparse
import pathlib
import sys
import tempfile

import numpy as np

from schemas.vectors import Vectors
from ser_tinyml.codegen.cmsis_dsp import unpack_cmsis_dsp
from ser_tinyml.codegen.generated import APART_SOURCES, FIRMWARE_SOURCES, read_define
from ser_tinyml.runtimes import device
from ser_tinyml.store.dataset import read_audio

_APART = "mps2_an386", "apart"  # a board where the model also lies apart from the code


def main() -> None:
    """Prints a row a board."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default="build/demo", help="pipeline root of a finished run")
    parser.add_argument("--windows", type=int, default=4)
    arguments = parser.parse_args()
    root = pathlib.Path(arguments.root)
    if not (root / "evaluation/windows.npz").is_file():
        sys.exit(f"error: {root} holds no finished run: `make demo` leaves one in build/demo")
    vectors = read_vectors(root)[: arguments.windows]
    macs = read_define((root / "export/ser_model.h").read_text(), "SER_MACS")
    print("| board | core | front end | engine | a multiply-accumulate | features that differ from Python's |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as directory:
        generated, cmsis_dsp = pathlib.Path(directory, "generated"), unpack_cmsis_dsp(pathlib.Path(directory, "dsp"))
        generated.mkdir()
        for name in (*FIRMWARE_SOURCES, *APART_SOURCES):
            (generated / name).write_bytes((root / "export" / name).read_bytes())
        emulators = device.read_emulators()
        for board, model in [*((board, "inside") for board in emulators), _APART]:
            emulator, folder = emulators[board], pathlib.Path(directory, f"{board}_{model}")
            device.build(board, generated=generated, folder=folder, cmsis_dsp=cmsis_dsp, model=model)
            results = device.replay_on_board(emulator, folder, vectors)
            if not np.array_equal(results.from_features, vectors.outputs):
                sys.exit(f"error: {board} does not give TFLM's bits")
            frontend, engine = results.frontend_cost.mean(), results.engine_cost.mean()
            differing = np.mean(results.features != vectors.features)
            name = board if model == "inside" else f"{board}, its model apart"
            print(
                f"| {name} | {emulator.core} | {frontend:,.0f} | {engine:,.0f} | {engine / macs:.2f} | {differing:.3%} |"
            )


def read_vectors(root: pathlib.Path) -> Vectors:
    """Returns the held-out windows of a run, with Python's features and TFLM's outputs."""
    with np.load(root / "evaluation/windows.npz") as stored:
        features, outputs, begins = stored["features"], stored["outputs"], stored["begins"]
    samples = np.stack([audio.samples for audio in read_audio(str(root / "examples"))])
    return Vectors(samples, features.reshape(len(features), -1), outputs, begins)


if __name__ == "__main__":
    main()
