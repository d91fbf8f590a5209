"""`ser-tinyml listen`, as far as it can be heard without a microphone."""

import io
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import time

import pytest

import ser_tinyml
from ser_tinyml.cli.live_view import LiveView, draw_bar, draw_panel
from ser_tinyml.prediction.stream import Decision
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.needs("cc")
DECISION = Decision(61.5, "happy", True, {"neutral": 0.25, "happy": 0.5}, -20.0)


@pytest.fixture(scope="module")
def recording(demo_root) -> str:
    """A held-out recording."""
    rows = map(json.loads, (demo_root / "manifest/manifest.jsonl").read_text().splitlines())
    return next(row["path"] for row in rows if row["split"] == "test")


def test_a_replay_gives_the_streams_decisions_as_lines_of_json(run, demo_root, recording):
    shown = run("ser_tinyml", "listen", f"--model={demo_root}", f"--replay={recording}", "--speed=0").stdout
    found = ser_tinyml.load(str(demo_root), "device").predict_file(recording)
    lines = [json.loads(line) for line in shown.splitlines()]
    assert lines and [line["ms"] / 1000 for line in lines] == pytest.approx(list(found.window_starts + 1.5), abs=1e-3)
    assert set(lines[0]) == {"ms", "class", "uncertain", "probabilities", "rms_db"}


def test_a_replay_takes_as_long_as_the_recording(demo_root, recording):
    command = [sys.executable, "-m", "ser_tinyml", "listen", f"--model={demo_root}", f"--replay={recording}"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        first = json.loads(process.stdout.readline())
        begin = time.monotonic()
        (last,) = [json.loads(line) for line in process.stdout][-1:] or [first]
        assert time.monotonic() - begin > (last["ms"] - first["ms"]) / 1000 - 0.2
    assert process.returncode == 0


def test_a_terminal_shows_level_bars_and_decisions_until_ctrl_c(demo_root, recording):
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "ser_tinyml", "listen", f"--model={demo_root}", f"--replay={recording}"]
    environment = os.environ | {"COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=end, stderr=end, env=environment) as process:
        os.close(end)
        shown = b""
        while b"0:01.9" not in shown and b"\x1b[1mspeech" not in shown:
            shown += os.read(terminal, 4096)
        process.send_signal(signal.SIGINT)
        try:
            while part := os.read(terminal, 4096):
                shown += part
        except OSError:  # the other end is closed
            pass
    text = shown.decode()
    assert process.returncode == 0 and "Traceback" not in text and "interrupted" not in text
    assert re.search(r"level +█+.* dB  \x1b\[1mspeech", text) and re.search(r"happy +.* 0\.\d\d", text)
    assert text.startswith("\x1b[?25l") and text.endswith(
        "\x1b[?25h\x1b[?7h"
    )  # the cursor, and the wrapping of lines, come back


def test_bars_are_of_their_share_to_an_eighth():
    assert [draw_bar(share, 4) for share in (0, 0.5, 1 / 32, 1, 2)] == ["    ", "██  ", "▏   ", "████", "████"]


def test_the_panel_shows_what_was_heard_last():
    panel = draw_panel(seconds=61.6, level_db=-35, has_speech=True, probabilities=DECISION.probabilities, columns=40)
    assert panel[1] == f"level    {draw_bar(0.5, 14)}  -35 dB  \x1b[1mspeech\x1b[0m"
    assert panel[2] == f"neutral  {draw_bar(0.25, 14)}  0.25" and panel[3].startswith("\x1b[1mhappy")
    assert panel[4].startswith("\x1b[2m1:01.6")


def test_decisions_stay_and_the_panel_goes():
    terminal = io.StringIO()
    with LiveView(("neutral", "happy"), "x.wav", terminal) as view:
        view.show_decision(DECISION)
    text = terminal.getvalue()
    drawn, _, after = text.rpartition("\x1b[J")
    assert "1:01.5  happy  0.50  uncertain\n" in drawn and "level" not in after
    up = [int(lines) for lines in re.findall(r"\x1b\[(\d+)A", text)]
    assert up == [4, 4]  # as many lines as the panel has below its first


def test_without_sounddevice_it_is_told_how_to_get_it(demo_root):
    code = "import sys; sys.modules['sounddevice'] = None; from ser_tinyml.cli import main; main()"
    command = [sys.executable, "-c", code, "listen", f"--model={demo_root}"]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert ended.returncode == 1 and ended.stderr.count("\n") == 1
    assert "sounddevice, which is not installed: pip install 'ser-tinyml[listen]'" in ended.stderr


@pytest.mark.parametrize(
    ("flags", "code", "told"),
    [
        (["--speed=-1"], 2, "--speed=-1: expected 0 or more"),
        (["--replay=x.wav", "--microphone=usb"], 2, "--microphone is not heard where a recording is replayed"),
        (["--replay=setup.py"], 1, "setup.py: not_audio: "),
    ],
)
def test_what_can_not_be_meant_is_told(run, demo_root, flags, code, told):
    ended = run("ser_tinyml", "listen", f"--model={pathlib.Path(demo_root, 'export')}", *flags, check=False)
    assert ended.returncode == code and f"error: {told}" in ended.stderr and "Traceback" not in ended.stderr
