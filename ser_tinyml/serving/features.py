"""What `ser_tinyml/audio/features.py` computes with NumPy, in a graph."""

import numpy as np
import tensorflow as tf

from schemas.front_end import FrontEnd
from ser_tinyml.audio.mel import dct_matrix, hann_window, mel_filterbank
from ser_tinyml.audio.prosody import LOWEST_PITCH_HZ, PitchSearch, energy_norm, heard_bins


def compute_features_in_graph(window: tf.Tensor, front_end: FrontEnd) -> tf.Tensor:
    """Returns the features of float32 [window_samples], float32 [n_frames, n_features]."""
    power = _compute_power(window, front_end)
    columns = [_compute_mfcc(power, front_end)]
    if {"pitch", "voicing"}.intersection(front_end.prosody):
        found = dict(zip(("pitch", "voicing"), _find_pitch(power, PitchSearch.from_front_end(front_end)), strict=True))
        columns += [found[name][:, tf.newaxis] for name in ("pitch", "voicing") if name in front_end.prosody]
    if "energy" in front_end.prosody:
        columns.append(_measure_energy(power, front_end)[:, tf.newaxis])
    features = tf.cast(tf.concat(columns, axis=1), tf.float32)
    return tf.ensure_shape(features, (front_end.n_frames, front_end.n_features))


def _compute_power(window: tf.Tensor, front_end: FrontEnd) -> tf.Tensor:
    """Returns the power spectra of the frames, float64 [n_frames, 1 + n_fft // 2], rounded as the data job's are."""
    padding = front_end.n_fft // 2 if front_end.center else 0
    padded = tf.pad(tf.cast(window, tf.float64), [[padding, padding]])
    frames = tf.signal.frame(padded, front_end.n_fft, front_end.hop_length)
    spectra = tf.cast(tf.signal.rfft(frames * hann_window(front_end.n_fft)), tf.complex64)
    return tf.cast(tf.square(tf.math.real(spectra)) + tf.square(tf.math.imag(spectra)), tf.float64)


def _compute_mfcc(power: tf.Tensor, front_end: FrontEnd) -> tf.Tensor:
    filterbank = tf.cast(mel_filterbank(front_end).T, tf.float64)
    log_mel = _to_db(power @ filterbank, front_end)
    return tf.maximum(log_mel, tf.reduce_max(log_mel) - front_end.floor_depth_db) @ dct_matrix(front_end).T


def _find_pitch(power: tf.Tensor, search: PitchSearch) -> tuple[tf.Tensor, tf.Tensor]:
    above = search.n_points // 2 + 1 - search.n_bins
    spectrum = tf.pad(power[:, search.first_bin : search.n_bins], [[0, 0], [search.first_bin, above]])
    correlation = tf.signal.irfft(tf.cast(spectrum, tf.complex128), [search.n_points])
    total = correlation[:, :1]
    heard = total[:, 0] > 0
    relative = correlation[:, : search.last + 2] / tf.where(total > 0, total, 1) / search.window
    lag = search.first + tf.argmax(
        relative[:, search.first : search.last + 1] - search.cost, axis=1, output_type=tf.int32
    )
    before, peak, after = (tf.gather(relative, lag + step, batch_dims=1) for step in (-1, 0, 1))
    bend = before - 2 * peak + after
    shift = tf.where(bend < 0, (before - after) / (2 * tf.where(bend < 0, bend, -1)), 0)
    period = tf.cast(lag, tf.float64) + tf.clip_by_value(shift, -0.5, 0.5)
    pitch = tf.math.log(search.rate / period / LOWEST_PITCH_HZ) / np.log(2)
    return tf.where(heard, pitch, 0), tf.where(heard, tf.clip_by_value(peak, 0, 1), 0)


def _measure_energy(power: tf.Tensor, front_end: FrontEnd) -> tf.Tensor:
    level = _to_db(tf.reduce_sum(power[:, heard_bins(front_end)], axis=1) * energy_norm(front_end), front_end)
    return tf.maximum(level, tf.reduce_max(level) - front_end.floor_depth_db)


def _to_db(power: tf.Tensor, front_end: FrontEnd) -> tf.Tensor:
    return 10 / np.log(10) * tf.math.log(tf.maximum(power, front_end.amin))
