"""ROOT/examples, ROOT/export, ROOT/evaluation -> ROOT/evaluation/board.json.

Builds the firmware from the exported model and replays the held-out shard on it, from sound: every window on this machine, some
clips on an emulated Cortex-M4F. Where the tools for that are not at hand it says so, and the model is not board-validated.

Writes board.json:
  validated             whether all was replayed and every gate holds; `skipped` says what was not replayed, and why
  agreement             share of clips that get the class that TFLM gives Python's features
  bit_exact             whether the engine gave TFLM's bits for every window's features, on host and board
  feature_differences   between the device's int8 features and Python's: share of values that differ, largest difference
  flash_bytes  ram_bytes  stack_bytes             of the firmware for a device; RAM with the stack, and the audio ring
  engine_flash_bytes  engine_ram_bytes            of the engine: without weights and biases; with its stack
  instructions_frontend  instructions_engine      of a window, on the emulated board;  macs
  milliseconds  assumptions                       of a window on a 64 MHz Cortex-M4, estimated
  gates  libraries
"""

import dataclasses
import pathlib
import tempfile

import numpy as np

from components.step import parameter
from schemas.errors import GateFailed, UserError
from schemas.record import Audio
from schemas.vectors import Results, Vectors
from ser_tinyml.runtimes import device as firmware
from ser_tinyml.runtimes import footprint
from ser_tinyml.store import files
from ser_tinyml.store.dataset import read_audio
from ser_tinyml.store.digests import unit_hash

_GENERATED = ("ser_engine.c", "ser_engine.h", "ser_frontend_constants.c", "ser_frontend_constants.h")
_CLOCK_HZ = 64_000_000
_CYCLES_AN_INSTRUCTION = 1.5
_ASSUMPTIONS = (
    f"{_CLOCK_HZ // 1_000_000} MHz, no waiting for flash, {_CYCLES_AN_INSTRUCTION} cycles an instruction (the engine's inner "
    "loop takes 1.43 on a Cortex-M4, whose loads of several words take more than one)"
)


@dataclasses.dataclass(frozen=True)
class Parameters:
    """How much is replayed, and what must hold."""

    board_clips: int = parameter(64, "Held-out clips, chosen by hash, that are replayed on the emulated board.")
    min_board_agreement: float = parameter(
        0.995,
        "Share of clips that the firmware must give the class that Python's features get; one clip may always differ.",
    )
    max_flash_bytes: int = parameter(512 * 1024, "Of the firmware, weights included: half of an nRF52840's.")
    max_ram_bytes: int = parameter(128 * 1024, "Of the firmware, stack and audio ring included: half of an nRF52840's.")


def run(output: str, parameters: Parameters, examples: str, export: str, evaluation: str) -> None:
    """Builds, replays, judges; `require_blessing` then tells whether the firmware passed.

    Args:
      output: path of board.json.
      parameters: see Parameters.
      examples: the dataset, with the sound of its held-out windows.
      export: the exported model.
      evaluation: the evaluator's output, with what TFLM gives for these windows.

    Raises:
      UserError: the firmware does not build or run, or the artifacts don't belong together.
    """
    dataset = files.read_json(files.join(examples, "dataset.json"))
    description = files.read_json(files.join(export, "export.json"))
    if reason := _why_not(dataset, description):
        print(f"the firmware was not built: {reason}")
        files.write_json(output, {"validated": False, "skipped": [reason], "gates": []})
        return
    heard = read_audio(examples)
    vectors, clip_of_window = _read_vectors(heard, evaluation)
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory)
        generated = _copy_generated(export, folder / "generated")
        firmware.build("host", generated, folder / "host")
        results = firmware.replay_on_host(folder / "host", vectors)
        report = _compare(vectors, results, clip_of_window) | {"macs": _read_macs(generated), "skipped": []}
        differing, few = round((1 - report["agreement"]) * report["clips"]), 1.0  # one of few clips is more than 0.5 %
        allowed = max(few, (1 - parameters.min_board_agreement) * report["clips"])
        gates = [
            _gate("clips that get another class than with Python's features", differing, allowed, at_most=True),
            _gate("windows with TFLM's bits on the host", report["bit_exact_share"], 1.0),
        ]
        if missing := firmware.missing_tools(firmware.BOARD_TOOLS):
            report["skipped"].append(f"the emulated board: {', '.join(missing)} not installed")
        else:
            firmware.build("mps2_an386", generated, folder / "board", firmware.find_cmsis_dsp(folder / "host"))
            chosen = _choose_windows(heard, parameters.board_clips)
            board = firmware.replay_on_board(folder / "board", vectors[chosen])
            sections = footprint.read_map((folder / "board" / "ser_firmware.map").read_text())
            same = all(np.array_equal(getattr(board, name), getattr(results, name)[chosen]) for name in _SAME)
            report |= _measure(board, sections, len(np.unique(clip_of_window[chosen])))
            report["bit_exact"] = report["bit_exact"] and same
            gates += [
                _gate("windows alike on host and board", float(same), 1.0),
                _gate("flash", report["flash_bytes"], parameters.max_flash_bytes, at_most=True),
                _gate("RAM", report["ram_bytes"], parameters.max_ram_bytes, at_most=True),
            ]
    _finish(output, report, gates)


def _finish(output: str, report: dict, gates: list[dict]) -> None:
    passed = all(gate["passed"] for gate in gates)
    files.write_json(output, report | {"validated": passed and not report["skipped"], "gates": gates})
    for gate in gates:
        print(_describe(gate))
    for reason in report["skipped"]:
        print(f"skipped: {reason}; the model is not board-validated")
    if not report["skipped"]:
        print(_summarise(report))


