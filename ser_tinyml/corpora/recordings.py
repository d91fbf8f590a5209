"""What a recording's file says of itself: the digest of its content and its header."""

import concurrent.futures
import dataclasses
import hashlib

from schemas.errors import UserError
from schemas.manifest import SYNTHETIC_COMMENT
from ser_tinyml import progress
from ser_tinyml.audio.decode import Undecodable, open_stream
from ser_tinyml.corpora.corpus import Clip, LeftOut
from ser_tinyml.store import files
from ser_tinyml.store.digests import read_hashed


@dataclasses.dataclass(frozen=True)
class Recording:
    """A clip whose file could be opened."""

    clip: Clip
    clip_id: str  # hexadecimal SHA-256 of the file's content; of a part of it, of that and where the part is
    duration: float  # s, of the part
    sample_rate: int  # Hz
    synthetic: bool
    file_sha256: str = ""  # of the whole file, where the clip is a part of it
    label: str = ""  # the class that takes its emotion, once it is selected


def inspect_recordings(clips: list[Clip]) -> tuple[list[Recording], list[LeftOut]]:
    """Opens every clip's file. Those that can't be opened come back with the reason: unreadable, or one of `open_stream`."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(progress.track(pool.map(_inspect, clips), "recordings", len(clips)))
    return [r for r in results if isinstance(r, Recording)], [r for r in results if isinstance(r, LeftOut)]


def _inspect(clip: Clip) -> Recording | LeftOut:
    def leave_out(reason: str, detail: str) -> LeftOut:
        return LeftOut(clip.path, clip.corpus, reason, detail)

    try:
        with files.open_binary(clip.path) as stream:
            clip_id, content = read_hashed(stream)
            with open_stream(content) as (file, _):
                recording = Recording(
                    clip=clip,
                    clip_id=clip_id,
                    duration=file.frames / file.samplerate,
                    sample_rate=file.samplerate,
                    synthetic=file.comment == SYNTHETIC_COMMENT,
                )
            if not clip.start and not clip.end:
                return recording
            if clip.start >= recording.duration:
                detail = f"the part begins at {clip.start:g} s, the recording ends at {recording.duration:.3f} s"
                return leave_out("beyond_end", detail)
            return _cut(recording)
    except (UserError, OSError) as error:
        return leave_out("unreadable" if files.exists(clip.path) else "not_found", str(error))
    except Undecodable as error:
        return leave_out(error.reason, error.detail)


def _cut(recording: Recording) -> Recording:
    """Returns the part of a recording that its clip is."""
    start, end = recording.clip.start, recording.clip.end or recording.duration
    part = f"{recording.clip_id}/{start:.6f}/{recording.clip.end:.6f}"
    return dataclasses.replace(
        recording,
        clip_id=hashlib.sha256(part.encode()).hexdigest(),
        duration=min(end, recording.duration) - start,
        file_sha256=recording.clip_id,
    )
