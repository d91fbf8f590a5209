"""One's own recordings: folders of emotions, or a table with a row a recording.

Folders are `EMOTION/SPEAKER/...` or `EMOTION/...`. A table is CSV, TSV, JSON Lines or a JSON list, which its content tells;
Hugging Face's `metadata.csv` and EmoBox's JSON lines are such tables.
"""

import csv
import dataclasses
import io
import itertools
import json
import math
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from schemas.errors import UsageError, UserError
from ser_tinyml.corpora.corpus import UNKNOWN_SPEAKER, Clip, LeftOut
from ser_tinyml.store import files

# What a row says, and the columns that it is looked for in, the first one that there is.
_COLUMNS = {
    "path": (
        "path",
        "file",
        "file_name",
        "filename",
        "file_path",
        "filepath",
        "audio",
        "audio_path",
        "wav",
        "wav_path",
    ),
    "emotion": ("emotion", "emo", "label", "class", "category"),
    "speaker": ("speaker", "speaker_id", "spk", "spk_id", "actor", "actor_id", "subject", "client_id"),
    "sex": ("sex", "gender"),
    "split": ("split", "partition", "subset"),
    "start": ("start", "start_seconds", "start_time", "begin"),
    "end": ("end", "end_seconds", "end_time"),
}
_NEEDED = ("path", "emotion")

_SPLIT_OF_WORD = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
_SEX_OF_WORD = {
    **dict.fromkeys(("female", "f", "woman", "w"), "female"),
    **dict.fromkeys(("male", "m", "man"), "male"),
}


@dataclasses.dataclass(frozen=True)
class Reading:
    """How paths and columns are read."""

    speaker_from: str = ""  # a regular expression that finds the speaker in a path; "": the folder or column says it
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)  # a key of _COLUMNS -> the table's column

    @classmethod
    def parse(cls, speaker_from: str, columns: str) -> "Reading":
        """Parses the flags --speaker_from and --columns; raises UsageError where one can't be meant."""
        try:
            re.compile(speaker_from)
        except (re.error, RecursionError, OverflowError) as error:
            raise UsageError(f"--speaker_from={speaker_from}: not a regular expression: {error}") from error
        given = {}
        for pair in filter(None, columns.split(",")):
            role, _, column = pair.partition(":")
            if role not in _COLUMNS or not column:
                known = ", ".join(_COLUMNS)
                raise UsageError(
                    f"--columns={columns}: expected ROLE:COLUMN, with commas between; a role is one of {known}"
                )
            given[role] = column
        return cls(speaker_from, given)

    def find_speaker(self, path: str) -> str:
        """Returns what --speaker_from finds in a path: its group `speaker`, else its first group, else all; "" for nothing."""
        match = re.search(self.speaker_from, path)
        if match is None:
            return ""
        if "speaker" in match.re.groupindex:
            return match["speaker"] or ""
        return match[1 if match.re.groups else 0] or ""


def read_path(path: str, relative: str, *, corpus: str, reading: Reading) -> Clip | LeftOut:
    """Reads emotion and speaker from the folders that a recording is in.

    Args:
      path: of the recording.
      relative: the same, below the corpus's directory.
      corpus: the corpus's name.
      reading: says where the speaker is.
    """
    emotion, *folders = relative.split("/")[:-1] or [""]
    if not emotion.strip():
        return LeftOut(path, corpus, reason="no_emotion", detail="it is in no folder that is named by an emotion")
    speaker = folders[0].strip() if folders else UNKNOWN_SPEAKER
    if reading.speaker_from and not (speaker := reading.find_speaker(relative)):
        return _tell_no_speaker(path, corpus, relative)
    return Clip(path, corpus, speaker=speaker, emotion=emotion.strip())


def _tell_no_speaker(path: str, corpus: str, searched: str) -> LeftOut:
    return LeftOut(path, corpus, reason="no_speaker", detail=f"--speaker_from finds nothing in {searched!r}")


def read_table(path: str, corpus: str, reading: Reading) -> Iterator[Clip | LeftOut]:
    """Yields a clip, or what is wrong with it, for each row of a table.

    Paths are below the table's folder, or else below the nearest of the folders above it, or the working directory, where they
    are.

    Raises:
      UserError: it is no table, or lacks a column; the columns that it has are listed.
    """
    rows = list(_read_rows(path))
    found = _find_columns(path, rows, reading)
    named = [row.get(found["path"]) for row in rows]
    base = _find_base(path, [str(name) for name in named if name])
    for number, row in enumerate(rows, start=1):
        place = f"{path}, row {number}"
        try:
            clip = _read_row(row, found, corpus=corpus, base=base)
        except ValueError as error:
            yield LeftOut(place, corpus, reason="broken_row", detail=str(error))
            continue
        if not reading.speaker_from:
            yield clip
        elif speaker := reading.find_speaker(str(row[found["path"]])):
            yield dataclasses.replace(clip, speaker=speaker)
        else:
            yield _tell_no_speaker(clip.path, corpus, str(row[found["path"]]))


