"""What is temporary goes with its process, at the latest when the next one begins; what others made stays."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import pytest

from schemas.errors import UserError
from ser_tinyml.store.temporary import own_temporary_folder, remove_own_folders

_WAITS = """
import tempfile, pathlib, sys
from ser_tinyml.store.temporary import own_temporary_folder
with own_temporary_folder():
    pathlib.Path(tempfile.gettempdir(), "large").write_text("left over")
    print(tempfile.gettempdir(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def parent(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def other():
    """Another process with a folder of its own; yields it and the folder."""
    process = subprocess.Popen([sys.executable, "-c", _WAITS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process, pathlib.Path(process.stdout.readline().strip())
    process.kill()
    process.communicate()


def test_the_folder_is_gone_afterwards(parent):
    with own_temporary_folder():
        made = pathlib.Path(tempfile.mkdtemp())
        assert made.parent.parent == parent
        assert os.environ["TMPDIR"] == str(made.parent)
    assert list(parent.iterdir()) == []
    assert os.environ["TMPDIR"] == str(parent)


def test_a_killed_process_s_folder_goes_when_the_next_begins(parent, other):
    process, folder = other
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (folder / "large").exists()
    with own_temporary_folder():
        assert not folder.exists()


def test_a_living_process_s_folder_stays(parent, other):
    _, folder = other
    with own_temporary_folder():
        assert (folder / "large").exists()


def test_folders_that_others_made_stay(parent):
    for name in ("ser-tinyml-bundle", "ser-tinyml-x7a3_9kq"):
        (parent / name).mkdir()
        (parent / name / "notes.txt").write_text("mine")
    with own_temporary_folder():
        pass
    assert sorted(path.name for path in parent.rglob("*.txt")) == ["notes.txt"] * 2


def test_a_missing_place_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    with pytest.raises(UserError, match=r"TMPDIR=.*missing: No such file"), own_temporary_folder():
        pass


def test_without_tmpdir_the_folder_is_where_temporary_files_are_and_tmpdir_is_unset_again(tmp_path, monkeypatch):
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with own_temporary_folder():
        assert pathlib.Path(os.environ["TMPDIR"]).parent == tmp_path
    assert "TMPDIR" not in os.environ and list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_already_is_no_error(parent):
    with own_temporary_folder():
        remove_own_folders()
        remove_own_folders()
        assert list(parent.iterdir()) == []
    assert os.environ["TMPDIR"] == str(parent)


def test_nobody_else_reads_what_is_temporary(parent):
    with own_temporary_folder():
        (folder,) = parent.iterdir()
        (mark,) = folder.iterdir()
        assert (folder.stat().st_mode & 0o777, mark.stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_folder_whose_mark_is_a_link_is_not_taken_for_abandoned(parent, tmp_path):
    with own_temporary_folder():
        (mark,) = next(parent.iterdir()).iterdir()
    (parent / "mine").touch()
    (parent / "ser-tinyml-x").mkdir()
    (parent / "ser-tinyml-x" / mark.name).symlink_to(parent / "mine")
    with own_temporary_folder():
        assert (parent / "ser-tinyml-x").exists()
