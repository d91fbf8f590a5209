"""`python -m components.trainer --examples=ROOT/examples --output=ROOT/model`."""

from components import step
from components.trainer import component

if __name__ == "__main__":
    step.run_step(component, inputs=("examples",))
