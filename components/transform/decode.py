"""One recording's window as samples, or the reason why there is none."""

import dataclasses

import librosa
import numpy as np
import soundfile

from schemas import artifacts
from schemas.artifacts import UserError


class Undecodable(ValueError):
    """A clip that goes to quarantine: a short `reason` for counting, and `detail` for the reader."""

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclasses.dataclass(frozen=True)
class Crop:
    """The part of a recording to keep."""

    start: float  # s
    end: float  # s


def decode_window(path: str, crop: Crop, sample_rate: int, load_rate: int = 0) -> np.ndarray:
    """Decodes, mixes to mono, crops and resamples.

    Args:
      path: a WAV, FLAC or AIFF file on any filesystem; its content counts, not its name.
      crop: what to keep; a recording that ends before `crop.end` gives a shorter window.
      sample_rate: of the result, in Hz.
      load_rate: 0 crops at the recording's own rate and resamples once, reading no more of the file than the crop. Another
        rate in Hz resamples the whole recording to it, crops there, and resamples again: the original notebook's order.

    Returns:
      float32 [samples], in [-1, 1] but for what resampling overshoots.

    Raises:
      Undecodable: not_found, unreadable, empty_file, not_audio, damaged, too_short, not_finite or silent.
    """
    window, rate = _read(path, crop, load_rate)
    if not np.isfinite(window).all():
        raise Undecodable("not_finite", f"{np.count_nonzero(~np.isfinite(window))} samples are NaN or infinite")
    if load_rate:
        window = librosa.resample(window, orig_sr=rate, target_sr=load_rate)
        rate = load_rate
        window = window[int(crop.start * rate) : int(crop.end * rate)]
    if not len(window):
        raise Undecodable("too_short", f"the recording ends before the crop's start at {crop.start} s")
    if not window.any():
        raise Undecodable("silent", f"every sample from {crop.start} s to {crop.end} s is zero")
    return librosa.resample(window, orig_sr=rate, target_sr=sample_rate)


def _read(path: str, crop: Crop, load_rate: int) -> tuple[np.ndarray, int]:
    """(mono float32 samples, their rate): the crop alone where `load_rate` is 0, else the whole recording."""
    if not artifacts.exists(path):
        raise Undecodable("not_found", "the manifest names it, but it is not there")
    try:
        stream = artifacts.open_binary(path)
    except UserError as error:
        raise Undecodable("unreadable", str(error)) from error
    with stream:
        if not stream.read(1):
            raise Undecodable("empty_file", "the file has no bytes")
        stream.seek(0)
        try:
            file = soundfile.SoundFile(stream)
        except soundfile.LibsndfileError as error:
            raise Undecodable("not_audio", f"no audio header that libsndfile knows: {error.error_string}") from error
        with file:
            rate = file.samplerate
            start, end = (0, file.frames) if load_rate else (int(crop.start * rate), int(crop.end * rate))
            try:
                file.seek(min(start, file.frames))
                samples = file.read(max(0, min(end, file.frames) - start), dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise Undecodable("damaged", f"libsndfile stopped decoding: {error.error_string}") from error
    return samples.mean(axis=1), rate
