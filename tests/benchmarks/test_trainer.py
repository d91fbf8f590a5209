"""The ratio of `make bench-train` is of seconds until the notebook's accuracy is reached: where it is not, there is none."""

import math
import pathlib

import pytest
import trainer
from absl import flags
from trainer import Outcome

from components.step import define_flags, from_flags
from components.trainer.parameters import Parameters


def make_outcomes(*pairs: tuple[float, float]) -> list[Outcome]:
    return [Outcome(seconds, accuracy, validation_accuracy=0.9) for seconds, accuracy in pairs]


NOTEBOOK = make_outcomes((100, 0.70), (140, 0.72), (120, 0.74))


def test_a_mean_over_seeds_is_of_each_figure():
    mean = trainer.average(NOTEBOOK)
    assert (mean.seconds, mean.accuracy, mean.validation_accuracy) == pytest.approx((120, 0.72, 0.9))


def test_the_target_is_the_mean_of_the_seeds_and_no_seeds_own_accuracy():
    trainer.check_target(NOTEBOOK, make_outcomes((20, 0.60), (20, 0.78), (20, 0.79)))
    trainer.check_target(NOTEBOOK, NOTEBOOK)


@pytest.mark.parametrize("accuracies", [(0.70, 0.71, 0.72), (0.70, 0.72, math.nan)])
def test_an_accuracy_below_the_notebooks_ends_the_benchmark(accuracies):
    with pytest.raises(SystemExit, match="target missed"):
        trainer.check_target(NOTEBOOK, make_outcomes(*((20, accuracy) for accuracy in accuracies)))


def test_the_error_says_by_how_much_the_target_is_missed():
    with pytest.raises(SystemExit, match=r"0\.7100 is 0\.0100 below the notebook's 0\.7200, in the mean of 3 seeds"):
        trainer.check_target(NOTEBOOK, make_outcomes((20, 0.70), (20, 0.71), (20, 0.72)))


def test_the_ratio_is_of_the_seconds_of_all_seeds_together():
    assert trainer.compute_ratio(NOTEBOOK, make_outcomes((20, 0.7), (30, 0.7), (10, 0.7))) == pytest.approx(6)


def test_the_schedule_is_another_one_for_the_notebooks_network():
    """Behind the notebook's preset the benchmark's flags change batch and schedule alone."""
    free = {"batch_size", "learning_rate", "learning_rate_schedule", "epochs", "weight_average", "patience"}
    path = pathlib.Path(trainer.SCHEDULE.partition("=")[2])
    known = flags.FlagValues()
    define_flags(Parameters, "trainer", known)
    known(["", *known.read_flags_from_files([f"--flagfile={path}"])])
    assert {name for name in known if known[name].present} == free
    assert from_flags(Parameters, known).patience == 0
