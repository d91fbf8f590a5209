"""Samples of any rate -> samples at the front end's, in a graph, by tensorflow-io's resampler."""

import numpy as np
import tensorflow as tf
import tensorflow_io as tfio

from ser_tinyml.audio.decode import Acceptance
from ser_tinyml.audio.resample import resample

_TAPS = 64  # of Speex's filter at the quality that tensorflow-io takes, in samples of the lower rate
_REACH = 384  # samples, beyond which SoX's filter is below 1e-8


def resample_in_graph(samples: tf.Tensor, from_rate: tf.Tensor, to_rate: int) -> tf.Tensor:
    """Returns float32 [ceil(samples * to_rate / from_rate)] of float32 [samples]; where the rates are the same, these.

    tensorflow-io's resampler (Speex) cuts off an eighth below half the rate, which MFCCs hear. So it goes to twice the rate,
    and SoX's own filter, with which the data job resamples, halves that.

    Args:
      samples: float32 [samples].
      from_rate: theirs, int32 [], in Hz.
      to_rate: the result's, in Hz.
    """
    lowest, highest = Acceptance.min_sample_rate, Acceptance.max_sample_rate
    is_known = (from_rate >= lowest) & (from_rate <= highest)
    with tf.control_dependencies(
        [tf.debugging.Assert(is_known, [f"a rate that is not {lowest} to {highest} Hz:", from_rate])]
    ):
        from_rate = tf.identity(from_rate)
    double, whole = 2 * to_rate, tf.cast(tf.shape(samples)[0], tf.int64)
    length = tf.cast(-(-whole * to_rate // tf.cast(from_rate, tf.int64)), tf.int32)

    def convert() -> tf.Tensor:
        doubled = tf.cond(from_rate == double, lambda: samples, lambda: _resample_late(samples, from_rate, double))
        padded = tf.pad(doubled, [[_REACH, _REACH + 2]])[tf.newaxis, :, tf.newaxis]
        return tf.nn.conv1d(padded, _halving_filter()[:, np.newaxis, np.newaxis], stride=2, padding="VALID")[0, :, 0]

    converted = tf.cond(from_rate == to_rate, lambda: samples, convert)
    return tf.pad(converted, [[0, tf.maximum(0, length - tf.shape(converted)[0])]])[:length]


def _resample_late(samples: tf.Tensor, from_rate: tf.Tensor, to_rate: int) -> tf.Tensor:
    """Returns what tensorflow-io's resampler gives, without its delay of half a filter.

    Silence of a second less that half is put before the samples: so the first of them comes out as sample `to_rate`.
    """
    taps = tf.where(from_rate > to_rate, _TAPS * from_rate // to_rate, _TAPS)
    half = ((taps - 1) // 8 * 8 + 8) // 2
    padded = tf.pad(samples, [[from_rate - half, 2 * half]])
    rates = tf.cast(from_rate, tf.int64), tf.constant(to_rate, tf.int64)
    return tf.reshape(tfio.audio.resample(padded[:, tf.newaxis], *rates), [-1])[to_rate:]


def _halving_filter() -> np.ndarray:
    """Returns the taps with which SoX's resampler halves a rate, float32 [1 + 2 * _REACH]: what it makes of two impulses."""
    impulses = np.eye(2, 4 * _REACH, 2 * _REACH, dtype=np.float32)
    even, odd = (resample(impulse, 2.0, 1.0) for impulse in impulses)
    taps = np.empty(4 * _REACH, np.float32)
    taps[0::2], taps[1:-1:2], taps[-1] = even, odd[1:], 0
    return taps[_REACH : 3 * _REACH + 1]
