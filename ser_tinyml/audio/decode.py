"""One recording's window as samples, or the reason why there is none."""

import contextlib
import dataclasses
import math
import re
from collections.abc import Iterator
from typing import IO

import numpy as np
import soundfile

from schemas.errors import UserError
from ser_tinyml.audio import containers
from ser_tinyml.audio.resample import StreamResampler, resample
from ser_tinyml.store import files
from ser_tinyml.store.digests import read_hashed


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


@dataclasses.dataclass(frozen=True)
class Acceptance:
    """What a recording must be like."""

    max_channels: int = 2
    max_clipped_fraction: float = 0.05  # of the crop's samples
    min_sample_rate: int = 4_000  # Hz
    max_sample_rate: int = 768_000


@dataclasses.dataclass(frozen=True)
class Window:
    """The part of a recording that is kept."""

    samples: np.ndarray  # float32 [samples], mono, in [-1, 1] but for what resampling overshoots
    recording_seconds: float


def decode_window(
    path: str,
    crop: Crop,
    sample_rate: int,
    load_rate: int = 0,
    acceptance: Acceptance = Acceptance(),
    *,
    sha256: str = "",
) -> Window:
    """Decodes, mixes to mono, crops and resamples; decodes no more of the file than its header, the crop, and a margin.

    Args:
      path: a WAV, FLAC, AIFF, Ogg or MP3 file on any filesystem; its content counts, not its name.
      crop: what to keep; a recording that ends before `crop.end` gives a shorter window.
      sample_rate: of the result, in Hz.
      load_rate: 0 crops at the recording's own rate and resamples once. Another rate in Hz gives what resampling the whole
        recording to it, cropping there, and resampling again would give: the original notebook's order.
      acceptance: what sends a recording to quarantine.
      sha256: hexadecimal, of the content that is expected; "": any, and nothing is read but what is decoded.

    Raises:
      Undecodable: not_found, unreadable, changed, empty_file, not_audio, truncated_header, damaged_header, wrong_sample_rate,
        wrong_channels, truncated_data, damaged_data, too_short, nan_samples, infinite_samples, clipped or silent.
    """
    with open_recording(path, sha256) as (file, source):
        _check_header(file, acceptance)
        rate = file.samplerate
        span = _Span.at_load_rate(crop, rate, load_rate) if load_rate else _Span.at_own_rate(crop, rate)
        mono, first = _read(file, source, span, acceptance)
        seconds = file.frames / rate
    if load_rate:
        mono = resample(mono, rate, load_rate)[span.skip : span.skip + span.keep]
    if not len(mono):
        raise Undecodable("too_short", f"the recording ends after {seconds:.3f} s, the crop starts at {crop.start} s")
    if not _has_sound(mono, load_rate or rate):
        what = "the channels cancel each other" if _has_sound(first, rate) else "there is only silence or dither"
        raise Undecodable("silent", f"from {crop.start} s to {crop.end} s {what}")
    return Window(resample(mono, load_rate or rate, sample_rate), seconds)


def decode_blocks(stream: IO[bytes], sample_rate: int, acceptance: Acceptance = Acceptance()) -> Iterator[np.ndarray]:
    """Decodes a whole recording, mixes it to mono and resamples it, block by block: the bits that `decode_window` gives.

    Args:
      stream: a file at its beginning, which can be sought in.
      sample_rate: of the result, in Hz.
      acceptance: what a recording must be like; what its samples must be is known behind the last block.

    Yields:
      float32 [samples], of any length.

    Raises:
      Undecodable: like `decode_window`, but for not_found, too_short and silent.
    """
    with open_stream(stream, longest_seconds=math.inf) as (file, source):
        _check_header(file, acceptance)
        resampler = StreamResampler(file.samplerate, sample_rate)
        for mono, _ in _read_blocks(file, source, _Span(0, file.frames), acceptance):
            yield resampler.resample(mono)
        yield resampler.finish()


def _check_header(file: soundfile.SoundFile, acceptance: Acceptance) -> None:
    """Raises Undecodable where a recording's rate or channels are not accepted."""
    rate = file.samplerate
    if not acceptance.min_sample_rate <= rate <= acceptance.max_sample_rate:
        raise Undecodable(
            "wrong_sample_rate",
            f"{rate} Hz, expected {acceptance.min_sample_rate} to {acceptance.max_sample_rate}",
        )
    if file.channels > acceptance.max_channels:
        raise Undecodable("wrong_channels", f"{file.channels} channels, expected at most {acceptance.max_channels}")


