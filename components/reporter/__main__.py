"""`python -m components.reporter --output=ROOT/report`, and the directories that it reads: `--manifest --examples --model
--evaluation`."""

from components import step
from components.reporter import component

if __name__ == "__main__":
    step.run_step(component, inputs=("manifest", "examples", "evaluation"), optional_inputs=("model",))