def require_blessing(output: str) -> None:
    """Raises GateFailed, naming the gates that failed, where the firmware in board.json did not pass."""
    if failed := [_describe(gate) for gate in files.read_json(output)["gates"] if not gate["passed"]]:
        raise GateFailed("the firmware did not pass:\n  " + "\n  ".join(failed))


_SAME = ("features", "from_features", "from_audio")


def _why_not(dataset: dict, description: dict) -> str:
    """Why no firmware can be held against this model; "" where it can."""
    if reason := description["engine_lacks"]:
        return f"the generated engine lacks what the model needs: {reason}"
    if dataset["parameters"]["padding"] == "features":
        return "the dataset pads features with zero frames (--padding=features), which no device does"
    if missing := firmware.missing_tools(firmware.HOST_TOOLS):
        return f"{', '.join(missing)} not installed"
    return ""


def _copy_generated(export: str, folder: pathlib.Path) -> pathlib.Path:
    """What the firmware builds from, on this machine's disk."""
    folder.mkdir()
    for name in _GENERATED:
        (folder / name).write_bytes(files.read_bytes(files.join(export, name)))
    return folder


def _read_vectors(heard: list[Audio], evaluation: str) -> tuple[Vectors, np.ndarray]:
    """The held-out windows, and the clip of each."""
    with files.open_binary(files.join(evaluation, "windows.npz")) as file, np.load(file) as stored:
        features, outputs, clip = (stored[name] for name in ("features", "outputs", "clip"))
    if len(features) != len(heard):
        raise UserError(f"{evaluation} has {len(features)} held-out windows, the dataset has the sound of {len(heard)}")
    return Vectors(np.stack([audio.samples for audio in heard]), features.reshape(len(features), -1), outputs), clip


def _read_macs(generated: pathlib.Path) -> int:
    lines = (generated / "ser_engine.h").read_text().splitlines()
    return next(int(line.split()[2]) for line in lines if line.startswith("#define SER_ENGINE_MACS "))


def _choose_windows(heard: list[Audio], clips: int) -> np.ndarray:
    """Indices of all windows of so many clips."""
    ranked = sorted({audio.clip_id for audio in heard}, key=lambda clip_id: unit_hash("board", clip_id))
    chosen = set(ranked[:clips])
    return np.array([number for number, audio in enumerate(heard) if audio.clip_id in chosen])


def _compare(vectors: Vectors, results: Results, clip_of_window: np.ndarray) -> dict:
    apart = np.abs(results.features.astype(int) - vectors.features)
    exact = np.all(results.from_features == vectors.outputs, axis=1)
    elected = [_vote(outputs, clip_of_window) for outputs in (results.from_audio, vectors.outputs)]
    return {
        "windows": len(vectors.samples),
        "clips": int(clip_of_window.max()) + 1,
        "agreement": float(np.mean(elected[0] == elected[1])),
        "bit_exact": bool(exact.all()),
        "bit_exact_share": float(exact.mean()),
        "feature_differences": {"share": float(np.mean(apart > 0)), "largest": int(apart.max())},
    }


def _vote(outputs: np.ndarray, clip_of_window: np.ndarray) -> np.ndarray:
    """int64 [clips]: the class with the largest sum over a clip's windows of int8 [windows, classes], whose scale is one."""
    sums = np.zeros((clip_of_window.max() + 1, outputs.shape[1]), np.int64)
    np.add.at(sums, clip_of_window, outputs.astype(np.int64) + 128)
    return sums.argmax(axis=1)


def _measure(board: Results, sections: list[footprint.Section], clips: int) -> dict:
    engine = footprint.of_engine(sections)
    costs = {name: int(getattr(board, f"{name}_cost").mean()) for name in ("frontend", "engine")}
    return {
        "board_clips": clips,
        "board_windows": len(board.features),
        "flash_bytes": footprint.sum_flash(sections),
        "ram_bytes": footprint.sum_ram(sections) + board.stack_bytes,
        "stack_bytes": board.stack_bytes,
        "engine_flash_bytes": footprint.sum_flash(engine),
        "engine_ram_bytes": footprint.sum_ram(engine) + board.engine_stack_bytes,
        "instructions_frontend": costs["frontend"],
        "instructions_engine": costs["engine"],
        "milliseconds": {
            name: round(1e3 * count * _CYCLES_AN_INSTRUCTION / _CLOCK_HZ, 1) for name, count in costs.items()
        },
        "assumptions": _ASSUMPTIONS,
        "libraries": footprint.by_library(sections),
    }


def _gate(name: str, value: float, threshold: float, at_most: bool = False) -> dict:
    passed = value <= threshold if at_most else value >= threshold
    bound = "at most" if at_most else "at least"
    return {"name": name, "value": value, "bound": bound, "threshold": threshold, "passed": passed}


def _describe(gate: dict) -> str:
    verdict = "passed" if gate["passed"] else "FAILED"
    return f"{gate['name']}: {gate['value']:.7g}, {gate['bound']} {gate['threshold']:.7g}: {verdict}"


def _summarise(report: dict) -> str:
    per_mac = report["instructions_engine"] / report["macs"]
    return (
        f"flash {report['flash_bytes']:,} bytes (engine without weights {report['engine_flash_bytes']:,}), RAM "
        f"{report['ram_bytes']:,} (engine {report['engine_ram_bytes']:,}); instructions a window: front end "
        f"{report['instructions_frontend']:,}, engine {report['instructions_engine']:,} ({per_mac:.2f} a multiply-accumulate)"
    )