_DITHER_DB = -86.0  # dBFS: above the dither of 16 bits
_DITHER_CORRELATION = 0.25  # of neighbouring samples: dither has 0 or less, speech with a peak of 2 steps had 0.5
_BLOCK_SECONDS = 0.02  # in which a level is taken


def _has_sound(samples: np.ndarray, rate: int) -> bool:
    """Tells whether float32 [samples] hold more than silence, an offset, or dither."""
    size = max(1, min(round(_BLOCK_SECONDS * rate), len(samples)))
    blocks = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
    blocks = blocks - blocks.mean(axis=1, keepdims=True)
    power = np.square(blocks).mean(axis=1)
    if not power.any():
        return False
    if 10 * math.log10(power.max()) >= _DITHER_DB:
        return True
    return float((blocks[:, 1:] * blocks[:, :-1]).sum() / np.square(blocks).sum()) > _DITHER_CORRELATION


@dataclasses.dataclass(frozen=True)
class _Span:
    """What to read of a recording, and what to keep of it once it is resampled to the load rate."""

    start: int  # frames at the recording's rate
    end: int
    skip: int = 0  # samples at the load rate
    keep: int = 0

    @classmethod
    def at_own_rate(cls, crop: Crop, rate: int) -> "_Span":
        return cls(int(crop.start * rate), int(crop.end * rate))

    @classmethod
    def at_load_rate(cls, crop: Crop, rate: int, load_rate: int) -> "_Span":
        """Begins at the recording's start, so that the resampler's every bit is that of the whole recording; for a crop
        that is far in, where samples of both rates fall together, a filter's length before the crop."""
        first, last = int(crop.start * load_rate), int(crop.end * load_rate)
        divisor = math.gcd(rate, load_rate)
        period, load_period = rate // divisor, load_rate // divisor
        margin = _MARGIN * max(1, rate / load_rate)
        periods = int(first / load_rate * rate - margin) // period if crop.start > _FAR else 0
        end = math.ceil(last / load_rate * rate + margin)
        return cls(periods * period, end, skip=first - periods * load_period, keep=last - first)


_MARGIN = 1024  # samples at the lower rate: more than the resampling filter reaches
_FAR = 10.0  # s

_HEAD = 4096  # bytes, in which a WAV file's data begin

# What stands under a recording's name instead of it: reason, how it begins, and what to say.
_NO_SOUND = (
    (
        "git_lfs_pointer",
        (b"version https://git-lfs.github.com/spec/",),
        "a Git LFS pointer in the place of the recording: `git lfs pull` fetches it",
    ),
    (
        "html_page",
        (b"<!doctype html", b"<html"),
        "a web page in the place of the recording: download it again",
    ),
    ("not_audio", (b"\x00\x05\x16\x07",), "what macOS keeps beside a file, no recording"),
)

_MAGIC = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"fLaC", b"OggS", b"caff", b".snd", b"ID3")


@contextlib.contextmanager
def open_recording(path: str, sha256: str = "") -> Iterator[tuple[soundfile.SoundFile, "_Source"]]:
    """Opens a file at its header, after its content was found to be that of `sha256`, where one is given.

    Raises:
      Undecodable: not_found, unreadable, changed, empty_file, not_audio, truncated_header or damaged_header.
    """
    try:
        stream = files.open_binary(path)
    except UserError as error:
        if not files.exists(path):
            raise Undecodable("not_found", "the manifest names it, but it is not there") from error
        raise Undecodable("unreadable", str(error)) from error
    with stream, open_stream(_verify(stream, sha256) if sha256 else stream) as opened:
        yield opened


