"""Where in a recording the windows are that the model decides about: `ser_tinyml/audio/windows.py`, in a graph.

Which recordings hold speech, and which windows of a long one are left out, is `HeardRecording.find_windows`.
"""

import numpy as np
import tensorflow as tf

from schemas.front_end import FrontEnd
from ser_tinyml.audio import windows as rule
from ser_tinyml.prediction.hearing import CLIP_SECONDS


def to_pcm(samples: tf.Tensor) -> tf.Tensor:
    """Returns float32 [samples] as a microphone delivers them: rounded to steps of 1 / 32768, within full scale."""
    return tf.clip_by_value(tf.round(samples * 32768), -32768, 32767) / 32768


def find_windows(samples: tf.Tensor, front_end: FrontEnd) -> tf.Tensor:
    """Returns the first sample of each window of float32 [samples], int32 [windows]; none where nobody speaks."""
    size = rule.block_samples(front_end.sample_rate)
    powers = _measure_blocks(samples, size)
    lasting = _without_bursts(powers)
    loudest = tf.reduce_max(lasting)
    starts = _place_windows(samples, _find_active(lasting, loudest, size), size, front_end)
    silence = _power(rule.SILENCE_DB) * size**2
    quiet = tf.maximum(_quantile(powers, rule.QUIET_SHARE), silence)
    return starts[: tf.where(loudest >= _power(rule.OPEN_DB) * quiet, tf.size(starts), 0)]


def _measure_blocks(samples: tf.Tensor, size: int) -> tf.Tensor:
    padded = tf.pad(samples, [[0, -tf.shape(samples)[0] % size]])
    blocks = tf.cast(tf.reshape(padded, (-1, size)), tf.float64)
    return size * tf.reduce_sum(tf.square(blocks), axis=1) - tf.square(tf.reduce_sum(blocks, axis=1))


def _without_bursts(powers: tf.Tensor) -> tf.Tensor:
    length = tf.minimum(rule.BURST_BLOCKS, tf.size(powers))
    ahead = tf.range(length)
    held = tf.reduce_min(tf.gather(powers, tf.range(tf.size(powers) - length + 1)[:, tf.newaxis] + ahead), axis=1)
    padded = tf.pad(held, [[length - 1, length - 1]], constant_values=np.float64(-np.inf))
    return tf.reduce_max(tf.gather(padded, tf.range(tf.size(powers))[:, tf.newaxis] + ahead), axis=1)


def _find_active(lasting: tf.Tensor, loudest: tf.Tensor, size: int) -> tf.Tensor:
    floor, least = np.float64(_power(rule.FLOOR_DB) * size**2), loudest * _power(rule.GATE_DB)
    return lasting >= tf.where(loudest >= floor, tf.maximum(least, floor), least)


def _place_windows(samples: tf.Tensor, active: tf.Tensor, size: int, front_end: FrontEnd) -> tf.Tensor:
    length, window, step = tf.shape(samples)[0], front_end.window_samples, front_end.window_step_samples
    blocks = tf.cast(tf.where(active)[:, 0], tf.int32)
    begin, end = blocks[0] * size, tf.minimum((blocks[-1] + 1) * size, length)
    first = tf.maximum(0, begin - front_end.lead_samples) // step * step
    behind = tf.maximum(0, end - window - first)
    starts = first + front_end.window_hop_samples * tf.range(1 - -behind // front_end.window_hop_samples)
    spoken = tf.concat([[0], tf.cumsum(tf.cast(active, tf.int32))], axis=0)
    last = tf.minimum(-(-(starts + window) // size), tf.size(active))
    has_speech = tf.gather(spoken, last) > tf.gather(spoken, tf.minimum(starts // size, tf.size(active)))
    is_short = length <= round(CLIP_SECONDS * front_end.sample_rate)
    sounding = tf.concat([[0], tf.cumsum(tf.cast(to_pcm(samples) != 0, tf.int32))], axis=0)
    is_heard = tf.gather(sounding, tf.minimum(starts + window, length)) > tf.gather(
        sounding, tf.minimum(starts, length)
    )
    chosen = tf.boolean_mask(starts, has_speech | is_short)
    kept = tf.boolean_mask(is_heard, has_speech | is_short) | (tf.range(tf.size(chosen)) == 0)
    return tf.boolean_mask(chosen, kept)


def _quantile(values: tf.Tensor, share: float) -> tf.Tensor:
    """Returns what `numpy.quantile` does: of ordered values the one at a place, or what lies between two of them."""
    ordered = tf.sort(values)
    place = tf.cast(tf.size(values) - 1, tf.float64) * share
    below = tf.cast(tf.floor(place), tf.int32)
    above = tf.minimum(below + 1, tf.size(values) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - tf.floor(place))


def _power(decibels: float) -> float:
    return 10 ** (decibels / 10)
