import errno
import fcntl
import json
import os
import signal
import stat
import subprocess
import sys

import pytest

from schemas.errors import UserError
from ser_tinyml.store.lock import LOCK, locked

HOLD = """
import sys, time
from ser_tinyml.store.lock import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_who_holds_a_folder_is_told_and_since_when(tmp_path, holder):
    with pytest.raises(UserError, match=rf"in use by process {holder.pid} on .* since 20\d\d-"), locked(str(tmp_path)):
        pass
    assert json.loads((tmp_path / LOCK).read_text())["process"] == holder.pid


def test_the_lock_is_gone_with_its_process(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with locked(str(tmp_path)):
        assert json.loads((tmp_path / LOCK).read_text())["process"] == os.getpid()
    assert not (tmp_path / LOCK).exists()


def test_a_folder_is_free_again_after_the_block_and_after_an_error(tmp_path):
    for _ in range(2):
        with pytest.raises(RuntimeError), locked(str(tmp_path / "new")):
            raise RuntimeError
    with locked(str(tmp_path / "new")):
        pass
    assert not list((tmp_path / "new").iterdir())


def test_a_holder_that_has_not_said_who_it_is_yet_is_in_the_way_too(tmp_path, holder):
    (tmp_path / LOCK).write_text("")
    with pytest.raises(UserError, match="is in use: wait"), locked(str(tmp_path)):
        pass


def test_what_is_not_a_lock_is_left_alone(tmp_path):
    (tmp_path / "precious").write_text("mine")
    (tmp_path / LOCK).symlink_to(tmp_path / "precious")
    with pytest.raises(UserError, match=r"cannot write .*run\.lock"), locked(str(tmp_path)):
        pass
    assert (tmp_path / "precious").read_text() == "mine"


def test_everybody_may_read_who_holds_a_folder_and_nobody_run_it(tmp_path):
    before = os.umask(0o022)
    try:
        with locked(str(tmp_path)):
            assert stat.S_IMODE((tmp_path / LOCK).stat().st_mode) == 0o644
    finally:
        os.umask(before)


def test_what_a_killed_holder_wrote_is_overwritten(tmp_path):
    (tmp_path / LOCK).write_text("x" * 1000)
    with locked(str(tmp_path)):
        assert json.loads((tmp_path / LOCK).read_text())["process"] == os.getpid()


def test_a_filesystem_that_knows_no_locks_is_used_without(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    with locked(str(tmp_path)):
        assert json.loads((tmp_path / LOCK).read_text())["process"] == os.getpid()
    assert not (tmp_path / LOCK).exists()


def test_object_stores_are_used_without_a_lock(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with locked("gs://bucket/run"):
        assert not list(tmp_path.iterdir())
