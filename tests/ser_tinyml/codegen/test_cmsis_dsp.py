import os
import pathlib

import pytest

from schemas.errors import UserError
from ser_tinyml.codegen.cmsis_dsp import read_cmsis_dsp, unpack_cmsis_dsp


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The archive as it is kept in a cache, fetched once for these tests."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        read_cmsis_dsp()
    (kept,) = (cache / "ser-tinyml").iterdir()
    return kept


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """An empty cache, and a package index that nobody answers for."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    return tmp_path / "ser-tinyml"


def test_a_cached_archive_is_all_that_is_needed(archive, offline):
    offline.mkdir()
    (offline / archive.name).write_bytes(archive.read_bytes())
    assert "LICENSE" in read_cmsis_dsp()


def test_without_a_network_and_a_cache_it_is_told_what_is_missing_and_where_to_put_it(archive, offline):
    with pytest.raises(UserError) as error:
        read_cmsis_dsp()
    told = str(error.value)
    assert told.startswith("CMSIS-DSP's source is not in the cache") and str(offline / archive.name) in told
    assert "\n" not in told


def test_a_damaged_archive_is_not_taken(archive, offline):
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    offline.mkdir()
    (offline / archive.name).write_bytes(content)
    with pytest.raises(UserError, match="not in the cache"):
        read_cmsis_dsp()


def test_a_damaged_archive_is_fetched_anew(archive, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    damaged = tmp_path / "ser-tinyml" / archive.name
    damaged.parent.mkdir()
    damaged.write_bytes(b"no archive")
    read_cmsis_dsp()
    assert damaged.read_bytes() == archive.read_bytes()
    assert [path.name for path in damaged.parent.iterdir()] == [archive.name]


def test_a_cache_that_can_not_be_written_is_done_without(archive, monkeypatch, tmp_path, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "LICENSE" in read_cmsis_dsp()
    assert "is not kept for the next time" in capsys.readouterr().out


def test_files_are_unpacked_where_builds_look_for_them(archive, offline, tmp_path):
    offline.mkdir()
    (offline / archive.name).write_bytes(archive.read_bytes())
    folder = unpack_cmsis_dsp(tmp_path / "unpacked")
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == set(read_cmsis_dsp())
    assert pathlib.Path(folder, "Source/TransformFunctions/arm_cfft_f32.c").read_bytes()
