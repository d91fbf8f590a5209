import os
import pathlib
import re
import tempfile

import hypothesis
import pytest
from apache_beam.io.filesystem import BeamIOError, CompressionTypes, FileMetadata, FileSystem
from hypothesis import strategies

from schemas.errors import UserError
from ser_tinyml.store import files
from ser_tinyml.store.digests import sha256_of, unit_hash

# Of one part of a path: what globs, shells and URLs give a meaning, any script, and bytes that are not UTF-8.
NAMES = strategies.one_of(
    strategies.text(strategies.sampled_from("ab1[]*?{}\\!^-~$'\"\n\t ;&|%#@:.é漢\u202e😀"), min_size=1, max_size=12),
    strategies.text(
        strategies.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20
    ),
    strategies.binary(min_size=1, max_size=8).map(os.fsdecode),
).filter(lambda name: "/" not in name and "\0" not in name and name not in (".", "..") and len(os.fsencode(name)) < 200)


@hypothesis.given(NAMES, NAMES, NAMES)
@hypothesis.example("run*", "run1", "x")
@hypothesis.example("p[1]", "p1", "[!a]")
@hypothesis.settings(max_examples=150, deadline=None)
def test_a_path_is_a_name_whatever_it_looks_like(name, neighbour, file):
    hypothesis.assume(name != neighbour)
    with tempfile.TemporaryDirectory() as folder:
        for directory in (name, neighbour):
            for path in (files.join(folder, directory, file), files.join(folder, directory, "below", file)):
                files.write_bytes(path, directory.encode("utf-8", "surrogateescape"))
        ours = files.join(folder, name)
        expected = sorted(str(pathlib.Path(folder, name, *rest, file)) for rest in ([], ["below"]))
        for spelled in (ours, ours + "/", files.join(folder, name, "..", name)):
            found = files.list_files(spelled)
            assert [os.path.realpath(path) for path in found] == sorted(map(os.path.realpath, expected)), spelled
        assert files.read_bytes(expected[0]) == os.fsencode(name)
        assert sha256_of(expected[0]) != sha256_of(files.join(folder, neighbour, file))
        assert files.exists(expected[0]) and not files.exists(expected[0] + "*")
        files.delete_files(expected, below=ours)
        assert files.list_files(ours) == []
        assert len(files.list_files(files.join(folder, neighbour))) == 2
        assert {path.name for path in pathlib.Path(folder).iterdir()} == {name, neighbour}


class BucketOnDisk(FileSystem):
    """Beam's own listing and matching, as object stores have them, over a folder: `disk:///tmp/x` is `/tmp/x`."""

    @classmethod
    def scheme(cls):
        return "disk"

    def join(self, basepath, *paths):
        return "/".join([basepath.rstrip("/"), *paths])

    def has_dirs(self):
        return False

    def _list(self, prefix):
        local = prefix.removeprefix("disk://")
        for path in sorted(pathlib.Path(local.rpartition("/")[0]).rglob("*")):
            if path.is_file() and str(path).startswith(local):
                yield self.metadata(f"disk://{path}")

    def metadata(self, path):
        state = pathlib.Path(path.removeprefix("disk://")).stat()
        return FileMetadata(path, state.st_size, state.st_mtime)

    def create(self, path, mime_type="", compression_type=CompressionTypes.AUTO):
        local = pathlib.Path(path.removeprefix("disk://"))
        local.parent.mkdir(parents=True, exist_ok=True)
        return local.open("wb")

    def open(self, path, mime_type="", compression_type=CompressionTypes.AUTO):
        return pathlib.Path(path.removeprefix("disk://")).open("rb")

    def rename(self, sources, destinations):
        for source, destination in zip(sources, destinations, strict=True):
            pathlib.Path(source.removeprefix("disk://")).rename(destination.removeprefix("disk://"))

    def exists(self, path):
        return pathlib.Path(path.removeprefix("disk://")).exists()

    def delete(self, paths):
        for match in self.match(paths):
            for found in match.metadata_list:
                pathlib.Path(found.path.removeprefix("disk://")).unlink()

    split = mkdirs = copy = size = last_updated = checksum = None  # nothing of ours asks for these


@pytest.mark.parametrize("name", ["run*", "p[1]", "a?b", "{x,y}"])
def test_a_path_on_another_filesystem_is_a_name_too(tmp_path, name):
    neighbours = ["run1", "p1", "aXb", "x"]
    for directory in (name, *neighbours):
        files.write_bytes(f"disk://{tmp_path}/{directory}/x[0].bin", directory.encode())
    ours = f"disk://{tmp_path}/{name}"
    assert files.list_files(ours) == [f"{ours}/x[0].bin"]
    assert files.read_bytes(f"{ours}/x[0].bin") == name.encode()
    files.delete_files(files.list_files(ours), below=ours)
    assert not files.list_files(str(tmp_path / name))
    assert all((tmp_path / neighbour / "x[0].bin").is_file() for neighbour in neighbours)


