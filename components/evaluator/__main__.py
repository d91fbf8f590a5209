"""`python -m components.evaluator --examples=ROOT/examples --model=ROOT/model --export=ROOT/export --output=ROOT/evaluation`.

Ends with exit code 1 and the failed gates where the model is not blessed.
"""

from components import command
from components.evaluator import component

if __name__ == "__main__":
    command.run_step(component, inputs=("examples", "export"), optional_inputs=("model",))
