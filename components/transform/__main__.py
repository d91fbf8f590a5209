"""`python -m components.transform --manifest=ROOT/manifest/manifest.jsonl --output=ROOT/examples [Beam's options]`."""

import gc

gc.disable()  # imports leave no garbage worth a search; the command line enables it again

from components import step  # noqa: E402
from components.transform import component  # noqa: E402


def main() -> None:
    """Runs the step's command."""
    step.run_step(component, inputs=("manifest",), takes_beam_options=True)


if __name__ == "__main__":
    main()
