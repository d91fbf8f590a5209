import datetime
import pathlib
import shutil
import subprocess
import sys

import pytest

from ser_tinyml.store.occasion import describe_occasion
from ser_tinyml.version import VERSION

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["/usr/bin/python3", "-m", "pipeline.run", "--x=a b"], "python3 -m pipeline.run '--x=a b'"),
        (["/usr/bin/python3", "/home/me/.venv/bin/ser-tinyml", "compare", "ROOT"], "ser-tinyml compare ROOT"),
        (["python"], "python"),
    ],
)
def test_the_command_is_told_as_it_was_typed(monkeypatch, words, command):
    monkeypatch.setattr(sys, "orig_argv", words)
    assert describe_occasion().command == command


def test_the_time_is_now_in_utc_and_the_version_is_the_code_s():
    found = describe_occasion()
    when = datetime.datetime.fromisoformat(found.when)
    assert when.utcoffset() == datetime.timedelta(0)
    assert abs(datetime.datetime.now(datetime.UTC) - when) < datetime.timedelta(minutes=1)
    assert found.version == VERSION


@pytest.fixture
def project(tmp_path):
    """A copy of the code, in no repository."""
    for package in ("schemas", "ser_tinyml"):
        shutil.copytree(
            REPOSITORY / package, tmp_path / "project" / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return tmp_path / "project"


def git(folder, *words) -> str:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    command = ["git", "-C", str(folder), *who, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def find_commit(project) -> str:
    program = "from ser_tinyml.store.occasion import describe_occasion; print(describe_occasion().commit)"
    command = [sys.executable, "-B", "-c", program]
    return subprocess.run(command, cwd=project, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.needs("git")
def test_the_commit_is_told_and_whether_files_of_it_were_changed(project):
    assert find_commit(project) == ""
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "x")
    commit = git(project, "rev-parse", "HEAD")
    (project / "notes.txt").write_text("mine, and not the code's")
    assert len(commit) == 40 and find_commit(project) == commit
    (project / "ser_tinyml/votes.txt").write_text("new")
    git(project, "add", ".")
    assert find_commit(project) == commit + "+"


@pytest.mark.needs("git")
def test_the_commit_of_a_repository_around_the_code_is_not_the_code_s(project):
    git(project.parent, "init", "-q")
    git(project.parent, "add", ".")
    git(project.parent, "commit", "-q", "-m", "x")
    assert find_commit(project) == ""
