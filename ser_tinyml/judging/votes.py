"""The vote: a clip's class is what its windows elect together, as a device smooths its decisions."""

import numpy as np


def vote(outputs: np.ndarray, clip_of_window: np.ndarray, begins: np.ndarray | None = None) -> np.ndarray:
    """Returns the mean of each clip's windows; of a network that goes on, that of its utterances' last windows.

    Args:
      outputs: [windows, classes], probabilities or int8 outputs, whose scale is the same for all classes.
      clip_of_window: int64 [windows], from 0 on without a gap.
      begins: bool [windows]: those that begin an utterance; None: each does.

    Returns:
      float64 [clips, classes]; the largest of a row is the clip's class, of equals the first.
    """
    if begins is not None:
        last = np.append(begins[1:], True)
        outputs, clip_of_window = outputs[last], clip_of_window[last]
    sums = np.zeros((clip_of_window.max() + 1, outputs.shape[1]))
    np.add.at(sums, clip_of_window, outputs)
    return sums / np.bincount(clip_of_window)[:, np.newaxis]
