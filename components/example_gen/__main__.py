"""`python -m components.example_gen --corpus=ravdess:DIR --output=ROOT/manifest`."""

from components import command
from components.example_gen import component

if __name__ == "__main__":
    command.run_step(component)
