import dataclasses
import json
import typing

import pytest

from schemas import run_files as documents
from schemas.errors import UserError
from ser_tinyml.store import run_files

KINDS = [kind for kind in vars(documents).values() if hasattr(kind, "FILE_NAME")]


@pytest.fixture
def board() -> documents.Board:
    gate = documents.Gate("flash", 9.0, bound="at most", threshold=8.0, unit="bytes", passed=False, question="faithful")
    return documents.Board(validated=False, skipped=("RAM",), gates=(gate,), replay=None, cost=None, false_alarms=())


def test_kinds_and_file_names_differ():
    assert len(KINDS) > 1
    assert len({kind.KIND for kind in KINDS}) == len({kind.FILE_NAME for kind in KINDS}) == len(KINDS)


def test_all_of_them_are_frozen():
    for kind in KINDS:
        assert kind.__dataclass_params__.frozen, kind.__name__


def test_what_was_written_is_read(board, tmp_path):
    run_files.write(board, str(tmp_path))
    assert run_files.read(documents.Board, str(tmp_path)) == board


def test_the_demos_files_are_read_and_written_again_byte_for_byte(demo_root, tmp_path):
    places = [
        (".", "lineage.json"),
        ("manifest", "artifact.json"),
        ("manifest", "summary.json"),
        ("examples", "dataset.json"),
    ]
    places += [
        ("model", "training.json"),
        ("export", "export.json"),
        ("evaluation", "evaluation.json"),
        ("board", "board.json"),
    ]
    for folder, name in places:
        (kind,) = (kind for kind in KINDS if name == kind.FILE_NAME)
        run_files.write(run_files.read(kind, str(demo_root / folder)), str(tmp_path))
        assert (tmp_path / kind.FILE_NAME).read_bytes() == (demo_root / folder / kind.FILE_NAME).read_bytes()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"kind": "cake"}, "is no board validation: it does not say that it is one"),
        ({"version": 99}, "a board validation of version 99, this program reads version 4: run its step again"),
        ({"validated": "yes"}, "is no board validation: validated: Input should be a valid boolean"),
        ({"gates": [{"name": "flash"}]}, "is no board validation: gates.0.value: Field required"),
        ({"replay": 3}, "is no board validation: replay"),
    ],
)
def test_a_file_that_is_not_one_is_told(board, tmp_path, change, complaint):
    run_files.write(board, str(tmp_path))
    stored = json.loads((tmp_path / "board.json").read_text())
    (tmp_path / "board.json").write_text(json.dumps(stored | change))
    with pytest.raises(UserError, match=complaint):
        run_files.read(documents.Board, str(tmp_path))


@pytest.mark.parametrize("content", ["", "[]", "{", "3"])
def test_what_is_no_document_is_told(tmp_path, content):
    (tmp_path / "board.json").write_text(content)
    with pytest.raises(UserError, match=r"board\.json"):
        run_files.read(documents.Board, str(tmp_path))


def test_a_missing_field_is_named(board, tmp_path):
    run_files.write(board, str(tmp_path))
    stored = json.loads((tmp_path / "board.json").read_text())
    for name in typing.get_type_hints(documents.Board):
        if name in {field.name for field in dataclasses.fields(documents.Board)}:
            rest = {key: value for key, value in stored.items() if key != name}
            (tmp_path / "board.json").write_text(json.dumps(rest))
            with pytest.raises(UserError, match=f"{name}: Field required"):
                run_files.read(documents.Board, str(tmp_path))
