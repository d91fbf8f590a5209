"""Readers of the published corpora: a directory as it was downloaded -> clips and what was left out, with reasons.

A corpus is one file here and one line of the registry.
"""

from collections.abc import Iterator

from schemas.errors import UsageError, UserError
from ser_tinyml.corpora import ravdess, savee, tess
from ser_tinyml.corpora.corpus import BrokenRule, Clip, Corpus, LeftOut, NotSpeech
from ser_tinyml.store import files

CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (
        ravdess.CORPUS,
        tess.CORPUS,
        savee.CORPUS,
    )
}

AUDIO_SUFFIXES = (".wav", ".wave", ".flac", ".aif", ".aiff")


def parse_corpus_flag(value: str) -> tuple[str, str]:
    """Splits `name:DIR` into name and DIR; raises UsageError where the name is no corpus's."""
    name, colon, directory = value.partition(":")
    if not colon or not directory:
        raise UsageError(f"--corpus={value}: expected NAME:DIR, like ravdess:data/Audio_Speech_Actors_01-24")
    if name not in CORPORA:
        raise UsageError(f"--corpus={value}: unknown corpus {name!r}; known are {', '.join(CORPORA)}")
    return name, directory


def read(corpus: str, directory: str) -> Iterator[Clip | LeftOut]:
    """Yields every audio file below a corpus's directory, in the order of its path.

    Files that aren't named as audio (documents, `.DS_Store`) are passed over.

    Raises:
      UserError: there is no such directory, or no audio file in it.
    """
    if not files.exists(directory):
        raise UserError(f"--corpus={corpus}:{directory}: there is no such directory")
    paths = [p for p in files.list_files(directory) if p.lower().endswith(AUDIO_SUFFIXES)]
    if not paths:
        raise UserError(f"--corpus={corpus}:{directory}: no audio file ({', '.join(AUDIO_SUFFIXES)}) in it or below it")
    for path in paths:
        relative = path[len(files.join(directory, "")) :]
        try:
            utterance = CORPORA[corpus].parse_name(relative)
        except BrokenRule as error:
            yield LeftOut(path, corpus, reason="broken_name", detail=str(error))
        except NotSpeech as error:
            yield LeftOut(path, corpus, reason="not_speech", detail=str(error))
        else:
            yield Clip(path, corpus, speaker=utterance.speaker, emotion=utterance.emotion)
