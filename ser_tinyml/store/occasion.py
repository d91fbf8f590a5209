"""When, by which command and from which version of the code something was made."""

import datetime
import pathlib
import shlex
import subprocess
import sys

from schemas.run_files import Occasion
from ser_tinyml.version import VERSION


def describe_occasion() -> Occasion:
    """Returns that of this process."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    program, *words = sys.orig_argv
    if words and pathlib.PurePath(words[0]).name == "ser-tinyml":  # which Python was given as a script
        program, *words = words
    command = shlex.join([pathlib.PurePath(program).name, *words])
    return Occasion(when=now, command=command, version=VERSION, commit=_find_commit())


def _find_commit() -> str:
    """Returns the commit that the code is of, with "+" where files of it were changed; "" where it is in no repository."""
    here = pathlib.Path(__file__).resolve().parents[2]
    git = ["git", "-C", str(here)]
    try:
        top, commit, changed = (
            subprocess.run([*git, *words], capture_output=True, text=True, timeout=30, check=True).stdout.strip()
            for words in (("rev-parse", "--show-toplevel"), ("rev-parse", "HEAD"), ("status", "--porcelain", "-uno"))
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return commit + ("+" if changed else "") if pathlib.Path(top) == here else ""
