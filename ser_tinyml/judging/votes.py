"""The vote: a clip's class is what its windows elect together, as a device smooths its decisions."""

import numpy as np


def vote(outputs: np.ndarray, clip_of_window: np.ndarray) -> np.ndarray:
    """Returns the mean of each clip's windows.

    Args:
      outputs: [windows, classes], probabilities or int8 outputs, whose scale is the same for all classes.
      clip_of_window: int64 [windows], from 0 on without a gap.

    Returns:
      float64 [clips, classes]; the largest of a row is the clip's class, of equals the first.
    """
    sums = np.zeros((clip_of_window.max() + 1, outputs.shape[1]))
    np.add.at(sums, clip_of_window, outputs)
    return sums / np.bincount(clip_of_window)[:, np.newaxis]
