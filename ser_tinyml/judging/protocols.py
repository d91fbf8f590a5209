"""What the figures of a dataset's protocol are worth: whose clips a model is judged on."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How held-out clips differ from those that training heard."""

    held_out: str  # "judged on ..."
    note: str  # a sentence or two for whoever reads the figures
    is_honest: bool  # whether a stranger may expect such figures


PROTOCOLS = {
    "disjoint_speakers": Protocol(
        held_out="clips of speakers whom training never heard",
        note="Speakers of the held-out split are in no other split.",
        is_honest=True,
    ),
    "shared_speakers": Protocol(
        held_out="clips of speakers whom training heard, in other clips",
        note="Speakers are shared between the splits: these figures are higher than a new user's will be.",
        is_honest=False,
    ),
    "unknown_speakers": Protocol(
        held_out="clips whose speakers nobody named: training may have heard them in other clips",
        note="Nobody named the speakers of the held-out clips, and training may have heard the same voices: these figures may "
        "be higher than a new user's will be.",
        is_honest=False,
    ),
    "notebook": Protocol(
        held_out="augmented copies of clips that training heard: a leak, and no measure of what a stranger will see",
        note="The original notebook's protocol: augmented copies of one clip are in the training and the test split. These "
        "figures leak, and are for comparison with its published ones only.",
        is_honest=False,
    ),
    "model_from_elsewhere": Protocol(
        held_out="clips of the dataset; what the model was trained on is not known here",
        note="The model comes from elsewhere. If these clips or speakers were among what it was trained on, these figures "
        "leak.",
        is_honest=False,
    ),
}
