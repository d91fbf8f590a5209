"""Readers of corpora: what --corpus names -> clips and what was left out, with reasons.

A published corpus is one file here and one line of the registry; one's own recordings come from folders or a table (`own.py`).
"""

import collections
import dataclasses
import re
from collections.abc import Iterable, Iterator

from schemas.errors import UsageError, UserError
from ser_tinyml.corpora import ased, banglaser, cremad, emodb, nemo, own, ravdess, savee, tess
from ser_tinyml.corpora.corpus import BrokenRule, Clip, Corpus, LeftOut, NotSpeech
from ser_tinyml.corpora.own import Reading
from ser_tinyml.store import files

CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (
        ravdess.CORPUS,
        tess.CORPUS,
        savee.CORPUS,
        cremad.CORPUS,
        emodb.CORPUS,
        nemo.CORPUS,
        banglaser.CORPUS,
        ased.CORPUS,
    )
}

FOLDER, TABLE, COMBINED = "folder", "table", "combined"

# The corpora that are published together in one tree, and what tells their names apart: at most one of these takes a name.
COMBINED_PARTS = ("ravdess", "cremad", "tess", "savee")

PLAINLY = Reading()  # folders and usual columns

AUDIO_SUFFIXES = (
    *(".wav", ".wave", ".flac", ".aif", ".aiff", ".aifc", ".mp3", ".ogg", ".oga", ".opus"),
    *(".caf", ".w64", ".rf64", ".au", ".snd"),
)
CONTAINER_SUFFIXES = (  # that need PyAV
    *(".m4a", ".aac", ".mp4", ".m4v", ".mov", ".webm", ".weba", ".mkv", ".mka", ".avi", ".wma", ".wmv", ".amr", ".3gp"),
    *(".mpg", ".mpeg", ".ac3", ".ape", ".flv"),
)

_NAMED_AS_SOUND = (*AUDIO_SUFFIXES, *CONTAINER_SUFFIXES)


@dataclasses.dataclass(frozen=True)
class Source:
    """Where recordings are, and how to read what they are."""

    name: str  # of the corpus in every record and report
    kind: str  # a key of CORPORA, FOLDER, TABLE or COMBINED
    path: str  # of a directory, or of a table

    @property
    def is_own(self) -> bool:
        """Whether the recordings are one's own: nothing is known of them but what folders or a table say."""
        return self.kind in (FOLDER, TABLE)

    def __str__(self) -> str:
        named = f"{self.name}=" if self.name != self.kind else ""
        return f"--corpus={named}{self.kind}:{self.path}"


def parse_corpus_flag(value: str) -> Source:
    """Parses `KIND:PATH`, or `NAME=folder:PATH` and `NAME=table:PATH` of one's own recordings.

    Raises:
      UsageError: the kind is unknown, or the name can't be one's own corpus's.
    """
    match = re.fullmatch(r"(?:([^=:/]+)=)?([^=:/]+):(.+)", value, re.DOTALL)
    if match is None:
        raise UsageError(
            f"--corpus={value}: expected NAME:DIR, like ravdess:data/Audio_Speech_Actors_01-24 or folder:mine"
        )
    name, kind, path = match[1] or match[2], match[2], match[3]
    kinds = (*CORPORA, FOLDER, TABLE, COMBINED)
    if kind not in kinds:
        raise UsageError(f"--corpus={value}: unknown corpus {kind!r}; known are {', '.join(kinds)}")
    if match[1] and kind not in (FOLDER, TABLE):
        raise UsageError(f"--corpus={value}: {kind} has its own name; only a folder or a table takes one")
    if match[1] and (name in kinds or not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name)):
        raise UsageError(
            f"--corpus={value}: a corpus of one's own is named by letters, digits, '_', '.' and '-', no other's"
        )
    return Source(name, kind, path)


def parse_corpus_flags(values: Iterable[str]) -> list[Source]:
    """Parses all of them, each once; raises UsageError where two of one's own have one name."""
    sources = list(dict.fromkeys(map(parse_corpus_flag, values)))
    for source in sources:
        if source.is_own and sum(other.name == source.name for other in sources) > 1:
            raise UsageError(
                f"{source}: another corpus has this name; give each one, like --corpus=mine={source.kind}:PATH"
            )
    return sources


