"""Readers of the published corpora: a directory as it was downloaded -> clips and what was left out, with reasons."""

from collections.abc import Iterator

from components.corpora import ravdess, savee, tess
from components.corpora.clip import BrokenRule, Clip, LeftOut, NotSpeech
from schemas import artifacts
from schemas.artifacts import UserError

READERS = {"ravdess": ravdess, "tess": tess, "savee": savee}
AUDIO_SUFFIXES = (".wav", ".wave", ".flac", ".aif", ".aiff")


def parse_corpus_flag(value: str) -> tuple[str, str]:
    """`name:DIR` -> (name, DIR); raises UserError where the name is no corpus's."""
    name, colon, directory = value.partition(":")
    if not colon or not directory:
        raise UserError(f"--corpus={value}: expected NAME:DIR, like ravdess:data/Audio_Speech_Actors_01-24")
    if name not in READERS:
        raise UserError(f"--corpus={value}: unknown corpus {name!r}; known are {', '.join(READERS)}")
    return name, directory


def sex_of(corpus: str, speaker: str) -> str:
    """A speaker's sex as the corpus publishes it."""
    return READERS[corpus].SPEAKERS[speaker]


def published_speakers(corpus: str) -> tuple[str, ...]:
    """All speakers that a corpus has, whether or not they are in somebody's copy."""
    return tuple(READERS[corpus].SPEAKERS)


def read(corpus: str, directory: str) -> Iterator[Clip | LeftOut]:
    """Every audio file below a corpus's directory, in the order of its path.

    Files that aren't named as audio (documents, `.DS_Store`) are passed over.

    Raises:
      UserError: there is no such directory, or no audio file in it.
    """
    if not artifacts.exists(directory):
        raise UserError(f"--corpus={corpus}:{directory}: there is no such directory")
    paths = [p for p in artifacts.list_files(directory) if p.lower().endswith(AUDIO_SUFFIXES)]
    if not paths:
        raise UserError(f"--corpus={corpus}:{directory}: no audio file ({', '.join(AUDIO_SUFFIXES)}) in it or below it")
    for path in paths:
        relative = path[len(directory) :].lstrip("/")
        try:
            utterance = READERS[corpus].parse_name(relative)
        except BrokenRule as error:
            yield LeftOut(path, corpus, "broken_name", str(error))
        except NotSpeech as error:
            yield LeftOut(path, corpus, "not_speech", str(error))
        else:
            yield Clip(path, corpus, utterance.speaker, utterance.emotion)
