"""Held-out windows, and the clips that they are of."""

import dataclasses

import numpy as np

from schemas.front_end import FrontEnd, Standardisation
from schemas.record import Example
from schemas.run_files import ALONE, BEHIND_A_STRANGER
from ser_tinyml.audio.standardise import EACH_ALONE, EACH_BEHIND_A_STRANGER, count_heard, standardise_examples
from ser_tinyml.judging.votes import vote

_SESSIONS = {ALONE: EACH_ALONE, BEHIND_A_STRANGER: EACH_BEHIND_A_STRANGER}


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """A split as the models take it."""

    clips: list[Example]  # a record of each clip
    true: np.ndarray  # int64 [clips]: the class
    inputs: np.ndarray  # float32 [windows, frames, coefficients], standardised
    clip_of_window: np.ndarray  # int64 [windows]: index into `clips`
    heard: np.ndarray | None = None  # int64 [clips]: windows of the speaker before the clip; None: they do not matter
    otherwise: dict[str, np.ndarray] = dataclasses.field(
        default_factory=dict
    )  # `inputs` of other sessions, where they matter
    begins: np.ndarray | None = None  # bool [windows]: where a network that goes on starts over; None: it never goes on

    @classmethod
    def from_records(
        cls,
        records: list[Example],
        class_of_record: np.ndarray,
        standardisation: Standardisation,
        front_end: FrontEnd,
    ) -> "HeldOut":
        """Gathers records.

        Args:
          records: in the order of (clip, copy, window).
          class_of_record: int64 [labels], maps the records' labels to the model's classes.
          standardisation: that the model wants.
          front_end: the model's, which says whether it goes on from window to window, and from clip to clip of a speaker.
        """
        keys = [(record.clip_id, record.copy) for record in records]
        first = {key: number for number, key in reversed([*enumerate(keys)])}
        order = {key: number for number, key in enumerate(sorted(first))}
        clips, learns = [records[first[key]] for key in order], front_end.cmvn_prior_windows > 0
        return cls(
            clips=clips,
            true=class_of_record[[clip.label for clip in clips]],
            inputs=standardise_examples(records, front_end, standardisation),
            clip_of_window=np.array([order[key] for key in keys]),
            heard=count_heard(records)[[first[key] for key in order]] if learns else None,
            otherwise={
                name: standardise_examples(records, front_end, standardisation, sessions)
                for name, sessions in (_SESSIONS.items() if learns else ())
            },
            begins=np.array([record.window == 0 for record in records]) if front_end.streaming else None,
        )

    def vote(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns what each clip's windows elect (`votes.vote`), float64 [clips, classes], of [windows, classes]."""
        return vote(probabilities, self.clip_of_window, self.begins)
