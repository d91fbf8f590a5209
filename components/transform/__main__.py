"""`python -m components.transform --manifest=ROOT/manifest/manifest.jsonl --output=ROOT/examples [Beam's options]`."""

import gc

gc.disable()  # imports leave no garbage worth a search; command.main enables it again

from components import command  # noqa: E402
from components.transform import component  # noqa: E402

if __name__ == "__main__":
    command.run_step(component, inputs=("manifest",), takes_beam_options=True)
