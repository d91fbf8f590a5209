"""ROOT/examples, ROOT/export, ROOT/evaluation -> ROOT/board/board.json.

Builds the firmware from the exported model and replays the held-out shard on it, from sound: every window on this machine, some
clips on an emulated Cortex-M4F. Where the tools for that are not at hand it says so, and the model is not board-validated.
"""

import dataclasses
import functools
import pathlib
import tempfile

import numpy as np

from components.infra_validator.parameters import MAKES, Parameters
from components.step import owns_output
from schemas.errors import UserError
from schemas.record import Audio
from schemas.run_files import Board, BoardCost, BoardEstimate, Dataset, Export, Gate, LayerCost, Replay
from schemas.vectors import Results, Vectors
from ser_tinyml import progress
from ser_tinyml.codegen.cmsis_dsp import unpack_cmsis_dsp
from ser_tinyml.codegen.cost import count_flash_words
from ser_tinyml.codegen.engine_plan import make_plan
from ser_tinyml.codegen.estimate import BoardFacts, read_facts
from ser_tinyml.codegen.generated import FIRMWARE_SOURCES, read_define
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.judging import gates, verdicts
from ser_tinyml.judging.distractors import count_false_alarms, make_distractors
from ser_tinyml.judging.faithful import agreement
from ser_tinyml.judging.gates import judge
from ser_tinyml.judging.votes import vote
from ser_tinyml.runtimes import device, footprint
from ser_tinyml.runtimes.stack import Stack
from ser_tinyml.store import files, run_files
from ser_tinyml.store.dataset import read_audio
from ser_tinyml.store.digests import unit_hash

require_blessing = verdicts.require_validated

BOARD = "mps2_an386"  # a Cortex-M4F: what the Nano 33 BLE has
_WITH_ARDUINOS_FLAGS = "mps2_an386_arduino"  # the same
_ARDUINO_WINDOWS = 8  # a window's instructions hardly depend on its sound
_LARGEST_ARDUINO_SHARE = 1.05


@owns_output(MAKES)
def run(output: str, parameters: Parameters, *, examples: str, export: str, evaluation: str) -> None:
    """Builds, replays, judges; `require_blessing` then tells whether the firmware passed.

    Args:
      output: directory for board.json.
      parameters: see Parameters.
      examples: the dataset, with the sound of its held-out windows.
      export: the exported model.
      evaluation: the evaluator's output, with what TFLM gives for these windows.

    Raises:
      UserError: the firmware does not build or run, CMSIS-DSP can't be fetched for it, or the artifacts don't belong together.
    """
    if reason := _why_not(run_files.read(Dataset, examples), run_files.read(Export, export)):
        print(f"the firmware was not built: {reason}")
        run_files.write(
            Board(validated=False, skipped=(reason,), gates=(), replay=None, cost=None, false_alarms=()), output
        )
        return
    with progress.shown("builds and replays", _PARTS):
        board = _validate(parameters, read_audio(examples), export=export, evaluation=evaluation)
    run_files.write(board, output)
    for gate in board.gates:
        print(gates.describe(gate))
    for reason in board.skipped:
        print(f"skipped: {reason}; the model is not board-validated")
    if board.replay and board.cost:
        print(_summarise(board.replay, board.cost))


def _why_not(dataset: Dataset, exported: Export) -> str:
    """Returns why no firmware can be held against this model; "" where it can."""
    if exported.engine_lacks:
        return f"the generated engine lacks what the model needs: {exported.engine_lacks}"
    if dataset.parameters["padding"] == "features":
        return "the dataset pads features with zero frames (--padding=features), which no device does"
    if missing := device.missing_tools(device.HOST_TOOLS):
        return f"{', '.join(missing)} not installed"
    return ""


_PARTS = 8  # of which `_validate` tells when each is done


