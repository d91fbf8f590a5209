"""`python -m components.transform --manifest=ROOT/manifest/manifest.jsonl --output=ROOT/examples [Beam's options]`."""

from components import step
from components.transform import parameters


def main() -> None:
    """Runs the step's command."""
    step.run_step(parameters, inputs=("manifest",), takes_beam_options=True)


if __name__ == "__main__":
    main()
