"""`python -m components.infra_validator --examples=ROOT/examples --export=ROOT/export --evaluation=ROOT/evaluation
--output=ROOT/board`."""

from components import step
from components.infra_validator import parameters


def main() -> None:
    """Runs the step's command."""
    step.run_step(parameters, inputs=("examples", "export", "evaluation"))


if __name__ == "__main__":
    main()
