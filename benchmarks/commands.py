"""Runs the commands that a benchmark times."""

import subprocess
import sys
import time


def run(*arguments: object) -> float:
    """Runs Python with these arguments and returns the seconds that it took; ends with its error where it fails."""
    command = [sys.executable, *map(str, arguments)]
    begin = time.perf_counter()
    ended = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    if ended.returncode:
        sys.exit(f"{ended.stdout}\n{ended.stderr}\nerror: {' '.join(command)} ended with {ended.returncode}")
    return seconds