@contextlib.contextmanager
def open_stream(
    stream: IO[bytes], longest_seconds: float = containers.MOST_SECONDS
) -> Iterator[tuple[soundfile.SoundFile, "_Source"]]:
    """Opens a file that stands at its beginning.

    Args:
      stream: the file.
      longest_seconds: how much is taken of one that libsndfile does not read.

    Raises:
      Undecodable: unreadable, empty_file, not_audio, truncated_header, damaged_header, unread_format, no_sound, or what it is
        instead of sound.
    """
    source = _Source(stream)
    begin = bytearray(_HEAD)
    if not (count := source.readinto(memoryview(begin))):
        source.raise_error()
        raise Undecodable("empty_file", "the file has no bytes")
    head = bytes(begin[:count])
    text = head.lstrip().lower()
    for reason, marks, detail in _NO_SOUND:
        if text.startswith(marks):
            raise Undecodable(reason, detail)
    if container := containers.find_format(head):
        source, head = _convert(stream, source, container, longest_seconds)
    source.state_length(head)
    source.seek(0)
    source.ended = False
    try:
        file = soundfile.SoundFile(source)
    except soundfile.LibsndfileError as error:
        source.raise_error()
        if not head.startswith(_MAGIC):
            raise Undecodable("not_audio", f"no header that libsndfile knows: {error.error_string}") from error
        reason = "truncated_header" if source.ended else "damaged_header"
        raise Undecodable(reason, f"it begins like audio, then libsndfile says: {error.error_string}") from error
    with file:
        if not file.frames:
            _refuse_broken_promise(file)
            raise Undecodable("no_sound", "its header is in order, and no sound follows it: a length of 0")
        yield file, source


def _convert(stream: IO[bytes], source: "_Source", container: str, longest_seconds: float) -> tuple["_Source", bytes]:
    """Returns the sound of a file that libsndfile does not read, as a WAV file, and its beginning."""
    source.seek(0)
    try:
        wav = containers.convert_to_wav(stream, container, longest_seconds)
    except containers.NotInstalled:
        detail = "M4A, AAC, WebM and video are read through PyAV, which is not installed: pip install 'ser-tinyml[av]'"
        raise Undecodable("unread_format", detail) from None
    except containers.NoSound as error:
        raise Undecodable("no_sound", str(error)) from error
    except OSError as error:
        raise Undecodable("unreadable", str(error)) from error
    head = wav.read(_HEAD)
    return _Source(wav), head


def _verify(stream: IO[bytes], sha256: str) -> IO[bytes]:
    """Returns a file at its beginning; raises Undecodable: changed or unreadable."""
    try:
        digest, stream = read_hashed(stream)
    except OSError as error:
        raise Undecodable("unreadable", str(error)) from error
    if digest != sha256:
        raise Undecodable("changed", f"its SHA-256 is {digest}, that of the manifest is {sha256}")
    return stream


class _Source:
    """A file for libsndfile, which calls back from C, where exceptions are lost: it keeps what went wrong."""

    def __init__(self, stream: IO[bytes]):
        self._stream = stream
        self._error: OSError | None = None
        self._stated: tuple[int, bytes] | None = None  # what is read at an offset instead of what the file has there
        self.ended = False  # something was read for beyond the end of the file

    def readinto(self, buffer: memoryview) -> int:
        try:
            offset = self._stream.tell() if self._stated else 0
            count = self._stream.readinto(buffer)  # type: ignore[attr-defined]
        except OSError as error:
            self._error = error
            return 0
        self.ended |= count < len(buffer)
        if self._stated:
            first, content = self._stated
            for place in range(max(first, offset), min(first + len(content), offset + count)):
                buffer[place - offset : place - offset + 1] = content[place - first : place - first + 1]
        return count

    def state_length(self, head: bytes) -> None:
        """States the length of a WAV file's sound, up to the end, where its header says 0: it was never completed.

        Args:
          head: the beginning of the file.
        """
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            return
        place = 12
        while place + 8 <= len(head):
            name, size = head[place : place + 4], int.from_bytes(head[place + 4 : place + 8], "little")
            if name == b"data":
                self.seek(0, 2)
                behind = self.tell() - place - 8
                if not size and behind > 0 and not _is_chunk(head[place + 8 :], behind):
                    self._stated = place + 4, min(behind, _LENGTH_UNKNOWN).to_bytes(4, "little")
                return
            place += 8 + size + size % 2

    def seek(self, offset: int, whence: int = 0) -> None:
        with contextlib.suppress(OSError, ValueError):  # where a broken header points to nowhere
            self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def raise_error(self) -> None:
        """Raises Undecodable if a read has failed."""
        if self._error:
            raise Undecodable("unreadable", str(self._error)) from self._error


def _is_chunk(content: bytes, available: int) -> bool:
    """Tells whether a RIFF chunk, of text for example, begins here, and not sound."""
    name, size = content[:4], int.from_bytes(content[4:8], "little")
    return len(content) >= 8 and name.isascii() and name.decode().isprintable() and 8 + size <= available


