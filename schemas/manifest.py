"""A row of a manifest: one clip."""

import dataclasses
from typing import Any

# The comment inside a WAV file that marks it, and all that is made from it, as synthetic.
SYNTHETIC_COMMENT = "synthetic speech made by ser-tinyml's demo corpus; no person said this"

# The split of a clip whose copies are split one by one: the leaking protocol of the original notebook.
PER_COPY = "per_copy"


@dataclasses.dataclass(frozen=True)
class ManifestRow:
    """One clip."""

    clip_id: str  # hexadecimal SHA-256 of the file's content; of a part of it, of that and where the part is
    path: str
    corpus: str
    speaker: str  # unique with its corpus
    emotion: str  # what its corpus calls it
    label: str  # the class that takes it
    split: str  # one of SPLITS, or PER_COPY
    duration: float  # s, of the part where it is one
    sample_rate: int  # Hz, the file's own
    synthetic: bool
    # Of a part of a recording; a row of a whole one is stored without these.
    file_sha256: str = ""
    start: float = 0.0  # s
    end: float = 0.0  # s; 0: the recording's end
    # Stored where they are known.
    sex: str = ""  # of the speaker
    intensity: str = ""  # of the emotion

    @property
    def speaker_key(self) -> str:
        """The speaker's name among all corpora, like `ravdess/01`."""
        return f"{self.corpus}/{self.speaker}"

    def to_dict(self) -> dict[str, Any]:
        """Returns the row as it is stored."""
        left_out = () if self.file_sha256 else OF_A_PART
        stored = dataclasses.asdict(self)
        return {
            name: stored[name]
            for name in stored
            if name not in left_out and (stored[name] or name not in KNOWN_OF_SOME)
        }


OF_A_PART = ("file_sha256", "start", "end")
KNOWN_OF_SOME = ("sex", "intensity")
