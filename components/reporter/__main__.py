"""`python -m components.reporter --output=ROOT/report`, and the directories that it reads: `--manifest --examples --model
--export --evaluation --board`."""

from components import step
from components.reporter import parameters


def main() -> None:
    """Runs the step's command."""
    step.run_step(
        parameters, inputs=("manifest", "examples", "export", "evaluation"), optional_inputs=("model", "board")
    )


if __name__ == "__main__":
    main()