def list_recordings(path: str, reading: Reading) -> list[str]:
    """Returns the paths of the recordings that a table names."""
    return [found.path for found in read_table(path, "", reading) if isinstance(found, Clip)]


def _read_rows(path: str) -> Iterator[dict[str, Any]]:
    """Yields the rows of a table; one that is no object has no columns."""
    try:
        text = files.read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no table of text in UTF-8: {error}") from error
    head = text.lstrip()[:1]
    if head == "[":
        yield from (row if isinstance(row, dict) else {} for row in files.parse_json(text.encode(), path))
    elif head == "{":
        yield from (_parse_line(line) for line in text.splitlines() if line.strip())
    else:
        yield from _read_delimited(path, text)


def _parse_line(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def _read_delimited(path: str, text: str) -> Iterator[dict[str, Any]]:
    head = text.partition("\n")[0]
    delimiter = max("\t,;", key=head.count)
    try:
        yield from csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error as error:
        raise UserError(f"{path} is no table: {error}") from error


def _find_columns(path: str, rows: list[dict[str, Any]], reading: Reading) -> dict[str, str]:
    """Returns the column of each role that the table has; raises UserError where a needed or a named one is missing."""
    if not rows:
        raise UserError(f"{path} is a table without rows")
    columns = dict.fromkeys(str(name) for row in itertools.islice(rows, 1000) for name in row if name is not None)
    listed = f"its columns are {', '.join(columns) or 'none'}"
    if missing := [column for column in reading.columns.values() if column not in columns]:
        raise UserError(f"{path} has no column {missing[0]!r}, which --columns names; {listed}")
    by_lower = {name.strip().lower(): name for name in reversed(columns)}
    found = {role: next((by_lower[name] for name in names if name in by_lower), "") for role, names in _COLUMNS.items()}
    found |= reading.columns
    if lacking := [role for role in _NEEDED if not found[role]]:
        raise UserError(f"{path} has no column of the {lacking[0]}: pass --columns={lacking[0]}:COLUMN; {listed}")
    return found


def _read_row(row: Mapping[str, Any], found: Mapping[str, str], *, corpus: str, base: str) -> Clip:
    """Returns a row's clip; raises ValueError, with what is wrong with it."""
    values = {role: _as_text(row.get(column)) if column else "" for role, column in found.items()}
    if lacking := [role for role in _NEEDED if not values[role]]:
        raise ValueError(f"it has no {lacking[0]} in the column {found[lacking[0]]!r}")
    split = _SPLIT_OF_WORD.get(values["split"].lower())
    if values["split"] and not split:
        raise ValueError(f"its split is {values['split']!r}, expected train, validation or test")
    start, end = (_parse_seconds(role, values[role]) for role in ("start", "end"))
    if end and not start < end:
        raise ValueError(f"its part ends at {end:g} s, which is not after {start:g} s")
    return Clip(
        path=_resolve(values["path"], base),
        corpus=corpus,
        speaker=values["speaker"] or UNKNOWN_SPEAKER,
        emotion=values["emotion"],
        sex=_SEX_OF_WORD.get(values["sex"].lower(), ""),
        split=split or "",
        start=start,
        end=end,
    )


def _as_text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _parse_seconds(role: str, text: str) -> float:
    try:
        seconds = float(text or 0)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError(f"its {role} is {text!r}, expected seconds")
    return seconds


def _resolve(name: str, base: str) -> str:
    """Returns where a table's path leads to: a name of another machine has backslashes for folders."""
    if not files.is_local(name):
        return name
    path = name if pathlib.PurePath(name).is_absolute() else files.join(base, name)
    if "\\" in name and not files.exists(path):
        return files.join(base, name.replace("\\", "/"))
    return path


def _find_base(table: str, names: list[str]) -> str:
    """Returns the folder that most of a table's first paths are below: its own, one above it, or the working directory."""
    if not files.is_local(table):
        return table.rpartition("/")[0]
    folders = [str(pathlib.Path(table).parent), *map(str, pathlib.Path(table).absolute().parent.parents), "."]
    return max(folders, key=lambda folder: sum(files.exists(_resolve(name, folder)) for name in names[:20]))
