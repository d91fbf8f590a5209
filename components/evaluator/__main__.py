"""`python -m components.evaluator --examples=ROOT/examples --model=ROOT/model --export=ROOT/export --output=ROOT/evaluation`.

Ends with exit code 3 and the failed gates where the model is not blessed.
"""

from components import step
from components.evaluator import parameters


def main() -> None:
    """Runs the step's command."""
    step.run_step(parameters, inputs=("examples", "export"), optional_inputs=("model", "manifest"))


if __name__ == "__main__":
    main()
