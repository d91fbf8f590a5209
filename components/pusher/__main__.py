"""`python -m components.pusher --examples=ROOT/examples --export=ROOT/export --evaluation=ROOT/evaluation
--board=ROOT/board --output=ROOT/firmware`."""

from components import step
from components.pusher import parameters


def main() -> None:
    """Runs the step's command."""
    step.run_step(parameters, inputs=("examples", "export", "evaluation", "board"))


if __name__ == "__main__":
    main()
