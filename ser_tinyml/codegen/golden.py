"""Vectors that a firmware must give again: librosa's features of a few windows, and TFLM's outputs for these."""

import librosa
import numpy as np
from tflite_micro import runtime

from schemas.front_end import FrontEnd, Standardisation
from schemas.record import Audio
from schemas.vectors import Vectors
from ser_tinyml.audio.standardise import standardise


def make_golden(
    heard: list[Audio],
    front_end: FrontEnd,
    standardisation: Standardisation,
    scale: float,
    zero_point: int,
    int8: bytes,
    arena_bytes: int,
) -> Vectors:
    """Features by the reference, not by this project's own code; `scale` and `zero_point` are of the int8 model's input."""
    samples = np.stack([audio.samples for audio in heard])
    mfcc = np.stack([_reference_mfcc(window, front_end) for window in samples])
    steps = np.round(standardise(mfcc, standardisation) / np.float32(scale)) + zero_point
    features = np.clip(steps, -128, 127).astype(np.int8)
    interpreter = runtime.Interpreter.from_bytes(int8, arena_size=arena_bytes)
    outputs = []
    for window in features:
        interpreter.reset()
        interpreter.set_input(window[np.newaxis], 0)
        interpreter.invoke()
        outputs.append(np.array(interpreter.get_output(0)[0]))
    return Vectors(samples, features.reshape(len(features), -1), np.stack(outputs))


def _reference_mfcc(samples: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """float32 [frames, coefficients] of int16 [window_samples]."""
    mfcc = librosa.feature.mfcc(
        y=samples.astype(np.float32) / 32768,
        sr=front_end.sample_rate,
        n_mfcc=front_end.n_mfcc,
        n_fft=front_end.n_fft,
        hop_length=front_end.hop_length,
        n_mels=front_end.n_mels,
        fmin=front_end.fmin,
        fmax=front_end.fmax,
    )
    return mfcc.T
