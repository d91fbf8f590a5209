"""Sound that libsndfile does not read: M4A, AAC, WebM and video, through PyAV, which the extra `av` installs."""

import io
from typing import IO

import numpy as np
import soundfile

_MOST_SECONDS = 600  # that are decoded of a file: the longest crop that --max_crop_seconds allows

_LEAST_WHOLE = 0.9  # share of the stated length that is there; a video's pictures may go on behind its sound

_FORMATS = (  # where a mark stands, the mark, and what FFmpeg calls what begins so
    (4, b"ftyp", "mov"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (8, b"AVI ", "avi"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (0, b"#!AMR", "amr"),
    (0, b"\x00\x00\x01\xba", "mpeg"),
    (0, b"\x0b\x77", "ac3"),
    (0, b"MAC ", "ape"),
    (0, b"FLV\x01", "flv"),
)


class NotInstalled(Exception):
    """PyAV is missing."""


class NoSound(Exception):
    """A file has no sound that can be decoded; the message says why."""


def find_format(head: bytes) -> str:
    """Returns what FFmpeg calls the format of a file that begins so; "" where it is none of these.

    The format is stated when the file is opened: FFmpeg guesses nothing, and no list of other files is ever taken for one.
    """
    if head[:1] == b"\xff" and head[1:2] and head[1] & 0xF6 == 0xF0:  # a frame of AAC; MP3's have a layer there
        return "aac"
    if head[:1] == b"\x47" and head[188:189] == b"\x47" and head[376:377] == b"\x47":
        return "mpegts"
    return next((name for place, mark, name in _FORMATS if head[place : place + len(mark)] == mark), "")


def convert_to_wav(stream: IO[bytes], container: str) -> io.BytesIO:
    """Returns the first sound in a file as a WAV file of float32, at its own rate and with its own channels, up to 10 minutes.

    Args:
      stream: at the file's beginning.
      container: what `find_format` said.

    Raises:
      NotInstalled: PyAV is missing.
      NoSound: there is no sound in it, or it is damaged.
    """
    try:
        import av
    except ImportError as error:
        raise NotInstalled from error
    try:
        with av.open(stream, "r", format=container, metadata_errors="ignore") as file:
            if not file.streams.audio:
                raise NoSound("there is no sound in it")
            sound = file.streams.audio[0]
            rate, converter = sound.rate, av.AudioResampler(format="fltp", layout=sound.layout, rate=sound.rate)
            stated = file.duration / av.time_base if file.duration else 0.0
            parts, count = [], 0
            for frame in file.decode(sound):
                for converted in converter.resample(frame):
                    parts.append(converted.to_ndarray())
                    count += converted.samples
                if count >= _MOST_SECONDS * rate:
                    break
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NoSound(f"it is not read, FFmpeg stopped decoding it: {reason}") from error
    if not parts:
        raise NoSound("there is no sound in it")
    if count < rate * min(_LEAST_WHOLE * stated, _MOST_SECONDS):
        raise NoSound(f"{count / rate:.1f} of {stated:.1f} s could be decoded")
    wav = io.BytesIO()
    samples = np.concatenate(parts, axis=1).T[: _MOST_SECONDS * rate]
    soundfile.write(wav, samples, rate, format="WAV", subtype="FLOAT")
    wav.seek(0)
    return wav
