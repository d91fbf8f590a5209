"""`python -m components.reporter --output=ROOT/report`, and the directories that it reads: `--manifest --examples --model
--evaluation`."""

from components import command
from components.reporter import component

if __name__ == "__main__":
    command.run_step(component, inputs=("manifest", "examples", "evaluation"), optional_inputs=("model",))