def test_a_write_leaves_the_whole_file_and_nothing_else(tmp_path):
    files.write_bytes(str(tmp_path / "new/folder/x"), b"one")
    files.write_bytes(str(tmp_path / "new/folder/x"), b"two")
    assert [p.name for p in (tmp_path / "new/folder").iterdir()] == ["x"]
    assert files.read_bytes(str(tmp_path / "new/folder/x")) == b"two"


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "x"
    files.write_bytes(str(path), b"one")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UserError, match=r"cannot write .*/x: No space left on device"):
        files.write_bytes(str(path), b"two")
    assert path.read_bytes() == b"one" and [*tmp_path.iterdir()] == [path]


def test_a_file_and_its_name_are_on_the_disk_before_the_write_ends(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda number: flushed.append(pathlib.Path(f"/proc/self/fd/{number}").readlink()))
    files.write_bytes(str(tmp_path / "new/x"), b"one")
    assert flushed == [tmp_path, tmp_path / "new/x.partial", tmp_path / "new"]


def test_gzip_files_are_read_as_they_are_stored(tmp_path):
    (tmp_path / "x.gz").write_bytes(b"\x1f\x8bnot really gzip")
    assert files.read_bytes(str(tmp_path / "x.gz")) == b"\x1f\x8bnot really gzip"


@pytest.mark.parametrize("kind", ["missing", "fifo", "device", "directory", "nowhere"])
def test_only_regular_files_are_opened(tmp_path, kind):
    path = tmp_path / "x.wav"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "directory":
        path.mkdir()
    elif kind == "nowhere":
        path.symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match=r"cannot read .*x\.wav: "):
        files.read_bytes(str(path))


