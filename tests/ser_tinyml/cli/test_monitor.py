"""`ser-tinyml monitor` and `capture`, on the firmware of an emulated board behind a pseudo-terminal."""

import contextlib
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from ser_tinyml.codegen.cmsis_dsp import unpack_cmsis_dsp
from ser_tinyml.prediction.stream import Decision
from ser_tinyml.runtimes.device import build
from tests.conftest import REPOSITORY

pytest.importorskip("serial", reason="pyserial is not installed")
pytestmark = pytest.mark.needs("cc", "cmake", "arm-none-eabi-gcc", "qemu-system-arm")
RATE = 16_000
QEMU = ("qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "pty")


@pytest.fixture(scope="module")
def speech(demo_root) -> np.ndarray:
    """A held-out recording with silence behind it, int16."""
    rows = map(json.loads, (demo_root / "manifest/manifest.jsonl").read_text().splitlines())
    samples, rate = soundfile.read(next(row["path"] for row in rows if row["split"] == "test"), dtype="int16")
    step = rate // RATE
    return np.concatenate([samples[::step], np.zeros(4 * RATE, np.int16)])


@pytest.fixture(scope="module")
def firmware(demo_root, tmp_path_factory) -> pathlib.Path:
    """The firmware of the demo's model for an emulated board."""
    folder = tmp_path_factory.mktemp("firmware")
    generated = demo_root / "firmware" / "generated"
    cmsis_dsp = unpack_cmsis_dsp(folder / "cmsis_dsp")
    build("mps2_an386", "ser_firmware", generated=generated, folder=folder / "build", cmsis_dsp=cmsis_dsp)
    return folder / "build" / "ser_firmware.elf"


@pytest.fixture
def port(firmware, speech, tmp_path):
    """The serial port of a board that hears the speech when it is started."""
    (tmp_path / "heard.bin").write_bytes(np.uint32(len(speech)).tobytes() + speech.astype("<i2").tobytes())
    loader = f"loader,file={tmp_path}/heard.bin,addr=0x21000000,force-raw=on"
    command = [*QEMU, "-kernel", firmware, "-device", loader]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as board:
        told = board.stdout.readline()
        yield re.search(r"(/dev/pts/\d+)", told)[1]
        board.kill()


def start(command: str, *flags: object, **streams) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "ser_tinyml", command, *map(str, flags)], cwd=REPOSITORY, text=True, **streams
    )


def test_each_line_of_the_board_is_passed_on(port):
    # The threshold first: the emulated board may be through all that it hears before a command behind `start` is there.
    with start("monitor", f"--port={port}", "--send=threshold 1", "--send=start", stdout=subprocess.PIPE) as process:
        lines = map(json.loads, process.stdout)
        threshold = next(line["threshold"] for line in lines if "threshold" in line)
        decision = Decision.from_json(next(line for line in lines if "class" in line))
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert threshold == 1.0
    assert process.returncode == 0
    assert decision.uncertain


def test_a_board_with_the_model_passes_its_self_test(run, demo_root, port):
    shown = run("ser_tinyml", "monitor", f"--port={port}", "--selftest", f"--model={demo_root}").stdout
    found, told = shown.splitlines()
    assert json.loads(found)["failed"] is False
    assert re.fullmatch(
        r"the engine gives the bits of .*; outputs for sound differ by at most [0-2] of 256 steps", told
    )


def test_a_terminal_shows_decisions_and_takes_commands(port):
    terminal, end = pty.openpty()
    with start("monitor", f"--port={port}", "--send=start", stdin=end, stdout=end, stderr=end) as process:
        os.close(end)
        shown = b""
        while not re.search(rb"0:\d\d\.\d  \w+  0\.\d\d", shown):
            shown += os.read(terminal, 4096)
        os.write(terminal, b"led 9999\n")
        while b"unknown command" not in shown:
            shown += os.read(terminal, 4096)
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(terminal, 4096):
                shown += part
    assert process.returncode == 0 and b"Traceback" not in shown and shown.endswith(b"\x1b[?25h\x1b[?7h")
    assert re.search(rb"happy +.* 0\.\d\d", shown)


def test_what_the_board_hears_is_recorded_for_training(run, port, speech, tmp_path):
    flags = [f"--output={tmp_path}", "--emotion=joy", "--speaker=ann", "--seconds=1.5", "--count=2"]
    shown = run("ser_tinyml", "capture", f"--port={port}", *flags).stdout
    assert shown.splitlines() == [f"{tmp_path}/joy/ann/1.wav", f"{tmp_path}/joy/ann/2.wav"]
    samples, rate = soundfile.read(tmp_path / "joy/ann/1.wav", dtype="int16")
    assert rate == RATE and len(samples) == 1.5 * RATE
    assert np.corrcoef(samples, speech[: len(samples)])[0, 1] > 0.99  # but for the offset that the board takes off


@pytest.mark.parametrize(
    ("command", "flags", "code", "told"),
    [
        ("monitor", ["--port=/dev/nothing"], 1, "the port /dev/nothing can't be opened: "),
        ("monitor", ["--port=/dev/null", "--model=x"], 2, "--model is what --selftest compares with"),
        ("capture", ["--port=x", "--output=x", "--emotion=a/b", "--speaker=ann"], 2, "--emotion=a/b: a folder's name"),
        ("capture", ["--port=x", "--output=x", "--emotion=a", "--speaker=b", "--count=0"], 2, "--seconds is above 0"),
    ],
)
def test_what_can_not_be_meant_is_told(run, command, flags, code, told):
    ended = run("ser_tinyml", command, *flags, check=False)
    assert ended.returncode == code and f"error: {told}" in ended.stderr and "Traceback" not in ended.stderr
