"""Vectors that a firmware must give again: librosa's MFCCs of a few windows, prosody, and TFLM's outputs for these."""

import librosa
import numpy as np

from schemas.front_end import FrontEnd
from schemas.record import Audio
from schemas.run_files import Export
from schemas.vectors import Vectors
from ser_tinyml.audio.mfcc import compute_power
from ser_tinyml.audio.prosody import compute_prosody
from ser_tinyml.audio.standardise import standardise
from ser_tinyml.runtimes.tflm import Tflm
from ser_tinyml.store.digests import unit_hash


def make_golden(heard: list[Audio], count: int, *, exported: Export, int8: bytes) -> Vectors:
    """Returns windows with their features and outputs; the MFCCs are made by the reference, not by this project's code.

    Args:
      heard: the sound of held-out windows.
      count: of those that are chosen by hash; where the network goes on from window to window, utterance by utterance.
      exported: the export whose front end and standardisation make the features.
      int8: its int8 model.
    """
    streaming = exported.front_end.streaming
    chosen = sorted(heard, key=lambda audio: _rank(audio, streaming))[:count]
    begins = np.array([audio.window == 0 for audio in chosen]) if streaming else None
    samples = np.stack([audio.samples for audio in chosen])
    features = np.stack([reference_features(window, exported.front_end) for window in samples])
    found = Tflm(int8, exported.arena_bytes).predict(standardise(features, exported.standardisation), begins)
    assert found.quantized is not None and found.quantized_inputs is not None, "TFLM takes and gives int8"
    return Vectors(samples, found.quantized_inputs.reshape(len(samples), -1), found.quantized, begins)


def _rank(audio: Audio, streaming: bool) -> tuple[float, int]:
    place = () if streaming else (audio.window,)
    return unit_hash("golden", audio.clip_id, audio.copy, *place), audio.window


def reference_features(samples: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """Returns librosa's MFCCs, and prosody, float32 [frames, features], of int16 [window_samples]."""
    mel = librosa.feature.melspectrogram(
        y=samples.astype(np.float32) / 32768,
        sr=front_end.sample_rate,
        n_fft=front_end.n_fft,
        hop_length=front_end.hop_length,
        center=front_end.center,
        n_mels=front_end.n_mels,
        fmin=front_end.fmin,
        fmax=front_end.fmax,
    )
    log_mel = librosa.power_to_db(mel, amin=front_end.amin, top_db=front_end.top_db or None)
    mfcc = librosa.feature.mfcc(S=log_mel, n_mfcc=front_end.n_mfcc)
    if not front_end.prosody:
        return mfcc.T
    power = compute_power(samples.astype(np.float32) / 32768, front_end, "waveform")
    return np.concatenate([mfcc.T, compute_prosody(power, front_end)], axis=1)
