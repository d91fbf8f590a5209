import contextlib
import functools
import operator
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import time

import pytest

from pipeline.execution import run_side_by_side
from pipeline.steps import STEPS
from schemas.errors import UserError
from tests.conftest import REPOSITORY


def say(line):
    """Prints a line in whatever process it is called in."""
    return functools.partial(print, line)


@pytest.mark.parametrize("jobs", [1, 2])
def test_everything_is_done_and_each_line_of_several_processes_begins_with_its_name(capfd, jobs):
    run_side_by_side({"1/3": say("one\nand one"), "2/3": say("two"), "3/3": say("three")}, jobs)
    lines = capfd.readouterr().out.splitlines()
    if jobs == 1:
        assert lines == ["one", "and one", "two", "three"]
    else:
        assert sorted(lines) == ["1/3: and one", "1/3: one", "2/3: two", "3/3: three"]
        assert lines.index("1/3: one") < lines.index("1/3: and one")


def test_several_processes_leave_the_output_to_json_where_the_first_does(capfd):
    with contextlib.redirect_stdout(sys.stderr):
        run_side_by_side({"1/2": say("one"), "2/2": say("two")}, 2)
    out, err = capfd.readouterr()
    assert out == "" and {"1/2: one", "2/2: two"} <= set(err.splitlines())


def test_what_goes_wrong_in_a_process_is_told_with_its_name():
    with pytest.raises(UserError, match=r"^2/2: ZeroDivisionError: "):
        run_side_by_side({"1/2": say("one"), "2/2": functools.partial(operator.truediv, 1, 0)}, 2)


def test_what_has_not_begun_does_not_begin_once_something_went_wrong(capfd):
    work = {"1/9": functools.partial(operator.truediv, 1, 0)}
    work |= {f"{number}/9": functools.partial(time.sleep, 1) for number in range(2, 9)}
    with pytest.raises(UserError, match=r"^1/9: "):
        run_side_by_side(work | {"9/9": say("nine")}, 2)
    assert "nine" not in capfd.readouterr().out


def test_a_process_that_is_killed_is_told():
    with pytest.raises(UserError, match=r"^1/2: its process ended with -9$"):
        run_side_by_side({"1/2": functools.partial(signal.raise_signal, signal.SIGKILL), "2/2": say("two")}, 2)


def test_a_step_is_the_same_in_another_process():
    assert [pickle.loads(pickle.dumps(step)) for step in STEPS] == list(STEPS)


SLEEP = """
import functools, time
from pipeline.execution import run_side_by_side
if __name__ == "__main__":
    run_side_by_side({"1/1": functools.partial(time.sleep, 600)}, 2)
"""


def list_children(process):
    return {int(child) for child in pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()}


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_processes_end_with_the_one_that_started_them(tmp_path):
    (tmp_path / "main.py").write_text(SLEEP)
    parent = subprocess.Popen([sys.executable, tmp_path / "main.py"], env=os.environ | {"PYTHONPATH": str(REPOSITORY)})
    wait_until(lambda: len(list_children(parent.pid)) == 2)  # multiprocessing's tracker of resources, and the work
    children = list_children(parent.pid)
    time.sleep(3)
    parent.kill()
    parent.wait()
    wait_until(lambda: not any(pathlib.Path(f"/proc/{child}").exists() for child in children))
