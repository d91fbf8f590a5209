"""`python -m components.transform --manifest=ROOT/manifest/manifest.jsonl --output=ROOT/examples [Beam's options]`."""

from components import command
from components.transform import component

if __name__ == "__main__":
    command.run_step(component, inputs=("manifest",), takes_beam_options=True)
