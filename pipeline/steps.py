"""The graph: step -> what it takes, what it makes. Paths are below the pipeline's root."""

import dataclasses
import types

from components.evaluator import component as evaluator
from components.example_gen import component as example_gen
from components.exporter import component as exporter
from components.infra_validator import component as infra_validator
from components.pusher import component as pusher
from components.reporter import component as reporter
from components.step import name_step
from components.trainer import component as trainer
from components.transform import component as transform


@dataclasses.dataclass(frozen=True)
class Step:
    """One component in the pipeline."""

    component: types.ModuleType
    inputs: dict[str, str]  # the component's argument -> the artifact
    output: str

    @property
    def name(self) -> str:
        """The name of the component's folder."""
        return name_step(self.component)


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
    missing = {step.output for step in STEPS if step.component in left_out}
    return tuple(
        dataclasses.replace(step, inputs={name: path for name, path in step.inputs.items() if path not in missing})
        for step in STEPS
        if step.component not in left_out
    )
