"""A step's folder: what the step made there, by SHA-256, in its `artifact.json`.

A step writes only into a folder that holds nothing else, deletes only what it made, and reads only what is as another step left
it. The record is there from the beginning, unfinished, so that a step that was killed knows its leavings.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from schemas.errors import UserError
from schemas.run_files import Artifact
from ser_tinyml.store import files, run_files
from ser_tinyml.store.digests import sha256_of
from ser_tinyml.store.lock import LOCK

_NAMED = 5  # foreign files that an error names


def begin(directory: str, step: str, makes: re.Pattern[str], keeps: str = "") -> None:
    """Makes a folder the step's own, and deletes what the step made there before.

    Args:
      directory: the folder; it need not exist.
      step: whose it becomes.
      makes: of the names, below the folder, that the step gives its files.
      keeps: a folder in it that stays: what a step goes on from that was killed.

    Raises:
      UserError: the folder holds a file that the step did not make; names it.
    """
    made = check(directory, step, makes)
    run_files.write(_make_record(step, finished=False, made={}), directory)
    stays = files.join(directory, keeps, "") if keeps else None
    files.delete_files([path for path in made if not stays or not path.startswith(stays)], below=directory)


def check(directory: str, step: str, makes: re.Pattern[str]) -> list[str]:
    """Returns the files that the step made in a folder; raises UserError where the folder holds others."""
    found = dict(_list(directory))
    record = _find(directory, step)
    if record is None or record.step != step:
        foreign = list(found)
    elif record.finished:
        foreign = [name for name in found if name not in record.files]
    else:
        foreign = [name for name in found if not makes.fullmatch(name.removesuffix(files.PARTIAL))]
    if foreign:
        more = f" and {len(foreign) - _NAMED} more" if len(foreign) > _NAMED else ""
        raise UserError(
            f"{directory} holds what {step} did not make there: {', '.join(map(repr, foreign[:_NAMED]))}{more}; nothing of it "
            "is deleted: move it away, or choose another directory"
        )
    return list(found.values())


def finish(directory: str, step: str, makes: re.Pattern[str], varies: str = "") -> None:
    """Records what the step made in a folder; of what lies in the folder `varies` in it, the names alone."""
    made = {
        name: "" if varies and name.startswith(varies + "/") else sha256_of(path)
        for name, path in _list(directory)
        if makes.fullmatch(name)
    }
    run_files.write(_make_record(step, finished=True, made=made), directory)


def digest(directory: str) -> str:
    """Returns a digest of the names and contents of all that a step made, as its record tells them, but for what varies."""
    return _digest({name: sha256 for name, sha256 in _read(directory).files.items() if sha256})


def is_recorded(directory: str) -> bool:
    """Tells whether a folder is a step's."""
    return files.exists(files.join(directory, Artifact.FILE_NAME))


def verify(directory: str) -> str:
    """Reads each file that a step made, and returns `digest` where all are as the step left them.

    Raises:
      UserError: the folder is no finished artifact, or a file of it is missing or changed; names it.
    """
    if not is_recorded(directory):
        raise UserError(f"{directory} is no step's finished work: it has no {Artifact.FILE_NAME}")
    record = _read(directory)
    again = f"run {record.step} again"
    if not record.finished:
        raise UserError(f"{directory} is not finished: {again}")
    for name, sha256 in record.files.items():
        path = files.join(directory, name)
        if not sha256:
            continue
        if not files.exists(path):
            raise UserError(f"{path} is missing: {again}")
        if sha256_of(path) != sha256:
            raise UserError(f"{path} is not as {record.step} left it: {again}")
    return digest(directory)


def _find(directory: str, step: str) -> Artifact | None:
    """Returns a folder's record, None where it has none; one that is damaged is taken for that of a run that did not finish."""
    if not is_recorded(directory):
        return None
    try:
        return _read(directory)
    except UserError:
        return _make_record(step, finished=False, made={})


def _read(directory: str) -> Artifact:
    """Returns a folder's record; raises UserError where it is damaged, or was changed."""
    record = run_files.read(Artifact, directory)
    if record != _make_record(record.step, finished=record.finished, made=record.files):
        raise UserError(
            f"{files.join(directory, Artifact.FILE_NAME)} is not as {record.step} left it: run that step again"
        )
    return record


def _make_record(step: str, *, finished: bool, made: dict[str, str]) -> Artifact:
    return Artifact(step, finished, made, seal=_digest([step, finished, made]))


def _digest(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _list(directory: str) -> Iterator[tuple[str, str]]:
    """Yields (name below the folder, path) of all its files but the record itself and a lock."""
    ours = {Artifact.FILE_NAME, Artifact.FILE_NAME + files.PARTIAL, LOCK}
    for path in files.list_files(directory):
        name = path[len(files.join(directory, "")) :]
        if name not in ours:
            yield name, path
