"""`python -m pipeline.run --corpus=ravdess:DIR --pipeline_root=ROOT [flags]`: flags -> steps -> report."""

from absl import flags

from components import command
from components.evaluator.component import format_table, require_blessing
from pipeline.lineage import Lineage
from pipeline.steps import STEPS, plan_steps
from schemas import artifacts


def execute(flag_values: flags.FlagValues, beam_options: list[str]) -> None:
    """Runs every step that has not finished with these flags before.

    Raises:
      UserError: a step can't do its work; or, after the report is written, the model is not blessed.
    """
    root = flag_values["pipeline_root"].value
    lineage = Lineage(root)
    for step in plan_steps(flag_values["model_path"].value):
        parameters = command.from_flags(step.component.Parameters, flag_values)
        run = lineage.describe_run(step, parameters)
        if lineage.is_finished(step, run):
            print(f"== {step.name}: done before, {artifacts.join(root, step.output)}", flush=True)
            continue
        print(f"== {step.name}", flush=True)
        lineage.begin(step)
        inputs = {name: artifacts.join(root, path) for name, path in step.inputs.items()}
        extra = {"beam_options": beam_options} if step.name == "transform" else {}
        step.component.run(output=artifacts.join(root, step.output), parameters=parameters, **inputs, **extra)
        lineage.finish(step, run)
    evaluation = artifacts.join(root, "evaluation")
    print(f"\n{format_table(evaluation)}\n\n{artifacts.join(root, 'report', 'index.html')}")
    require_blessing(evaluation)


def main() -> None:
    """The console script."""
    command.define_path("pipeline_root", "Directory for all that the run leaves behind.")
    for step in STEPS:
        command.define_flags(step.component.Parameters)
    command.main(execute, takes_beam_options=True)


if __name__ == "__main__":
    main()
