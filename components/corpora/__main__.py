"""Makes the demo corpus: `python -m components.corpora --output=DIR`."""

from absl import flags

from components import command
from components.corpora import demo


def execute(flag_values: flags.FlagValues, _beam_options: list[str]) -> None:
    """Writes the corpus and says how to read it."""
    output = flag_values["output"].value
    count = demo.make(output, flag_values["seed"].value)
    print(f"{count} synthetic clips in {output}; read them with")
    print(" ".join(f"--corpus={corpus}:{output}/{corpus}" for corpus in ("ravdess", "tess", "savee")))


if __name__ == "__main__":
    command.define_path("output", "Directory to write to.")
    flags.DEFINE_integer("seed", 0, "The same seed gives the same bytes.")
    command.main(execute)
