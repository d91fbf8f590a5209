"""`python -m components.exporter --examples=ROOT/examples --model=ROOT/model --output=ROOT/export`."""

from components import step
from components.exporter import parameters


def main() -> None:
    """Runs the step's command."""
    step.run_step(parameters, inputs=("examples",), optional_inputs=("model",))


if __name__ == "__main__":
    main()
