"""The graph: step -> what it takes, what it makes. Paths are below the pipeline's root."""

import dataclasses
import importlib
import re
import types
from typing import Any

from components.evaluator import parameters as evaluator
from components.example_gen import parameters as example_gen
from components.exporter import parameters as exporter
from components.infra_validator import parameters as infra_validator
from components.pusher import parameters as pusher
from components.reporter import parameters as reporter
from components.step import load_component, name_step
from components.trainer import parameters as trainer
from components.transform import parameters as transform


@dataclasses.dataclass(frozen=True)
class Step:
    """One component in the pipeline."""

    flags: types.ModuleType  # the step's module `parameters`
    inputs: dict[str, str]  # the component's argument -> the artifact
    output: str

    def __reduce__(self) -> tuple:
        """Lets another process have the step: a module goes by its name."""
        return _load_step, (self.flags.__name__, self.inputs, self.output)

    @property
    def name(self) -> str:
        """The name of the component's folder."""
        return name_step(self.flags)

    @property
    def parameters(self) -> Any:
        """The class of its flags."""
        return self.flags.Parameters

    @property
    def component(self) -> Any:
        """The module that does its work, loaded when it is asked for: flags are looked at without TensorFlow and Beam."""
        return load_component(self.name)

    @property
    def makes(self) -> re.Pattern[str]:
        """The names of all files that it makes."""
        return re.compile(self.flags.MAKES)


def _load_step(flags: str, inputs: dict[str, str], output: str) -> Step:
    return Step(importlib.import_module(flags), inputs, output)


STEPS = (
    Step(example_gen, {}, "manifest"),
    Step(transform, {"manifest": "manifest/manifest.jsonl"}, "examples"),
    Step(trainer, {"examples": "examples"}, "model"),
    Step(exporter, {"examples": "examples", "model": "model"}, "export"),
    Step(
        evaluator,
        {"manifest": "manifest", "examples": "examples", "model": "model", "export": "export"},
        "evaluation",
    ),
    Step(infra_validator, {"examples": "examples", "export": "export", "evaluation": "evaluation"}, "board"),
    Step(
        pusher,
        {"examples": "examples", "export": "export", "evaluation": "evaluation", "board": "board"},
        "firmware",
    ),
    Step(
        reporter,
        {
            "manifest": "manifest",
            "examples": "examples",
            "model": "model",
            "export": "export",
            "evaluation": "evaluation",
            "board": "board",
        },
        "report",
    ),
)


def plan_steps(model_path: str, *, deploys: bool = True) -> tuple[Step, ...]:
    """Returns the steps to run, each with the inputs that there will be.

    Args:
      model_path: of a model from elsewhere: nothing is trained, and nobody reads the trained model; "" where one is trained.
      deploys: whether the firmware is built; a fold of a cross-validation only measures.
    """
    left_out = [trainer] if model_path else []
    left_out += [] if deploys else [infra_validator, pusher]
    missing = {step.output for step in STEPS if step.flags in left_out}
    return tuple(
        dataclasses.replace(step, inputs={name: path for name, path in step.inputs.items() if path not in missing})
        for step in STEPS
        if step.flags not in left_out
    )
