"""The live view of a terminal: decisions go up like a log; below them stand level, speech and the last probabilities."""

import shutil
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TextIO

from ser_tinyml.prediction.stream import Decision

_FRAME_SECONDS = 0.05  # between two pictures
_QUIETEST_DB = -70.0  # where the bar of the level begins
_EIGHTHS = " ▏▎▍▌▋▊▉"

_BOLD, _FAINT, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"  # a line that is too long is cut, and stays one line
_ERASE_BELOW = "\x1b[J"


def draw_bar(share: float, columns: int) -> str:
    """Returns a bar over a share, from 0 to 1, of so many columns, to an eighth of one; blanks fill it up."""
    eighths = round(min(max(share, 0.0), 1.0) * columns * 8)
    full, part = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[part] if part else "")).ljust(columns)


def draw_panel(
    *, seconds: float, level_db: float, has_speech: bool, probabilities: Mapping[str, float], columns: int
) -> list[str]:
    """Returns the lines below the log: time, level and speech, then a bar a class.

    Args:
      seconds: of sound so far.
      level_db: of the last block, dB full scale.
      has_speech: whether the voice gate is open.
      probabilities: class -> its probability in the last decision; 0 before the first.
      columns: of the terminal.
    """
    margin = max(map(len, [*probabilities, "level"])) + 2
    width = max(4, min(60, columns - margin - len("  -70 dB  speech ")))
    louder = draw_bar(1 - level_db / _QUIETEST_DB, width)
    state = f"{_BOLD}speech{_PLAIN}" if has_speech else f"{_FAINT}-{_PLAIN}"
    likeliest = max(probabilities, key=probabilities.__getitem__, default="")
    lines = [f"{'level':{margin}}{louder}  {max(level_db, _QUIETEST_DB):3.0f} dB  {state}"]
    for label, value in probabilities.items():
        line = f"{label:{margin}}{draw_bar(value, width)}  {value:.2f}"
        lines.append(f"{_BOLD}{line}{_PLAIN}" if label == likeliest and value else line)
    return ["", *lines, f"{_FAINT}{_tell_time(seconds)}, Ctrl-C ends{_PLAIN}"]


def draw_decision(decision: Decision) -> str:
    """Returns a line of the log."""
    uncertain = "  uncertain" if decision.uncertain else ""
    return f"{_tell_time(decision.seconds)}  {decision.label}  {decision.probabilities[decision.label]:.2f}{uncertain}"


def _tell_time(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f}:{rest:04.1f}"


class LiveView:
    """What is heard, on a terminal, from `with` on."""

    def __init__(self, labels: Sequence[str], source: str, terminal: TextIO | None = None):
        """Prepares it; `source` is what is heard. The terminal is by default the standard output."""
        self._source = source
        self._terminal = terminal or sys.stdout
        self._probabilities = dict.fromkeys(labels, 0.0)
        self._state = 0.0, _QUIETEST_DB, False
        self._lines_below = 0  # of the panel, as it stands there
        self._drawn = -_FRAME_SECONDS

    def __enter__(self) -> "LiveView":
        self._terminal.write(f"{_HIDE_CURSOR}{_NO_WRAP}listening to {self._source}\n")
        self._draw()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._erase()
        self._terminal.write(_SHOW_CURSOR + _WRAP)
        self._terminal.flush()

    def show_sound(self, seconds: float, level_db: float, has_speech: bool) -> None:
        """Shows what was heard up to a time: the level of the last block, and whether the voice gate is open."""
        state = seconds, level_db, has_speech
        if state != self._state and time.monotonic() - self._drawn >= _FRAME_SECONDS:
            self._state = state
            self._draw()

    def show_decision(self, decision: Decision) -> None:
        """Adds a decision to the log, and shows its probabilities."""
        self._probabilities = decision.probabilities
        self._draw(draw_decision(decision) + "\n")

    def show_line(self, line: str) -> None:
        """Adds any other line to the log, all of it."""
        columns = shutil.get_terminal_size().columns
        self._draw("".join(f"{part}\n" for part in textwrap.wrap(line, columns)))

    def pass_line(self) -> None:
        """Takes note that a person has typed a line: the cursor is one below where it was."""
        self._lines_below += 1

    def _draw(self, log: str = "") -> None:
        """Draws the panel where it was, or, behind a line that is added to the log, below that."""
        seconds, level_db, has_speech = self._state
        panel = draw_panel(
            seconds=seconds,
            level_db=level_db,
            has_speech=has_speech,
            probabilities=self._probabilities,
            columns=shutil.get_terminal_size().columns,
        )
        self._erase()
        self._terminal.write(log + "\n".join(panel))
        self._terminal.flush()
        self._lines_below = len(panel) - 1
        self._drawn = time.monotonic()

    def _erase(self) -> None:
        """Takes the panel away; the cursor stands where it began."""
        up = f"\x1b[{self._lines_below}A" if self._lines_below else ""
        self._terminal.write(f"\r{up}{_ERASE_BELOW}")
        self._lines_below = 0
