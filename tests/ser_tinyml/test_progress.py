import os
import pty
import re
import subprocess
import sys
import termios

from ser_tinyml import progress

COUNT = """
import time
from ser_tinyml import progress
progress._QUIET_SECONDS = {quiet}
with progress.shown("clips", 40):
    for number in range(40):
        time.sleep(0.02)
        progress.advance()
        if number == 20:
            progress.tell("half of it")
print("done")
"""


def run_on_a_terminal(quiet: float) -> str:
    """Runs COUNT with a terminal behind its outputs, and returns what stands there."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 100))
    child = subprocess.Popen([sys.executable, "-c", COUNT.format(quiet=quiet)], stdout=follower, stderr=follower)
    os.close(follower)
    shown = b""
    try:
        while read := os.read(leader, 65_536):
            shown += read
    except OSError:  # how a terminal ends whose last writer is gone
        pass
    os.close(leader)
    assert child.wait() == 0
    return shown.decode()


def test_a_terminal_has_a_bar_with_rate_and_time_left_which_goes_when_all_is_done():
    shown = run_on_a_terminal(quiet=0)
    assert re.search(r"\d+/40 \[\d\d:\d\d<\d\d:\d\d, +[\d.]+ clips/s\]", shown)
    last_lines = shown.replace("\r", "\n").split("\n")
    assert "half of it" in last_lines and "done" in last_lines
    assert not last_lines[last_lines.index("done") - 1].strip()


def test_what_is_done_soon_shows_no_bar():
    assert "/40" not in run_on_a_terminal(quiet=60)


def test_without_a_terminal_a_line_comes_now_and_then(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.shown("clips", 400):
        for _ in range(130):
            now[0] += 0.5
            progress.advance()
        progress.tell("a word in between")
    shown = capsys.readouterr()
    assert shown.err.splitlines() == [
        "60 of 400 clips, 2 a second, 170 s left",
        "120 of 400 clips, 2 a second, 140 s left",
    ]
    assert shown.out == "a word in between\n"


def test_work_in_other_work_counts_for_itself(monkeypatch, capsys):
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.0)
    with progress.shown("windows", 2):
        assert list(progress.track("abc", "formats", 3)) == ["a", "b", "c"]
        progress.advance(2)
    told = [line.split(",")[0] for line in capsys.readouterr().err.splitlines()]
    assert told == ["1 of 3 formats", "2 of 3 formats", "3 of 3 formats", "2 of 2 windows"]


def test_nobody_need_watch(capsys):
    progress.advance()
    progress.tell("a line")
    assert capsys.readouterr() == ("a line\n", "")
