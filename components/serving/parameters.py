"""Which model is served, and what proves that the server says what the model says, as flags."""

import dataclasses

from components.model_parameters import ModelParameters
from components.step import parameter

# The names of all files that the step writes, as a regular expression.
MAKES = r"\d+/saved_model\.pb|\d+/variables/variables\.[\w-]+|serving\.json"


@dataclasses.dataclass(frozen=True)
class Parameters(ModelParameters):
    """Which model, for which server, and the gates."""

    model_version: int = parameter(
        1, "The folder of the SavedModel below --output: a server takes the highest.", at_least=0, at_most=2**31 - 1
    )
    decoders: bool = parameter(
        True,
        "Whether the SavedModel takes recordings (WAV, FLAC, Ogg Vorbis, MP3) and samples of any rate: then the server needs "
        "tensorflow-io. With --nodecoders it takes samples of the front end's rate, and any server of TensorFlow's can run it.",
    )
    manifest: str = parameter(
        "", "The manifest whose test clips the SavedModel is held to the Keras model on; by default that of the run."
    )
    clips: int = parameter(
        60, "Held-out clips, chosen by hash, that it is tried on in each encoding.", at_least=1, at_most=100_000
    )
    min_agreement: float = parameter(
        0.99,
        "Share of clips to which it must give the class that Keras gives, in each encoding.",
        at_least=0,
        at_most=1,
    )
    max_difference: float = parameter(
        0.01,
        "How far a clip's probabilities may be from Keras's: the largest of a clip, on average over the clips.",
        at_least=0,
        at_most=1,
    )
    max_feature_difference: float = parameter(
        0.01, "How far a feature of a window may be from the data job's.", at_least=0, at_most=1000
    )
