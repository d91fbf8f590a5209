import json
import re

import pytest

from schemas.errors import UserError
from ser_tinyml.store import artifact, files
from ser_tinyml.store.lock import LOCK

MAKES = re.compile(r"model\.h5|(logs|backup)/.*")


@pytest.fixture
def made(tmp_path):
    """A folder in which a step has made a model and a log."""
    folder = tmp_path / "model"
    artifact.begin(str(folder), "trainer", MAKES)
    for name in ("model.h5", "logs/today"):
        files.write_text(str(folder / name), name)
    artifact.finish(str(folder), "trainer", MAKES, varies="logs")
    return folder


def rewrite(folder, before, after):
    record = folder / "artifact.json"
    assert before in record.read_text()
    record.write_text(record.read_text().replace(before, after))


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_what_the_step_made_is_verified_and_has_a_digest(made):
    digest = artifact.verify(str(made))
    assert digest == artifact.digest(str(made)) == artifact.verify(f"{made}/") and len(digest) == 64


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda folder: (folder / "model.h5").write_text("model.h6"), r"model\.h5 is not as trainer left it"),
        (lambda folder: (folder / "model.h5").write_text(""), r"model\.h5 is not as trainer left it"),
        (lambda folder: (folder / "model.h5").unlink(), r"model\.h5 is missing: run trainer again"),
        (lambda folder: (folder / "artifact.json").unlink(), "is no step's finished work"),
        (lambda folder: (folder / "artifact.json").write_text("{"), r"artifact\.json is not JSON"),
        (lambda folder: (folder / "artifact.json").write_text("[]"), r"artifact\.json is no artifact"),
        (lambda folder: rewrite(folder, "logs/today", "logs/todax"), r"artifact\.json is not as trainer left it"),
        (lambda folder: rewrite(folder, '"trainer"', '"trainor"'), r"artifact\.json is not as trainor left it"),
        (lambda folder: artifact.begin(str(folder), "trainer", MAKES), "is not finished: run trainer again"),
    ],
)
def test_what_is_not_as_the_step_left_it_is_told(made, damage, complaint):
    damage(made)
    with pytest.raises(UserError, match=complaint):
        artifact.verify(str(made))


def test_logs_are_not_verified_and_change_no_digest(made):
    digest = artifact.digest(str(made))
    (made / "logs/today").write_text("another")
    assert artifact.verify(str(made)) == digest


def test_the_next_run_deletes_what_this_one_made(made):
    artifact.begin(str(made), "trainer", MAKES)
    assert names_in(made) == ["artifact.json"] and not (made / "logs").exists()


def test_a_run_that_was_killed_knows_its_leavings(tmp_path):
    folder = str(tmp_path / "model")
    artifact.begin(folder, "trainer", MAKES)
    for name in ("model.h5", "model.h5.partial", "backup/1", "backup/2.partial"):
        files.write_text(files.join(folder, name), name)
    artifact.begin(folder, "trainer", MAKES, keeps="backup")
    assert names_in(tmp_path / "model") == ["artifact.json", "backup/1", "backup/2.partial"]
    artifact.begin(folder, "trainer", MAKES)
    assert names_in(tmp_path / "model") == ["artifact.json"]


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("name", ["notes.txt", "logs2/x", ".hidden", "sub/model.h5", "model.h5.bak"])
def test_what_the_step_did_not_make_is_named_and_kept(made, finished, name):
    if not finished:
        artifact.begin(str(made), "trainer", MAKES)
        files.write_text(str(made / "model.h5"), "half")
    files.write_text(str(made / name), "mine")
    before = names_in(made)
    with pytest.raises(UserError, match=rf"holds what trainer did not make there: '{re.escape(name)}'; nothing"):
        artifact.begin(str(made), "trainer", MAKES)
    assert names_in(made) == before


def test_a_folder_without_a_record_and_another_steps_folder_are_foreign(made, tmp_path):
    with pytest.raises(UserError, match="holds what exporter did not make there"):
        artifact.begin(str(made), "exporter", MAKES)
    mine = tmp_path / "mine"
    for number in range(8):
        files.write_text(str(mine / f"{number}.h5"), "mine")
    with pytest.raises(UserError, match=r"'0\.h5', '1\.h5', '2\.h5', '3\.h5', '4\.h5' and 3 more"):
        artifact.begin(str(mine), "trainer", MAKES)
    files.write_text(str(tmp_path / "theirs/model.h5"), "a model of the same name")
    with pytest.raises(UserError, match=r"'model\.h5'"):
        artifact.begin(str(tmp_path / "theirs"), "trainer", MAKES)


def test_a_damaged_record_is_that_of_a_run_that_did_not_finish(made):
    (made / "artifact.json").write_text('{"kind": "art')
    artifact.begin(str(made), "trainer", MAKES)
    assert names_in(made) == ["artifact.json"]
    assert json.loads((made / "artifact.json").read_text())["finished"] is False


def test_five_foreign_files_are_all_named(tmp_path):
    for number in range(5):
        files.write_text(str(tmp_path / f"{number}.h5"), "mine")
    with pytest.raises(UserError, match=r"'0\.h5', '1\.h5', '2\.h5', '3\.h5', '4\.h5'; nothing"):
        artifact.begin(str(tmp_path), "trainer", MAKES)


def test_a_record_may_name_its_files_in_any_order(tmp_path):
    folder = tmp_path / "model"
    artifact.begin(str(folder), "trainer", MAKES)
    for name in ("model.h5", "logs/1", "logs/2"):
        files.write_text(str(folder / name), name)
    artifact.finish(str(folder), "trainer", MAKES)
    digest = artifact.verify(str(folder))
    record = json.loads((folder / "artifact.json").read_text())
    assert list(record["files"]) == ["logs/1", "logs/2", "model.h5"]
    record["files"] = dict(reversed(record["files"].items()))
    (folder / "artifact.json").write_text(json.dumps(record))
    assert artifact.verify(str(folder)) == digest


def test_what_lies_beside_a_folder_that_varies_is_verified(tmp_path):
    folder = tmp_path / "model"
    artifact.begin(str(folder), "trainer", MAKES)
    for name in ("logs/1", "backup/1"):
        files.write_text(str(folder / name), name)
    artifact.finish(str(folder), "trainer", MAKES, varies="back")
    (folder / "backup/1").write_text("another")
    with pytest.raises(UserError, match=r"backup/1 is not as trainer left it"):
        artifact.verify(str(folder))


def test_a_lock_is_nobodys_work(made):
    (made / LOCK).write_text("held")
    artifact.finish(str(made), "trainer", MAKES, varies="logs")
    artifact.begin(str(made), "trainer", MAKES)
    assert names_in(made) == ["artifact.json", LOCK]
    assert artifact.is_recorded(str(made)) and not artifact.is_recorded(str(made / "logs"))
