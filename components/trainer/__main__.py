"""`python -m components.trainer --examples=ROOT/examples --output=ROOT/model`."""

from components import step
from components.trainer import parameters


def main() -> None:
    """Runs the step's command."""
    step.run_step(parameters, inputs=("examples",))


if __name__ == "__main__":
    main()
