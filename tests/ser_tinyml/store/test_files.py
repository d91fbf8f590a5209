import pytest

from schemas.errors import UserError
from ser_tinyml.store import files
from ser_tinyml.store.digests import unit_hash


def test_a_write_leaves_the_whole_file_and_nothing_else(tmp_path):
    files.write_bytes(str(tmp_path / "new/folder/x"), b"one")
    files.write_bytes(str(tmp_path / "new/folder/x"), b"two")
    assert [p.name for p in (tmp_path / "new/folder").iterdir()] == ["x"]
    assert files.read_bytes(str(tmp_path / "new/folder/x")) == b"two"


def test_gzip_files_are_read_as_they_are_stored(tmp_path):
    (tmp_path / "x.gz").write_bytes(b"\x1f\x8bnot really gzip")
    assert files.read_bytes(str(tmp_path / "x.gz")) == b"\x1f\x8bnot really gzip"


def test_a_missing_file_and_bad_json_are_told_by_their_path(tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        files.read_bytes(str(tmp_path / "nowhere"))
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(UserError, match=r"bad\.json is not JSON"):
        files.read_json(str(tmp_path / "bad.json"))


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError):
        files.write_json(str(tmp_path / "x"), {"loss": float("nan")})


def test_unit_hash_depends_on_its_parts_alone():
    assert unit_hash("speaker", 0, "tess") == unit_hash("speaker", 0, "tess")
    assert unit_hash("ab", "c") != unit_hash("a", "bc")
    values = [unit_hash(number) for number in range(2000)]
    assert min(values) >= 0 and max(values) < 1
    assert abs(sum(values) / len(values) - 0.5) < 0.03
