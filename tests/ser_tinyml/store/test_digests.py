import hashlib
import io

import pytest

from ser_tinyml.store.digests import read_hashed, sha256_of, sha256_of_model, short_hash, unit_hash

LARGE = (1 << 24) + 5  # bytes: more than is read at once


def test_a_model_is_a_file_or_a_folder_of_names_and_contents(tmp_path):
    (tmp_path / "model.h5").write_bytes(b"weights")
    assert sha256_of_model(str(tmp_path / "model.h5")) == hashlib.sha256(b"weights").hexdigest()
    folders = [tmp_path / "one", tmp_path / "another"]
    for folder in folders:
        (folder / "variables").mkdir(parents=True)
        (folder / "saved_model.pb").write_bytes(b"graph")
        (folder / "variables/index").write_bytes(b"weights")
    digest = sha256_of_model(str(folders[0]))
    assert len(digest) == 64 and digest == sha256_of_model(str(folders[1])) == sha256_of_model(f"{folders[1]}/")
    (folders[1] / "variables/index").rename(folders[1] / "variables/data")
    assert sha256_of_model(str(folders[1])) != digest
    (folders[0] / "variables/index").write_bytes(b"others")
    assert sha256_of_model(str(folders[0])) != digest


@pytest.mark.parametrize(("size", "in_memory"), [(0, True), (100, True), (LARGE, False), (2 * LARGE, False)])
def test_a_file_is_read_at_its_beginning_after_it_was_hashed_and_from_memory_unless_it_is_large(
    tmp_path, size, in_memory
):
    path = tmp_path / "x"
    content = (b"0123456789abcde" * (size // 15 + 1))[:size]
    path.write_bytes(content)
    with path.open("rb") as file:
        digest, again = read_hashed(file)
        assert digest == hashlib.sha256(content).hexdigest() == sha256_of(str(path))
        assert again.read() == content
        assert isinstance(again, io.BytesIO) is in_memory


def test_a_file_as_large_as_is_read_at_once_is_hashed_to_its_end():
    content = bytes(1 << 24)
    digest, again = read_hashed(io.BytesIO(content))
    assert digest == hashlib.sha256(content).hexdigest() and again.read() == content


def test_a_short_hash_is_the_beginning_of_a_sha_256():
    assert short_hash("ravdess/01") == hashlib.sha256(b"ravdess/01").hexdigest()[:16]


def test_a_unit_hash_is_the_first_56_bits_of_a_sha_256_as_a_fraction():
    first = hashlib.sha256(b"speaker\x000\x00tess").hexdigest()[:14]
    assert unit_hash("speaker", 0, "tess") == int(first, 16) / float(1 << 56)
