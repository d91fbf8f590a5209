"""`python -m components.trainer --examples=ROOT/examples --output=ROOT/model`."""

from components import command
from components.trainer import component

if __name__ == "__main__":
    command.run_step(component, inputs=("examples",))
