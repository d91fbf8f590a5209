"""Makes the demo corpus: `python -m ser_tinyml.corpora --output=DIR`."""

from absl import flags

from components import step
from ser_tinyml.corpora import demo


def execute(flag_values: flags.FlagValues, _beam_options: list[str]) -> None:
    """Writes the corpus and says how to read it."""
    output = flag_values["output"].value
    count = demo.make(output, flag_values["seed"].value)
    print(f"{count} synthetic clips in {output}; read them with")
    print(" ".join(f"--corpus={corpus}:{output}/{corpus}" for corpus in ("ravdess", "tess", "savee")))


if __name__ == "__main__":
    step.define_path("output", "Directory to write to.")
    flags.DEFINE_integer("seed", 0, "The same seed gives the same bytes.")
    step.run_command(execute)
