"""What TensorBoard shows of a judgement: the confusion matrix, and the worst mistakes."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ser_tinyml.report.judgement_pictures import draw_confusion
from ser_tinyml.report.png import decode_png


def log_judgement(
    folder: str,
    confusion: np.ndarray,
    labels: Sequence[str],
    *,
    mistakes: Sequence[tuple[str, np.ndarray]],
    sample_rate: int,
) -> None:
    """Writes the confusion matrix as a picture, and mistakes as sound.

    Args:
      folder: of the logs.
      confusion: int64 [classes, classes], rows are true classes.
      labels: the classes.
      mistakes: what each is, and what the model heard, int16 [samples].
      sample_rate: in Hz.
    """
    picture = decode_png(draw_confusion(confusion, labels, title="confusion matrix"))
    with tf.summary.create_file_writer(folder).as_default(step=0):
        tf.summary.image("confusion matrix", picture[np.newaxis])
        for number, (text, samples) in enumerate(mistakes):
            sound = samples.astype(np.float32)[np.newaxis, :, np.newaxis] / 32768
            tf.summary.audio(f"mistakes/{number}", sound, sample_rate, description=text)
