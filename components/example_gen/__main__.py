"""`python -m components.example_gen --corpus=ravdess:DIR --output=ROOT/manifest`."""

from components import step
from components.example_gen import parameters


def main() -> None:
    """Runs the step's command."""
    step.run_step(parameters)


if __name__ == "__main__":
    main()
