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

    clip_id: str  # hexadecimal SHA-256 of the file's content
    path: str
    corpus: str
    speaker: str  # unique with its corpus
    emotion: str  # the source's: a key of LABEL_OF_EMOTION
    label: str
    split: str  # one of SPLITS, or PER_COPY
    duration: float  # s
    sample_rate: int  # Hz, the file's own
    synthetic: bool

    @property
    def speaker_key(self) -> str:
        """The speaker's name among all corpora, like `ravdess/01`."""
        return f"{self.corpus}/{self.speaker}"

    def to_dict(self) -> dict[str, Any]:
        """Returns the row as it is stored."""
        return dataclasses.asdict(self)
