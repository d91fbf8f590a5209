"""`python -m components.infra_validator --examples=ROOT/examples --export=ROOT/export --evaluation=ROOT/evaluation
--output=ROOT/evaluation/board.json`."""

from components import command
from components.infra_validator import component

if __name__ == "__main__":
    command.run_step(component, inputs=("examples", "export", "evaluation"))
