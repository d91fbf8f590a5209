"""`python -m components.pusher --examples=ROOT/examples --export=ROOT/export --evaluation=ROOT/evaluation
--output=ROOT/firmware`."""

from components import step
from components.pusher import component


def main() -> None:
    """Runs the step's command."""
    step.run_step(component, inputs=("examples", "export", "evaluation"))


if __name__ == "__main__":
    main()
