"""`python -m components.reporter --manifest=ROOT/manifest --examples=ROOT/examples --model=ROOT/model ... --output=ROOT/report`."""

from components import command
from components.reporter import component

if __name__ == "__main__":
    command.run_step(component, inputs=("manifest", "examples", "evaluation"), optional_inputs=("model",))
