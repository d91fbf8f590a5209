"""What TensorBoard shows of a training beside its curves: hyperparameters, and the weights that were kept."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams


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


def _as_hparam(value: Any) -> bool | int | float | str:
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)
