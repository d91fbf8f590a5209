"""What figures are worth: whose clips a model is judged on, compared with those that it was made of."""

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
        note="The model was compared with these clips: it heard neither them nor their speakers in training.",
        is_honest=True,
    ),
    "shared_speakers": Protocol(
        held_out="clips of speakers whom training heard, in other clips",
        note="Training heard the same speakers in other clips: these figures are higher than a new user's will be.",
        is_honest=False,
    ),
    "unknown_speakers": Protocol(
        held_out="clips whose speakers nobody named: training may have heard them in other clips",
        note="Nobody named the speakers of the held-out clips, and training may have heard the same voices: these figures may "
        "be higher than a new user's will be.",
        is_honest=False,
    ),
    "shared_clips": Protocol(
        held_out="clips that training heard, or copies of them: a leak, and no measure of what a stranger will see",
        note="Training heard these clips, or copies of them: these figures leak, and tell nothing of a new user.",
        is_honest=False,
    ),
    "model_from_elsewhere": Protocol(
        held_out="clips of the dataset; what the model was trained on, nobody here knows",
        note="The model comes from elsewhere. If these clips or speakers were among what it was trained on, these figures "
        "leak.",
        is_honest=False,
    ),
}