def _read(
    file: soundfile.SoundFile, source: _Source, span: _Span, acceptance: Acceptance
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean of the channels of a span, and its first channel, float32 [frames], as far as the recording goes."""
    mixed, firsts = [np.empty(0, np.float32)], [np.empty(0, np.float32)]
    for block, first in _read_blocks(file, source, span, acceptance):
        mixed.append(block)
        firsts.append(first)
    mono = np.concatenate(mixed)
    return mono, mono if file.channels == 1 else np.concatenate(firsts)


def _read_blocks(
    file: soundfile.SoundFile, source: _Source, span: _Span, acceptance: Acceptance
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the mean of the channels of a span, and its first channel, float32 [frames], as far as the recording goes.

    It is mixed block by block: of 64 channels no more than a block is ever in memory.
    """
    start, end = min(span.start, file.frames), min(span.end, file.frames)
    _refuse_broken_promise(file)
    levels = _Levels()
    missing = end - start
    try:
        _skip(file, start)
        while missing > 0 and len(block := file.read(min(missing, _BLOCK_FRAMES), dtype="float32", always_2d=True)):
            missing -= len(block)
            levels.add(block)
            first = block[:, 0].copy()
            yield first if block.shape[1] == 1 else block.mean(axis=1), first
        if file.format == "FLAC" and file.frames:  # only its last frame tells whether it is there
            file.seek(file.frames - 1)
            if not len(file.read(1)):
                raise Undecodable("truncated_data", f"the last of {file.frames} frames is missing")
    except soundfile.LibsndfileError as error:
        source.raise_error()
        reason = "truncated_data" if source.ended else "damaged_data"
        raise Undecodable(reason, f"libsndfile stopped decoding: {error.error_string or error}") from error
    source.raise_error()
    if missing > 0:
        reason, found = "truncated_data" if source.ended else "damaged_data", end - start - missing
        raise Undecodable(reason, f"{found} of {end - start} frames from {start} on could be decoded")
    levels.check(acceptance)


_BLOCK_FRAMES = 1 << 16


def _refuse_broken_promise(file: soundfile.SoundFile) -> None:
    """Raises Undecodable where a header promises more bytes than the file has."""
    if promise := _PROMISE.search(file.extra_info):
        promised, found = int(promise[1]), int(promise[2])
        if found < promised < _LENGTH_UNKNOWN:
            raise Undecodable("truncated_data", f"the header promises {promised} bytes, the file has {found}")


def _skip(file: soundfile.SoundFile, frames: int) -> None:
    if file.seekable():
        file.seek(frames)
        if (place := file.tell()) > file.frames:  # an MP3 file can say so where a frame of it is damaged
            raise Undecodable("damaged_data", f"it has {file.frames} frames, and is at frame {place} already")
        return
    while frames > 0:  # GSM 6.10, for one, is decoded from the start only
        skipped = len(file.read(min(frames, 65_536), dtype="float32"))
        frames = frames - skipped if skipped else 0


# What libsndfile's log says where a header promises more bytes than the file has; writers that can't seek promise 4 GB.
_PROMISE = re.compile(r"^\s*(?:data|SSND|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
_LENGTH_UNKNOWN = 0x7FFFF000


class _Levels:
    """Counts the samples that no recording of speech holds."""

    def __init__(self) -> None:
        self._samples = self._nans = self._infinite = self._full = 0

    def add(self, block: np.ndarray) -> None:
        """Counts those of float32 [frames, channels]."""
        self._samples += block.size
        peaks = np.abs(block)
        if not (peak := peaks.max()) < _FULL_SCALE:
            self._full += np.count_nonzero(peaks >= _FULL_SCALE)
            if not np.isfinite(peak):
                self._nans += np.count_nonzero(np.isnan(peaks))
                self._infinite += np.count_nonzero(np.isinf(peaks))

    def check(self, acceptance: Acceptance) -> None:
        """Raises Undecodable where there are too many."""
        if self._nans:
            raise Undecodable("nan_samples", f"{self._nans} of {self._samples} samples are no numbers")
        if self._infinite:
            raise Undecodable("infinite_samples", f"{self._infinite} of {self._samples} are infinite")
        if self._samples and (clipped := self._full / self._samples) > acceptance.max_clipped_fraction:
            raise Undecodable(
                "clipped",
                f"{clipped:.1%} of the samples are at full scale, at most {acceptance.max_clipped_fraction:.1%} may",
            )


_FULL_SCALE = 1 - 2.0**-14  # the largest 16-bit sample is 1 - 2**-15
