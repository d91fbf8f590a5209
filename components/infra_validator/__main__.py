"""`python -m components.infra_validator --examples=ROOT/examples --export=ROOT/export --evaluation=ROOT/evaluation
--output=ROOT/board`."""

from components import step
from components.infra_validator import component


def main() -> None:
    """Runs the step's command."""
    step.run_step(component, inputs=("examples", "export", "evaluation"))


if __name__ == "__main__":
    main()
