import functools
import operator
import os
import pickle
import time

import pytest

from pipeline.execution import run_side_by_side
from pipeline.steps import STEPS
from schemas.errors import UserError


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
    with pytest.raises(UserError, match=r"^1/2: its process ended with 9$"):
        run_side_by_side({"1/2": functools.partial(os._exit, 9), "2/2": say("two")}, 2)


def test_a_step_is_the_same_in_another_process():
    assert [pickle.loads(pickle.dumps(step)) for step in STEPS] == list(STEPS)
