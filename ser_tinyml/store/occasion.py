"""When, by which command and from which version of the code something was made."""

import datetime
import pathlib
import shlex
import sys

from schemas.errors import UserError
from schemas.run_files import Occasion
from ser_tinyml.runtimes.programs import run_program
from ser_tinyml.version import VERSION

_GIT_SECONDS = 30


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
    questions = (("rev-parse", "--show-toplevel"), ("rev-parse", "HEAD"), ("status", "--porcelain", "-uno"))
    try:
        top, commit, changed = (
            run_program("git", "-C", here, *words, limit_seconds=_GIT_SECONDS).decode().strip() for words in questions
        )
    except UserError:
        return ""
    return commit + ("+" if changed else "") if pathlib.Path(top) == here else ""
