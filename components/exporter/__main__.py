"""`python -m components.exporter --examples=ROOT/examples --model=ROOT/model --output=ROOT/export`."""

from components import command
from components.exporter import component

if __name__ == "__main__":
    command.run_step(component, inputs=("examples",), optional_inputs=("model",))
