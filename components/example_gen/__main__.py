"""`python -m components.example_gen --corpus=ravdess:DIR --output=ROOT/manifest`."""

from components import step
from components.example_gen import component

if __name__ == "__main__":
    step.run_step(component)
