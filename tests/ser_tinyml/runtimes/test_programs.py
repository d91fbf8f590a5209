import ctypes
import pathlib
import re
import subprocess
import time

import numpy as np
import pytest

from schemas.errors import UserError
from ser_tinyml.runtimes.isolated import call_isolated
from ser_tinyml.runtimes.programs import ProgramFailed, run_program

LIMITS = {"limit_seconds": 60, "limit_bytes": 4 * 2**30}


def is_running(word: str) -> bool:
    return any(word in line for line in subprocess.check_output(["ps", "-eo", "args"], text=True).splitlines())


def test_what_a_program_writes_is_returned():
    assert run_program("cat", given=b"\0words\n", limit_seconds=10) == b"\0words\n"


def test_a_program_that_takes_too_long_is_named_with_its_limit_and_ends_with_its_children():
    nap = f"60.{time.time_ns()}"  # which no other test's sleep has
    began = time.monotonic()
    with pytest.raises(UserError, match=r"^sh was stopped: it took longer than 0\.5 s$"):
        run_program("sh", "-c", f"sleep {nap} & sleep {nap}; true", limit_seconds=0.5)
    assert time.monotonic() - began < 30
    assert not is_running(nap)


def test_a_program_that_fails_tells_what_it_complained_of():
    with pytest.raises(ProgramFailed) as failed:
        run_program(
            "sh", "-c", "echo one; echo 'x.c:3: error: no such thing' >&2; echo after >&2; exit 7", limit_seconds=10
        )
    assert str(failed.value) == "sh ended with code 7: x.c:3: error: no such thing"
    assert "after" in failed.value.__notes__[0]


def test_a_program_that_crashes_is_told_by_its_signal():
    with pytest.raises(ProgramFailed) as failed:
        run_program("sh", "-c", "kill -KILL $$", limit_seconds=10, called="the tool")
    assert str(failed.value) == "the tool was ended by SIGKILL"


def test_a_program_that_is_not_installed_is_named():
    with pytest.raises(UserError, match=r"^no-such-program can't be run: No such file or directory$"):
        run_program("no-such-program", limit_seconds=10)


def test_a_function_in_a_process_of_its_own_gives_its_result():
    np.testing.assert_array_equal(call_isolated(np.cumsum, np.arange(4), called="the sum", **LIMITS), [0, 1, 3, 6])


def test_what_such_a_function_prints_is_no_part_of_its_result():
    assert call_isolated(print, "words", called="the print", **LIMITS) is None


def test_an_error_of_such_a_function_is_one_sentence():
    with pytest.raises(UserError) as error:
        call_isolated([1].index, 2, called="the search", **LIMITS)
    assert str(error.value) == "the search failed: ValueError: 2 is not in list"
    assert "Traceback" in error.value.__notes__[0]


def test_a_user_error_of_such_a_function_is_as_it_was():
    with pytest.raises(UserError, match=r"^no-such-program can't be run"):
        call_isolated(_run_nothing, called="the call", **LIMITS)


def _run_nothing() -> None:
    run_program("no-such-program", limit_seconds=1)


def test_a_crash_of_such_a_function_is_one_sentence():
    with pytest.raises(UserError) as error:
        call_isolated(ctypes.string_at, 0, called="the reading", **LIMITS)
    assert str(error.value) == "the reading was ended by SIGSEGV"


def test_memory_beyond_the_limit_is_one_sentence():
    with pytest.raises(UserError, match=r"^the array failed: .*MemoryError"):
        call_isolated(np.ones, 2**30, called="the array", **LIMITS)


def test_every_program_of_the_project_is_run_by_this_module():
    """So that each has a limit. Benchmarks, which nobody's run waits for, are free; so are the folds that pipeline/execution.py
    runs side by side."""
    repository = pathlib.Path(__file__).resolve().parents[3]
    rooms = ("schemas", "ser_tinyml", "components", "pipeline")
    sources = {path: path.read_text() for room in rooms for path in (repository / room).rglob("*.py")}
    starts = re.compile(
        r"^ *(import|from) (subprocess|multiprocessing|pty)\b|os\.(system|popen|fork|exec|spawn)", re.MULTILINE
    )
    assert {path.name for path, source in sources.items() if starts.search(source)} == {"programs.py", "execution.py"}