def list_states(source: Source, reading: Reading = PLAINLY) -> list[tuple[str, int, float]]:
    """Lists the names, sizes and times of the files of a source: all below its directory, or those that its table names."""
    if source.kind != TABLE:
        return files.list_file_states(source.path, follow_links=True)
    return files.read_states([source.path, *own.list_recordings(source.path, reading)])


def read(
    source: Source, reading: Reading = PLAINLY, others: collections.Counter[str] | None = None
) -> Iterator[Clip | LeftOut]:
    """Yields every recording of a source, in the order of its path or of its table's rows.

    Linked folders are followed. Files that aren't named as sound (documents, mostly) are passed over.

    Args:
      source: where they are.
      reading: how paths and columns are read, of one's own recordings.
      others: counts, by suffix, the files that are passed over.

    Raises:
      UserError: there is no such directory or table, or no audio file in it.
    """
    if not files.exists(source.path):
        raise UserError(f"{source}: there is no such {'table' if source.kind == TABLE else 'directory'}")
    if source.kind == TABLE:
        yield from own.read_table(source.path, source.name, reading)
        return
    listed = [path for path, _, _ in files.list_file_states(source.path, follow_links=True)]
    paths = [path for path in listed if _is_named_as_sound(path)]
    if others is not None:
        others.update(_suffix_of(path) for path in set(listed).difference(paths))
    if not paths:
        raise UserError(f"{source}: no audio file ({', '.join(AUDIO_SUFFIXES)}) in it or below it")
    for path in paths:
        relative = path[len(files.join(source.path, "")) :]
        if _is_apple_double(path):
            yield LeftOut(
                path, source.name, reason="apple_double", detail="what macOS keeps beside a file, no recording"
            )
            continue
        if source.kind == FOLDER:
            yield own.read_path(path, relative, corpus=source.name, reading=reading)
        else:
            yield _read_name(path, relative, COMBINED_PARTS if source.kind == COMBINED else (source.kind,))


def list_sound(directory: str) -> list[str]:
    """Returns all files in a directory and below it that are named as sound, sorted; linked folders are followed."""
    listed = [path for path, _, _ in files.list_file_states(directory, follow_links=True)]
    return [path for path in listed if _is_named_as_sound(path) and not _is_apple_double(path)]


def _is_named_as_sound(path: str) -> bool:
    return path.lower().endswith(_NAMED_AS_SOUND)


def _is_apple_double(path: str) -> bool:
    """Tells whether a name is of what macOS keeps beside a file."""
    return path.rpartition("/")[2].startswith("._")


def _suffix_of(path: str) -> str:
    """Returns the suffix of a file's name in small letters; "" where it has none, as `.DS_Store`."""
    name = path.rpartition("/")[2].lower()
    return name[name.rindex(".") :] if "." in name[1:] else ""


def _read_name(path: str, relative: str, kinds: tuple[str, ...]) -> Clip | LeftOut:
    """Reads a published name by the rules of each of some corpora, of which one at most may take it."""
    broken = []
    for kind in kinds:
        try:
            utterance = CORPORA[kind].parse_name(relative)
            sex = CORPORA[kind].speakers.get(utterance.speaker, "")
            return Clip(path, kind, **dataclasses.asdict(utterance), sex=sex)
        except BrokenRule as error:
            broken.append(str(error))
        except NotSpeech as error:
            return LeftOut(path, kind, reason="not_speech", detail=str(error))
    if other := next((name for name in COMBINED_PARTS if name not in kinds and _takes(name, relative)), None):
        return LeftOut(path, kinds[0], reason="other_corpus", detail=f"the name is of {CORPORA[other].title}")
    known = ", ".join(CORPORA[kind].title for kind in kinds)
    detail = broken[0] if len(kinds) == 1 else f"the name is of none of {known}"
    return LeftOut(path, kinds[0] if len(kinds) == 1 else COMBINED, reason="broken_name", detail=detail)


def _takes(corpus: str, relative: str) -> bool:
    try:
        CORPORA[corpus].parse_name(relative)
    except NotSpeech:
        return True
    except BrokenRule:
        return False
    return True
