"""`python -m components.infra_validator --examples=ROOT/examples --export=ROOT/export --evaluation=ROOT/evaluation
--output=ROOT/evaluation/board.json`."""

from components import step
from components.infra_validator import component

if __name__ == "__main__":
    step.run_step(component, inputs=("examples", "export", "evaluation"))
