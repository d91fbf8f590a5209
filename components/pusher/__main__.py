"""`python -m components.pusher --examples=ROOT/examples --export=ROOT/export --evaluation=ROOT/evaluation
--output=ROOT/firmware`."""

from components import command
from components.pusher import component

if __name__ == "__main__":
    command.run_step(component, inputs=("examples", "export", "evaluation"))
