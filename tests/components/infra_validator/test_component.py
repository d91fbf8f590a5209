"""On the demo's run: the firmware of its model, built and replayed."""

import dataclasses
import pathlib
import re
import shutil

import numpy as np
import pytest

from components.infra_validator import component
from schemas.errors import UserError
from schemas.run_files import Board, Dataset, Evaluation, Export
from schemas.vectors import Results, Vectors
from ser_tinyml.runtimes import device
from ser_tinyml.store import run_files

needs_host = pytest.mark.needs(*device.HOST_TOOLS)
EMULATORS = device.read_emulators()
needs_board = pytest.mark.needs(*device.HOST_TOOLS, *EMULATORS[component.BOARD].tools)


def validate(root: pathlib.Path, output: pathlib.Path, export: pathlib.Path | None = None, **parameters) -> Board:
    """Validates a run's model."""
    folders = {"examples": root / "examples", "export": export or root / "export", "evaluation": root / "evaluation"}
    component.run(
        str(output), component.Parameters(**parameters), **{name: str(path) for name, path in folders.items()}
    )
    return run_files.read(Board, str(output))


def take_the_compiler_away(monkeypatch) -> None:
    emulator = dataclasses.replace(EMULATORS[component.BOARD], compiler="no-such-compiler")
    monkeypatch.setattr(device, "read_emulators", lambda: {component.BOARD: emulator})


@needs_board
def test_the_demos_firmware_is_validated_on_every_held_out_clip(demo_root):
    board = run_files.read(Board, str(demo_root / "board"))
    evaluation = run_files.read(Evaluation, str(demo_root / "evaluation"))
    assert board.validated and board.replay.bit_exact and not board.skipped
    assert (board.replay.clips, board.replay.windows) == (evaluation.clips, evaluation.windows)
    assert board.cost.clips == 64
    assert board.replay.agreement >= 0.995
    assert board.replay.macs == 5_779_712
    component.require_blessing(str(demo_root / "board"))


@needs_board
def test_the_demos_firmware_is_as_small_and_quick_as_we_say(demo_root):
    """Instructions and bytes are counted, not timed: they do not depend on the machine."""
    board = run_files.read(Board, str(demo_root / "board"))
    assert board.cost.instructions_engine <= 1.35 * board.replay.macs
    assert board.cost.engine_flash_bytes <= 8 * 1024
    assert board.cost.engine_ram_bytes <= 3 * 1024
    assert board.cost.flash_bytes <= 220 * 1024
    assert board.cost.ram_bytes <= 90 * 1024


@needs_board
def test_a_firmware_too_large_for_its_board_or_slow_with_arduinos_flags_fails(demo_root, tmp_path, seal):
    """Slow: with a pragma that asks for no optimisation where Arduino's flags compile for size."""
    export = tmp_path / "export"
    shutil.copytree(demo_root / "export", export)
    source = (export / "ser_model.c").read_text()
    (export / "ser_model.c").write_text(source.replace('optimize("O2")', 'optimize("O0")'))
    seal(export, "exporter")
    limits = {"board_clips": 1, "max_flash_bytes": 100_000, "max_ram_bytes": 50_000}
    board = validate(demo_root, tmp_path / "board", export, **limits)
    assert not board.validated
    with pytest.raises(
        UserError,
        match=r"(?s)did not pass:.*flash: \d+ bytes, at most 100000: FAILED.*RAM: \d+ bytes, at most 50000"
        r".*instructions with Arduino's flags: \d+\.\d+ of those at -O2, at most 1\.05: FAILED",
    ):
        component.require_blessing(str(tmp_path / "board"))


@needs_host
def test_without_an_emulator_the_model_is_not_called_board_validated(demo_root, tmp_path, monkeypatch, capsys):
    take_the_compiler_away(monkeypatch)
    board = validate(demo_root, tmp_path / "board")
    assert not board.validated
    assert board.skipped == ("the emulated board: no-such-compiler not installed",)
    assert "not board-validated" in capsys.readouterr().out
    component.require_blessing(str(tmp_path / "board"))  # nothing failed


@needs_host
def test_an_engine_that_is_off_by_one_bias_fails(demo_root, tmp_path, monkeypatch, seal):
    take_the_compiler_away(monkeypatch)
    export = tmp_path / "export"
    shutil.copytree(demo_root / "export", export)
    source = (export / "ser_model.c").read_text()
    bias = re.search(r"layer_3_dense_bias\[64\] __attribute__\(\(aligned\(4\)\)\) = \{\n    (-?\d+),", source)
    (export / "ser_model.c").write_text(source[: bias.start(1)] + "100000" + source[bias.end(1) :])
    seal(export, "exporter")
    board = validate(demo_root, tmp_path / "board", export)
    assert not board.replay.bit_exact
    with pytest.raises(UserError, match=r"windows with TFLM's bits on the host: .* FAILED"):
        component.require_blessing(str(tmp_path / "board"))


@pytest.mark.parametrize(
    ("folder", "change", "reason"),
    [
        ("export", {"engine_lacks": "operator 3, LOGISTIC"}, "lacks what the model needs: operator 3, LOGISTIC"),
        ("examples", {"parameters": {"padding": "features"}}, "which no device does"),
    ],
)
def test_what_can_not_be_built_is_said_and_no_failure(demo_root, tmp_path, seal, folder, change, reason):
    root = tmp_path / "run"
    shutil.copytree(demo_root / "evaluation", root / "evaluation")
    for kind, name, step in ((Export, "export", "exporter"), (Dataset, "examples", "transform")):
        document = run_files.read(kind, str(demo_root / name))
        run_files.write(dataclasses.replace(document, **change) if name == folder else document, str(root / name))
        seal(root / name, step)
    board = validate(root, tmp_path / "board")
    assert not board.validated and reason in board.skipped[0]


def test_results_of_other_vectors_are_refused():
    vectors = Vectors(np.zeros((2, 5), np.int16), np.zeros((2, 3), np.int8), np.zeros((2, 4), np.int8))
    with pytest.raises(UserError, match="left 7 bytes of results, expected"):
        Results.decode(b"SERRxyz", vectors)
