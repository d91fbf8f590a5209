"""What `ser_tinyml/audio/standardise.py` does with NumPy to the windows of one recording, in a graph."""

import numpy as np
import tensorflow as tf

from schemas.front_end import CMVN_MEMORY_WINDOWS, FrontEnd, Standardisation
from ser_tinyml.audio.standardise import LEAST_DEVIATION
from ser_tinyml.network.training_data import standardise_in_graph


def standardise_recording_in_graph(windows: tf.Tensor, front_end: FrontEnd, constants: Standardisation) -> tf.Tensor:
    """Returns float32 [windows, frames, n_features], standardised, of a recording of whose speaker nothing was heard before."""
    if not front_end.cmvn_prior_windows:
        return standardise_in_graph(windows, constants.mean, constants.deviation)
    pads = tf.reduce_all(windows == 0, axis=-1, keepdims=True)
    values, there = tf.cast(windows, tf.float64), tf.cast(~pads, tf.float64)
    frames = tf.reduce_sum(there, axis=1)
    divisor = tf.maximum(frames, 1)
    heard = (
        tf.cast(frames > 0, tf.float64),
        tf.reduce_sum(values * there, axis=1) / divisor,
        tf.reduce_sum(values**2 * there, axis=1) / divisor,
    )
    prior, mean, deviation = (
        float(front_end.cmvn_prior_windows),
        np.array(constants.mean),
        np.array(constants.deviation),
    )
    nothing = (np.full(1, prior), prior * mean, prior * (deviation**2 + mean**2))
    behind = tf.scan(_remember, heard, tuple(map(tf.constant, nothing)))
    count, sums, squares = (
        tf.concat([first[np.newaxis], later[:-1]], axis=0) for first, later in zip(nothing, behind, strict=True)
    )
    means = sums / count
    deviations = tf.sqrt(tf.maximum(squares / count - means**2, (LEAST_DEVIATION * deviation) ** 2))
    standardised = (windows - _to_each_frame(means)) / _to_each_frame(deviations)
    return tf.where(pads, 0.0, standardised)


def _remember(before: tuple[tf.Tensor, ...], window: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
    """Returns count, sums and squares with a window among what was heard; each is [values]."""
    is_one, mean, square = window
    count, sums, squares = before[0] + is_one, before[1] + is_one * mean, before[2] + is_one * square
    kept = CMVN_MEMORY_WINDOWS / tf.maximum(count, CMVN_MEMORY_WINDOWS)
    return kept * count, kept * sums, kept * squares


def _to_each_frame(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(values, tf.float32)[:, tf.newaxis]
