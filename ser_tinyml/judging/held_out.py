"""Held-out windows and the clips that they are of: a clip's class is a vote of its windows, as a device smooths decisions."""

import dataclasses

import numpy as np

from schemas.front_end import Standardisation
from schemas.record import Example
from ser_tinyml.audio.standardise import standardise


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """A split as the models take it."""

    clips: list[Example]  # a record of each clip
    true: np.ndarray  # int64 [clips]: the class
    inputs: np.ndarray  # float32 [windows, frames, coefficients], standardised
    clip_of_window: np.ndarray  # int64 [windows]: index into `clips`

    @classmethod
    def from_records(
        cls, records: list[Example], class_of_record: np.ndarray, standardisation: Standardisation
    ) -> "HeldOut":
        """`records` in the order of (clip, copy, window); `class_of_record` maps their labels to the model's classes."""
        keys = [(record.clip_id, record.copy) for record in records]
        first = {key: record for key, record in zip(reversed(keys), reversed(records), strict=True)}
        order = {key: number for number, key in enumerate(sorted(first))}
        clips = [first[key] for key in order]
        return cls(
            clips,
            class_of_record[[clip.label for clip in clips]],
            standardise(np.stack([record.mfcc for record in records]), standardisation),
            np.array([order[key] for key in keys]),
        )

    def vote(self, probabilities: np.ndarray) -> np.ndarray:
        """float32 [windows, classes] -> float64 [clips, classes]: the mean of each clip's windows."""
        sums = np.zeros((len(self.clips), probabilities.shape[1]))
        np.add.at(sums, self.clip_of_window, probabilities)
        return sums / np.bincount(self.clip_of_window)[:, np.newaxis]
