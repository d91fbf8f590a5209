"""What there is to know of a corpus, and what its reader says about one recording."""

import dataclasses
import enum
from collections.abc import Callable, Mapping

UNKNOWN_SPEAKER = "unknown"  # of a recording that may be anybody's


class FoldRule(enum.Enum):
    """How a cross-validation takes a corpus's speakers into the test split."""

    GROUPS = "groups"  # of both sexes: each speaker once
    ONE_BY_ONE = "one by one"  # a speaker a fold, while there are any
    NEVER = "never"  # too few, or too alike: all of them stay in training


@dataclasses.dataclass(frozen=True)
class Utterance:
    """What a corpus encodes in a recording's name."""

    speaker: str  # a key of Corpus.speakers
    emotion: str  # one of schemas.classes.KNOWN_EMOTIONS
    intensity: str = ""  # of the emotion, where the name tells it


@dataclasses.dataclass(frozen=True)
class Corpus:
    """A published corpus."""

    name: str  # what --corpus calls it
    title: str  # what people call it
    language: str
    emotions: Mapping[str, str]  # code in a recording's name -> emotion
    speakers: Mapping[str, str]  # all that it publishes -> sex
    folds: FoldRule
    parse_name: Callable[[str], Utterance]  # path below the corpus's directory -> what it says; BrokenRule or NotSpeech
    licence: str
    non_commercial: bool
    citation: str
    page: str  # from where it is downloaded


@dataclasses.dataclass(frozen=True)
class Clip:
    """A recording, or a part of one, whose name or row of a table says what it is."""

    path: str
    corpus: str
    speaker: str
    emotion: str  # what its corpus calls it
    sex: str = ""  # of the speaker, where it is known
    intensity: str = ""  # of the emotion, where it is known
    split: str = ""  # that its table puts it into
    start: float = 0.0  # s, of the part
    end: float = 0.0  # s; 0: to the recording's end


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