def _validate(parameters: Parameters, heard: list[Audio], *, export: str, evaluation: str) -> Board:
    vectors, clip_of_window = _read_vectors(heard, evaluation)
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory)
        generated = _copy_generated(export, folder / "generated")
        cmsis_dsp = unpack_cmsis_dsp(folder / "cmsis_dsp")
        build = functools.partial(device.build, generated=generated, cmsis_dsp=cmsis_dsp)
        build("host", "ser_host", folder=folder / "host")
        progress.advance()
        results = device.replay_on_host(folder / "host", vectors)
        progress.advance()
        header = (generated / "ser_model.h").read_text()
        rate = read_define(header, "SER_SAMPLE_RATE")
        hear = functools.partial(device.listen_on_host, folder / "host", sample_rate=rate)
        false_alarms = count_false_alarms(make_distractors(rate), hear)
        progress.advance()
        macs = read_define(header, "SER_MACS")
        replay = _compare(vectors, results, clip_of_window=clip_of_window, macs=macs)
        passed = _judge_replay(replay, parameters)
        emulator = device.read_emulators()[BOARD]
        if missing := device.missing_tools(emulator.tools):
            skipped = (f"the emulated board: {', '.join(missing)} not installed",)
            return Board(
                validated=False,
                skipped=skipped,
                gates=tuple(passed),
                replay=replay,
                cost=None,
                false_alarms=false_alarms,
            )
        build(BOARD, "ser_firmware", "ser_replay", "ser_profile", folder=folder / "board")
        progress.advance()
        chosen = _choose_windows(heard, parameters.board_clips)
        on_board = device.replay_on_board(emulator, folder / "board", vectors[chosen])
        progress.advance()
        layers = device.profile_on_board(emulator, folder / "board", (generated / "ser_model.c").read_text())
        progress.advance()
        linker_map = (folder / "board" / "ser_firmware.map").read_text()
        sections, stack_room = footprint.read_map(linker_map), footprint.read_number(linker_map, "STACK_BYTES")
        stack_bound = Stack.of_build(folder / "board", "ser_firmware").bound("run_program")
        build(_WITH_ARDUINOS_FLAGS, "ser_replay", folder=folder / "arduino")
        progress.advance()
        few = chosen[:_ARDUINO_WINDOWS]
        arduino_emulator = device.read_emulators()[_WITH_ARDUINOS_FLAGS]
        arduino = device.replay_on_board(arduino_emulator, folder / "arduino", vectors[few])
        progress.advance()
    same = all(np.array_equal(getattr(on_board, name), getattr(results, name)[chosen]) for name in _SAME)
    replay = dataclasses.replace(replay, bit_exact=replay.bit_exact and same)
    clips = len(np.unique(clip_of_window[chosen]))
    cost = _measure(on_board, arduino, sections, layers, clips=clips, stack_bound=stack_bound)
    cost = dataclasses.replace(cost, estimates=_estimate(cost, export))
    passed += _judge_board(same, cost, parameters, stack_room=stack_room)
    passed += _judge_arduino(cost, exact=np.all(arduino.from_features == vectors[few].outputs, axis=1))
    validated = all(gate.passed for gate in passed)
    return Board(
        validated=validated, skipped=(), gates=tuple(passed), replay=replay, cost=cost, false_alarms=false_alarms
    )


_SAME = ("features", "from_features", "from_audio")


def _judge_replay(replay: Replay, parameters: Parameters) -> list[Gate]:
    differing = round((1 - replay.agreement) * replay.clips)
    allowed = max(1.0, (1 - parameters.min_board_agreement) * replay.clips)  # one of few clips is more than 0.5 %
    return [
        judge("clips that get another class than with Python's features", differing, "at most", allowed, unit="clips"),
        judge("windows with TFLM's bits on the host", replay.bit_exact_share, "at least", 1.0, unit="of windows"),
    ]


def _judge_board(same: bool, cost: BoardCost, parameters: Parameters, *, stack_room: int) -> list[Gate]:
    return [
        judge("host and board give the same", float(same), "at least", 1.0, unit="of windows"),
        judge("flash", cost.flash_bytes, "at most", parameters.max_flash_bytes, unit="bytes"),
        judge("RAM", cost.ram_bytes, "at most", parameters.max_ram_bytes, unit="bytes"),
        judge("the most that the stack can take", cost.stack_bound_bytes, "at most", stack_room, unit="bytes"),
    ]


def _judge_arduino(cost: BoardCost, exact: np.ndarray) -> list[Gate]:
    """Judges what Arduino's flags make of the same sources: what a user of the library gets."""
    share = sum(cost.instructions_arduino.values()) / (cost.instructions_frontend + cost.instructions_engine)
    return [
        judge("windows with TFLM's bits with Arduino's flags", exact.mean(), "at least", 1.0, unit="of windows"),
        judge("instructions with Arduino's flags", share, "at most", _LARGEST_ARDUINO_SHARE, unit="of those at -O2"),
    ]


def _copy_generated(export: str, folder: pathlib.Path) -> pathlib.Path:
    """Copies what the firmware builds from to this machine's disk."""
    folder.mkdir()
    for name in FIRMWARE_SOURCES:
        (folder / name).write_bytes(files.read_bytes(files.join(export, name)))
    return folder


