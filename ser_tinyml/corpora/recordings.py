"""What a recording's file says of itself: the digest of its content and its header."""

import concurrent.futures
import dataclasses
import hashlib
import io

import soundfile

from schemas.errors import UserError
from schemas.manifest import SYNTHETIC_COMMENT
from ser_tinyml.corpora.corpus import Clip, LeftOut
from ser_tinyml.store import files


@dataclasses.dataclass(frozen=True)
class Recording:
    """A clip whose file could be opened."""

    clip: Clip
    clip_id: str  # hexadecimal SHA-256 of the file's content
    duration: float  # s
    sample_rate: int  # Hz
    synthetic: bool


def inspect_recordings(clips: list[Clip]) -> tuple[list[Recording], list[LeftOut]]:
    """Opens every clip's file. Those that can't be opened come back with the reason: unreadable, empty_file, not_audio."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(_inspect, clips))
    return [r for r in results if isinstance(r, Recording)], [r for r in results if isinstance(r, LeftOut)]


def _inspect(clip: Clip) -> Recording | LeftOut:
    try:
        content = files.read_bytes(clip.path)
    except UserError as error:
        return LeftOut(clip.path, clip.corpus, reason="unreadable", detail=str(error))
    if not content:
        return LeftOut(clip.path, clip.corpus, reason="empty_file", detail="the file has no bytes")
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            return Recording(
                clip=clip,
                clip_id=hashlib.sha256(content).hexdigest(),
                duration=file.frames / file.samplerate,
                sample_rate=file.samplerate,
                synthetic=file.comment == SYNTHETIC_COMMENT,
            )
    except soundfile.LibsndfileError as error:
        detail = f"no audio header that libsndfile knows: {error.error_string}"
        return LeftOut(clip.path, clip.corpus, reason="not_audio", detail=detail)