def test_bad_json_is_told_by_its_path(tmp_path):
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(UserError, match=r"bad\.json is not JSON"):
        files.read_json(str(tmp_path / "bad.json"))


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError):
        files.write_json(str(tmp_path / "x"), {"loss": float("nan")})


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda root: files.write_bytes(f"{root}/file/x", b""), "cannot make the directory .*/file: File exists|file"),
        (lambda root: files.read_bytes(f"{root}/file/x"), "cannot read .*/file/x: Not a directory"),
        (lambda root: files.write_bytes(f"{root}/{'n' * 300}", b""), "cannot write .*nnn: File name too long"),
        (lambda root: files.list_files("foo://bar"), r"cannot (list|use) foo://bar: .*foo"),
        (lambda root: files.read_bytes("foo://bar"), r"cannot read foo://bar: .*foo"),
        (lambda root: files.write_bytes("foo://bar/x", b""), r"cannot write foo://bar/x: .*foo"),
        (lambda root: files.rename(f"{root}/gone", f"{root}/there"), "cannot rename .*/gone: "),
        (lambda root: files.delete_files([f"{root}/folder"], below=root), "cannot delete .*/folder: Is a directory"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_that_names_the_file(tmp_path, action, message):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=message) as caught:
        action(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_what_is_not_there_can_be_deleted_and_what_is_not_empty_stays(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/x").touch()
    (tmp_path / "a/y").touch()
    files.delete_files([str(tmp_path / "a/b/gone"), str(tmp_path / "a/b/x")], below=str(tmp_path))
    assert not (tmp_path / "a/b").exists() and (tmp_path / "a/y").exists()
    files.delete_files([str(tmp_path / "a/y")], below=str(tmp_path))
    assert tmp_path.exists() and not (tmp_path / "a").exists()


def test_a_link_to_nowhere_is_listed_and_a_folder_behind_a_link_is_not(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x").touch()
    root = tmp_path / "root"
    root.mkdir()
    (root / "lost").symlink_to(pathlib.Path("/nowhere/at/all"))
    (root / "link").symlink_to(tmp_path / "elsewhere")
    assert files.list_files(str(root)) == [str(root / "lost")]


def test_unit_hash_depends_on_its_parts_alone():
    assert unit_hash("speaker", 0, "tess") == unit_hash("speaker", 0, "tess")
    assert unit_hash("ab", "c") != unit_hash("a", "bc")
    values = [unit_hash(number) for number in range(2000)]
    assert min(values) >= 0 and max(values) < 1
    assert abs(sum(values) / len(values) - 0.5) < 0.03


def test_a_file_below_the_working_directory_is_written_and_renamed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files.write_bytes("x", b"one")
    files.write_bytes("new/folder/x", b"two")
    files.rename("x", "y")
    assert files.list_files(".") == ["./new/folder/x", "./y"] and files.read_bytes("y") == b"one"


def test_a_new_name_is_on_the_disk_before_the_renaming_ends(tmp_path, monkeypatch):
    flushed = []
    files.write_bytes(str(tmp_path / "x"), b"one")
    files.make_directory(str(tmp_path / "new"))
    monkeypatch.setattr(os, "fsync", lambda number: flushed.append(pathlib.Path(f"/proc/self/fd/{number}").readlink()))
    files.rename(str(tmp_path / "x"), str(tmp_path / "new/x"))
    assert flushed == [tmp_path / "new"] and (tmp_path / "new/x").read_bytes() == b"one"


def test_json_is_indented_by_a_space_and_ends_with_its_line(tmp_path):
    files.write_json(str(tmp_path / "x"), {"a": [1], "é": None})
    assert (tmp_path / "x").read_bytes() == b'{\n "a": [\n  1\n ],\n "\\u00e9": null\n}\n'
    assert files.read_json(str(tmp_path / "x")) == {"a": [1], "é": None}


def test_json_lines_are_a_row_each_without_nan(tmp_path):
    rows = [{"a": 1}, {"b": [2.5, None]}]
    files.write_json_lines(str(tmp_path / "x"), rows)
    assert (tmp_path / "x").read_text() == '{"a": 1}\n{"b": [2.5, null]}\n'
    assert list(files.read_json_lines(str(tmp_path / "x"))) == rows
    with pytest.raises(ValueError):
        files.write_json_lines(str(tmp_path / "y"), [{"loss": float("nan")}])


@pytest.mark.parametrize(
    ("line", "complaint"), [("{", "line 2, is not JSON"), ("[1]", "line 2, is no JSON object but a list")]
)
def test_a_line_that_is_no_json_object_is_named(tmp_path, line, complaint):
    (tmp_path / "x").write_text('{"a": 1}\n' + line + "\n")
    with pytest.raises(UserError, match=rf"x, {re.escape(complaint)}"):
        list(files.read_json_lines(str(tmp_path / "x")))


@pytest.mark.parametrize("place", ["", "disk://"])
def test_a_folder_is_told_from_a_file(tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/x").touch()
    assert files.is_folder(f"{place}{tmp_path}/folder") and not files.is_folder(f"{place}{tmp_path}/folder/x")
    assert not files.is_folder(f"{place}{tmp_path}/gone")
    assert files.exists(f"{place}{tmp_path}/folder/x") and not files.exists(f"{place}{tmp_path}/gone")


@pytest.mark.parametrize("place", ["", "disk://"])
def test_states_are_of_the_files_that_are_there(tmp_path, place):
    for name, size in (("b[1]", 3), ("a", 5)):
        (tmp_path / name).write_bytes(bytes(size))
        os.utime(tmp_path / name, (1000, 1000 + size))
    asked = [f"{place}{tmp_path}/{name}" for name in ("b[1]", "gone", "a", "a")]
    expected = [(f"{place}{tmp_path}/a", 5, 1005.0), (f"{place}{tmp_path}/b[1]", 3, 1003.0)]
    assert files.read_states(asked) == expected
    assert files.list_file_states(f"{place}{tmp_path}") == expected


def test_states_of_this_machine_and_another_are_read_together(tmp_path):
    (tmp_path / "x").touch()
    paths = [f"disk://{tmp_path}/x", f"{tmp_path}/x"]
    assert [path for path, _, _ in files.read_states(paths)] == sorted(paths)
    assert files.read_states([]) == []


def test_folders_behind_links_are_listed_once_where_that_is_asked_for(tmp_path):
    root = tmp_path / "root"
    for folder in (root / "own", tmp_path / "elsewhere"):
        folder.mkdir(parents=True)
        (folder / "x").touch()
    (tmp_path / "third").mkdir()
    (tmp_path / "third/y").touch()
    links = {"a": root / "own", "b": tmp_path / "elsewhere", "c": tmp_path / "elsewhere", "d": root, "e": "../third"}
    for name, target in links.items():
        (root / name).symlink_to(target)
    found = [path for path, _, _ in files.list_file_states(str(root), follow_links=True)]
    assert found == [str(root / name) for name in ("b/x", "e/y", "own/x")]
    assert files.list_files(str(root)) == [str(root / "own/x")]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("first line\nsecond line"), "first line"),
        (ValueError(), "ValueError"),
        (BeamIOError("3 failed", {"x": OSError(13, "Permission denied"), "y": ValueError("no")}), "Permission denied"),
    ],
)
def test_a_cause_is_told_in_a_few_words(tmp_path, monkeypatch, error, told):
    def fail(*_):
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UserError) as caught:
        files.write_bytes(str(tmp_path / "x"), b"")
    assert str(caught.value) == f"cannot write {tmp_path}/x: {told}"
