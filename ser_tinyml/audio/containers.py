"""Sound that libsndfile does not read: M4A, AAC, WebM and video, through PyAV, which the extra `av` installs."""

import tempfile
from collections.abc import Iterable
from typing import IO, Any

import soundfile

MOST_SECONDS = 600  # that are decoded of a file: the longest crop that --max_crop_seconds allows

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


def convert_to_wav(stream: IO[bytes], container: str, longest_seconds: float = MOST_SECONDS) -> IO[bytes]:
    """Returns the first sound in a file as a WAV file of float32, at its own rate and with its own channels.

    It is a temporary file without a name, at its beginning, that is gone when it is closed.

    Args:
      stream: at the file's beginning.
      container: what `find_format` said.
      longest_seconds: how much is decoded.

    Raises:
      NotInstalled: PyAV is missing.
      NoSound: there is no sound in it, or it is damaged.
    """
    try:
        import av
    except ImportError as error:
        raise NotInstalled from error
    wav = tempfile.TemporaryFile()  # noqa: SIM115, the caller's
    try:
        with av.open(stream, "r", format=container, metadata_errors="ignore") as file:
            if not file.streams.audio:
                raise NoSound("there is no sound in it")
            sound = file.streams.audio[0]
            stated = file.duration / av.time_base if file.duration else 0.0
            converter = av.AudioResampler("fltp", sound.layout, sound.rate)
            seconds = _write_wav(wav, file.decode(sound), sound, converter, longest_seconds)
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NoSound(f"it is not read, FFmpeg stopped decoding it: {reason}") from error
    if not seconds:
        raise NoSound("there is no sound in it")
    if seconds < min(_LEAST_WHOLE * stated, longest_seconds):
        raise NoSound(f"{seconds:.1f} of {stated:.1f} s could be decoded")
    wav.seek(0)
    return wav


def _write_wav(wav: IO[bytes], frames: Iterable[Any], sound: Any, converter: Any, longest_seconds: float) -> float:
    """Writes decoded frames of PyAV's, block by block, and returns how many seconds that were."""
    count, most = 0, longest_seconds * sound.rate
    with soundfile.SoundFile(wav, "w", sound.rate, sound.channels, "FLOAT", format="WAV") as output:
        for frame in frames:
            for converted in converter.resample(frame):
                block = converted.to_ndarray().T
                block = block[: int(min(most - count, len(block)))]
                output.write(block)
                count += len(block)
            if count >= most:
                break
    return count / sound.rate