def _read_vectors(heard: list[Audio], evaluation: str) -> tuple[Vectors, np.ndarray]:
    """Reads the held-out windows, and the clip of each."""
    with files.open_binary(files.join(evaluation, "windows.npz")) as file, np.load(file) as stored:
        features, outputs, clip, begins = (stored[name] for name in ("features", "outputs", "clip", "begins"))
    if len(features) != len(heard):
        raise UserError(f"{evaluation} has {len(features)} held-out windows, the dataset has the sound of {len(heard)}")
    samples = np.stack([audio.samples for audio in heard])
    return Vectors(samples, features.reshape(len(features), -1), outputs, begins), clip


def _choose_windows(heard: list[Audio], clips: int) -> np.ndarray:
    """Indices of all windows of so many clips."""
    ranked = sorted({audio.clip_id for audio in heard}, key=lambda clip_id: unit_hash("board", clip_id))
    chosen = set(ranked[:clips])
    return np.array([number for number, audio in enumerate(heard) if audio.clip_id in chosen])


def _compare(vectors: Vectors, results: Results, *, clip_of_window: np.ndarray, macs: int) -> Replay:
    apart = np.abs(results.features.astype(int) - vectors.features)
    exact = np.all(results.from_features == vectors.outputs, axis=1)
    elected = [
        vote(outputs, clip_of_window, vectors.begins).argmax(axis=1)
        for outputs in (results.from_audio, vectors.outputs)
    ]
    return Replay(
        windows=len(vectors.samples),
        clips=int(clip_of_window.max()) + 1,
        agreement=agreement(elected[0], elected[1]),
        bit_exact=bool(exact.all()),
        bit_exact_share=float(exact.mean()),
        differing_features=float(np.mean(apart > 0)),
        largest_feature_difference=int(apart.max()),
        macs=macs,
    )


def _measure(
    board: Results,
    arduino: Results,
    sections: list[footprint.Section],
    layers: tuple[LayerCost, ...],
    *,
    clips: int,
    stack_bound: int,
) -> BoardCost:
    engine = footprint.of_engine(sections)
    costs, with_arduinos_flags = (
        {"frontend": int(each.frontend_cost.mean()), "engine": int(each.engine_cost.mean())}
        for each in (board, arduino)
    )
    return BoardCost(
        clips=clips,
        windows=len(board.features),
        flash_bytes=footprint.sum_flash(sections),
        ram_bytes=footprint.sum_ram(sections) + board.stack_bytes,
        stack_bytes=board.stack_bytes,
        stack_bound_bytes=stack_bound,
        engine_flash_bytes=footprint.sum_flash(engine),
        engine_ram_bytes=footprint.sum_ram(engine) + board.engine_stack_bytes,
        instructions_frontend=costs["frontend"],
        instructions_engine=costs["engine"],
        instructions_arduino=with_arduinos_flags,
        layers=layers,
        estimates=(),
        libraries=footprint.by_library(sections),
    )


def _estimate(cost: BoardCost, export: str) -> tuple[BoardEstimate, ...]:
    """Returns what a decision takes on the real boards whose instructions the emulated one has counted."""
    front_end = run_files.read(Export, export).front_end
    plan = make_plan(read_graph(files.read_bytes(files.join(export, "ser_int8.tflite"))))
    instructions = {"frontend": cost.instructions_frontend, "engine": cost.instructions_engine}
    words = count_flash_words(front_end, plan)
    hop_ms = 1e3 * front_end.window_hop_samples / front_end.sample_rate
    alike = [facts for facts in read_facts().values() if facts.instructions_of == BOARD]
    return tuple(_estimate_on(facts, instructions, words, hop_ms=hop_ms) for facts in alike)


def _estimate_on(
    facts: BoardFacts, instructions: dict[str, int], words: dict[str, int], *, hop_ms: float
) -> BoardEstimate:
    milliseconds = {part: facts.milliseconds(count, words[part]) for part, count in instructions.items()}
    whole = sum(milliseconds.values())
    return BoardEstimate(
        board=facts.board,
        processor=facts.processor,
        milliseconds=milliseconds,
        waiting=facts.milliseconds(0, sum(words.values())) / whole,
        millijoules=facts.millijoules(whole),
        duty_cycle=whole / hop_ms,
        assumptions=facts.assumptions,
    )


def _summarise(replay: Replay, cost: BoardCost) -> str:
    return (
        f"flash {cost.flash_bytes:,} bytes (engine without weights {cost.engine_flash_bytes:,}), RAM "
        f"{cost.ram_bytes:,} (engine {cost.engine_ram_bytes:,}); instructions a window: front end "
        f"{cost.instructions_frontend:,}, engine {cost.instructions_engine:,} "
        f"({cost.instructions_engine / replay.macs:.2f} a multiply-accumulate)"
    )
