"""What TensorBoard shows beside the curves of training: hyperparameters, weights, the confusion matrix, the worst mistakes."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from ser_tinyml.report.judgement_pictures import draw_confusion
from ser_tinyml.report.png import decode_png


def log_training(
    folder: str, parameters: Mapping[str, Any], figures: Mapping[str, float], weights: Mapping[str, np.ndarray]
) -> None:
    """Writes a training's hyperparameters with its figures, and histograms of the weights that were kept."""
    with tf.summary.create_file_writer(folder).as_default(step=0):
        hparams.hparams({name: _as_hparam(value) for name, value in parameters.items()})
        for name, value in figures.items():
            tf.summary.scalar(name, value)
        for name, values in weights.items():
            tf.summary.histogram(f"weights/{name}", values)


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


def _as_hparam(value: Any) -> bool | int | float | str:
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)
