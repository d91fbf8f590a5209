import pytest

from schemas.errors import UserError
from ser_tinyml.codegen.cost import Cost
from ser_tinyml.judging.trials import Budget, Trial, find_best, find_front, read_journal, write_journal


def make_trial(number: int, uar: float, *, instructions: int = 1000, flash: int = 1000, pruned: str = "") -> Trial:
    cost = Cost(0, 0, flash, 0, instructions_frontend=0, instructions_engine=instructions)
    uars = () if pruned else (uar - 0.125, uar + 0.125)
    return Trial(number, {"center": True}, {"center": True, "augment": ["none"]}, cost, pruned, uars)


TRIALS = [
    make_trial(0, 0.5),
    make_trial(1, 0.75, instructions=3000),
    make_trial(2, 0.75, instructions=4000),  # beaten by 1
    make_trial(3, 0.75, instructions=4000, flash=500),
    make_trial(4, 0.25, instructions=1500),  # beaten by 0
    make_trial(5, 0.9, pruned="too much"),
    make_trial(6, 0.5),  # equal to 0
]


def test_the_front_has_what_nothing_beats_and_of_equals_one():
    assert [trial.number for trial in find_front(TRIALS)] == [0, 1, 3]


def test_the_best_is_the_cheapest_of_the_highest_uar():
    assert find_best(TRIALS).number == 1
    assert find_best(TRIALS[5:6]) is None


def test_a_budget_names_what_is_beyond_it_and_by_how_much():
    cost = Cost(0, 0, 2048, 0, instructions_frontend=64_000_000, instructions_engine=0)  # 1500 ms
    assert Budget(1024, 1000).describe_excess(cost) == (
        "2.0 KB of flash, 1 are allowed; 1500.0 ms a decision, 1000 are allowed"
    )
    assert Budget(1024, 1000).measure_excess(cost) == 1
    assert Budget(2048, 1500).describe_excess(cost) == "" and Budget(2048, 1500).measure_excess(cost) == 0
    assert Budget(1024, 1000).measure_excess(None) > 1


def test_a_journal_is_read_as_it_was_written(tmp_path):
    path = str(tmp_path / "trials.jsonl")
    assert read_journal(path) == []
    write_journal(path, TRIALS)
    assert read_journal(path) == TRIALS
    assert TRIALS[0].command_line == "--center=true --augment=none"


@pytest.mark.parametrize("lines", ['{"number": 0}\n', "{}\n", "not JSON\n"])
def test_a_file_that_is_no_journal_is_told(tmp_path, lines):
    path = tmp_path / "trials.jsonl"
    path.write_text(lines)
    with pytest.raises(UserError, match=r"trials\.jsonl"):
        read_journal(str(path))


def test_a_journal_that_lacks_a_trial_is_told(tmp_path):
    path = str(tmp_path / "trials.jsonl")
    write_journal(path, TRIALS[1:])
    with pytest.raises(UserError, match="line 1 is of trial 1, expected 0"):
        read_journal(path)
