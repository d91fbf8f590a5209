"""`python -m components.bulk_inference --model=ROOT --input=DIR --output=OUT [Beam's options]`, or `ser-tinyml bulk`."""

from components import step
from components.bulk_inference import parameters


def main() -> None:
    """Runs the step's command."""
    step.run_step(parameters, takes_beam_options=True)


if __name__ == "__main__":
    main()
