"""Every numeric flag of every step: a number is in its range, or it is refused by name before any work is done."""

import dataclasses
import math
import re
from typing import get_type_hints

import pytest

from components.bulk_inference.parameters import Parameters as BulkParameters
from components.serving.parameters import Parameters as ServingParameters
from components.step import Range, StepParameters, parameter
from components.transform.component import Parameters as TransformParameters
from pipeline.steps import STEPS
from schemas.errors import UsageError

PARAMETERS = {
    **{step.name: step.parameters for step in STEPS},
    "bulk_inference": BulkParameters,
    "serving": ServingParameters,
}
NUMERIC = [
    pytest.param(parameters, field, id=f"{name}-{field.name}")
    for name, parameters in PARAMETERS.items()
    for field in dataclasses.fields(parameters)
    if get_type_hints(parameters)[field.name] in (int, float)
]
NO_VALUES = [math.nan, math.inf, -math.inf, 1e300, -1e300, -1e9]


@pytest.mark.parametrize(("parameters", "field"), NUMERIC)
def test_a_number_that_no_flag_can_mean_is_refused_by_name(parameters, field):
    for value in NO_VALUES:
        with pytest.raises(UsageError, match="^" + re.escape(f"--{field.name}={value}: ")):
            parameters(**{field.name: value})


@pytest.mark.parametrize(("parameters", "field"), NUMERIC)
def test_a_range_has_two_ends_and_its_neighbours_are_refused(parameters, field):
    allowed = field.metadata["range"]
    for closed, open_, outwards in (
        (allowed.at_least, allowed.above, -math.inf),
        (allowed.at_most, allowed.below, math.inf),
    ):
        assert (closed is None) != (open_ is None), "each end is closed or open"
        outside = open_ if closed is None else math.nextafter(closed, outwards)
        with pytest.raises(UsageError, match=f"^--{field.name}=.*: {allowed}$"):
            parameters(**{field.name: outside})
    assert field.default in allowed


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_step_checks_its_parameters_wherever_they_are_made(step):
    assert issubclass(step.parameters, StepParameters)


def test_the_message_names_flag_value_and_range():
    @dataclasses.dataclass(frozen=True)
    class Parameters(StepParameters):
        share: float = parameter(0.5, "A share.", above=0, at_most=1)

    assert Parameters(share=1).share == 1
    with pytest.raises(UsageError, match=r"^--share=0: above 0 and at most 1$"):
        Parameters(share=0)
    assert math.nan not in Range() and 0 in Range()


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ({"crop": ("0:99999",)}, r"--crop=0:99999: at most 60 s, as --max_crop_seconds says"),
        ({"crop": ("0:inf",)}, "--crop=0:inf: at most 60 s"),
        ({"crop": ("tess:nan:1",)}, "--crop=tess:nan:1"),
        ({"crop": ("-1:1",)}, "--crop=-1:1"),
        ({"crop": ("0:10",), "max_crop_seconds": 9.0}, "--crop=0:10: at most 9 s"),
        ({"load_rate": 3_999}, "--load_rate=3999: 0, or at least 4000 Hz"),
        ({"load_rate": 10**9}, "--load_rate=1000000000: at least 0 and at most 768000"),
        ({"noisy": "gain:0:1e9"}, "'gain' takes"),
        ({"augment": ("clean", "speed:nan:1")}, "'speed' takes"),
    ],
)
def test_what_the_data_job_can_not_mean_is_refused_when_its_flags_are_made(flags, complaint):
    with pytest.raises(UsageError, match=complaint):
        TransformParameters(**flags)


@pytest.mark.parametrize("flag", ["--lstm_units=abc", "--golden_windows=0", "--folds=1000000000", "--leave_out=1/5"])
def test_a_run_refuses_the_flag_of_any_step_before_the_first_one(run, tmp_path, flag):
    corpus = f"--corpus=tess:{tmp_path}"
    result = run("pipeline.run", corpus, f"--pipeline_root={tmp_path / 'root'}", flag, check=False)
    assert result.returncode == 2 and result.stderr.startswith(f"error: {flag}: "), result.stderr
    assert result.stdout == "" and not (tmp_path / "root").exists()


def test_a_run_tells_every_flag_that_a_step_refuses(run, tmp_path):
    flags = ("--epochs=0", "--batch_size=-1", "--max_channels=0", "--golden_windows=0")
    result = run(
        "pipeline.run", f"--corpus=tess:{tmp_path}", f"--pipeline_root={tmp_path / 'root'}", *flags, check=False
    )
    assert result.returncode == 2
    assert all(f"{flag}: " in result.stderr for flag in flags), result.stderr


@pytest.mark.parametrize(
    ("step", "wrong", "messages"),
    [
        ("example_gen", {"fold": "1/5", "split": "clip", "columns": "colour:x", "classes": "none"}, 3),
        ("transform", {"load_rate": 10, "crop": ("2:1",), "n_fft": 1000, "augment": ("no_such_effect",)}, 4),
        ("trainer", {"lstm_units": "a", "conv_filters": "b"}, 2),
        ("exporter", {"add_softmax": True, "allow_model_code": True}, 2),
    ],
)
def test_all_that_does_not_fit_together_is_told_at_once(step, wrong, messages):
    parameters = next(each.parameters for each in STEPS if each.name == step)
    with pytest.raises(UsageError) as raised:
        parameters(**wrong)
    assert len(str(raised.value).splitlines()) == messages, raised.value
