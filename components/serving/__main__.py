"""`python -m components.serving --model=ROOT --output=DIR`; `ser-tinyml serve-model` is the same."""

from components import step
from components.serving import parameters


def main() -> None:
    """Runs the step's command."""
    step.run_step(parameters)


if __name__ == "__main__":
    main()
