"""Recorded noise to mix in: the audio files below --noise_dir."""

import dataclasses
import pathlib

import numpy as np

from schemas.errors import UserError
from ser_tinyml.audio.decode import Acceptance, Crop, Undecodable, decode_window, open_recording
from ser_tinyml.store import files

_SUFFIXES = (".wav", ".flac", ".aif", ".aiff", ".ogg", ".mp3")
ANYTHING = Acceptance(max_channels=64, max_clipped_fraction=1.0)


@dataclasses.dataclass(frozen=True)
class Noise:
    """One recording."""

    path: str
    seconds: float


def list_noises(directory: str) -> tuple[Noise, ...]:
    """Returns the audio files below a directory, in the order of their paths.

    Raises:
      UserError: one can't be opened, or none is there.
    """
    noises = []
    for path in files.list_files(directory):
        if pathlib.PurePath(path).suffix.lower() not in _SUFFIXES:
            continue
        try:
            with open_recording(path) as (file, _):
                noises.append(Noise(path, file.frames / file.samplerate))
        except Undecodable as error:
            raise UserError(f"--noise_dir={directory}: {path}: {error}") from error
    if not noises:
        raise UserError(f"--noise_dir={directory} has no file that ends in {', '.join(_SUFFIXES)}")
    return tuple(noises)


def read_noise(noise: Noise, position: float, *, length: int, sample_rate: int) -> np.ndarray:
    """Returns a part of a noise.

    Args:
      noise: which.
      position: where to begin: 0 at its start, 1 where the part just ends with it.
      length: samples to return; a noise that is shorter is repeated.
      sample_rate: of the result, in Hz.

    Returns:
      float32 [length]; zeros where the noise is silent there.

    Raises:
      Undecodable: the noise can't be read.
    """
    seconds = length / sample_rate
    start = position * max(0.0, noise.seconds - seconds)
    try:
        samples = decode_window(noise.path, Crop(start, start + seconds), sample_rate, acceptance=ANYTHING).samples
    except Undecodable as error:
        if error.reason != "silent":
            raise
        samples = np.zeros(1, np.float32)
    return np.resize(samples, length)
