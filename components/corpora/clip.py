"""What a reader says about one recording."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Utterance:
    """What a corpus encodes in a recording's name."""

    speaker: str
    emotion: str  # a key of schemas.labels.LABEL_OF_EMOTION


@dataclasses.dataclass(frozen=True)
class Clip:
    """A recording whose name obeys its corpus's rules."""

    path: str
    corpus: str
    speaker: str
    emotion: str


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """A recording that does not become a clip, and why."""

    path: str
    corpus: str
    reason: str
    detail: str


class BrokenRule(ValueError):
    """A recording's name breaks a rule of its corpus; the message is the rule."""


class NotSpeech(ValueError):
    """A recording's name is in order and says that it isn't speech."""
