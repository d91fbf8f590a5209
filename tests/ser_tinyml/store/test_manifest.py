import dataclasses
import json

import pytest

from schemas.errors import UserError
from schemas.manifest import ManifestRow
from ser_tinyml.store.manifest import find_foreign_value, list_domains, parse_row, read_manifest, write_manifest

ROW = ManifestRow("ab" * 32, "x.wav", "tess", "OAF", "happy", "happy", "train", 2.0, 24414, False)


def test_rows_survive_storage_in_the_order_of_their_ids(tmp_path):
    other = ManifestRow("0f" * 32, "y.wav", "savee", "DC", "sad", "unpleasant", "test", 3.25, 44100, True)
    write_manifest(str(tmp_path / "m.jsonl"), [ROW, other])
    assert list(read_manifest(str(tmp_path / "m.jsonl"))) == [other, ROW]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"duration": "2"}, "duration is '2', expected float"),
        ({"synthetic": 1}, "synthetic is 1, expected bool"),
        ({"sample_rate": True}, "sample_rate is True, expected int"),
        ({"colour": "red"}, "'colour' is unexpected"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(tmp_path, change, complaint):
    path = tmp_path / "m.jsonl"
    path.write_text(json.dumps(ROW.to_dict()) + "\n" + json.dumps(ROW.to_dict() | change) + "\n")
    with pytest.raises(UserError, match=f"line 2: .*{complaint}"):
        list(read_manifest(str(path)))


def test_a_part_of_a_recording_survives_storage(tmp_path):
    part = dataclasses.replace(ROW, file_sha256="cd" * 32, start=0.5, end=1.25)
    write_manifest(str(tmp_path / "m.jsonl"), [part])
    assert list(read_manifest(str(tmp_path / "m.jsonl"))) == [part]


def test_a_value_outside_its_domain_is_named():
    domains = {"label": ("happy",), "split": ("train",)}
    assert find_foreign_value(ROW, domains) is None
    wrong = dataclasses.replace(ROW, split="dev")
    assert find_foreign_value(wrong, domains) == "split is 'dev', expected one of train"


def test_a_missing_field_is_named(tmp_path):
    document = ROW.to_dict()
    del document["speaker"]
    (tmp_path / "m.jsonl").write_text(json.dumps(document))
    with pytest.raises(UserError, match="'speaker' is missing"):
        list(read_manifest(str(tmp_path / "m.jsonl")))


def test_whole_seconds_are_seconds_and_what_is_known_of_some_may_be_there():
    document = ROW.to_dict() | {"duration": 2, "sex": "female"}
    assert parse_row(document) == dataclasses.replace(ROW, duration=2, sex="female")
    with pytest.raises(UserError, match="'end' is missing"):
        parse_row(document | {"file_sha256": "cd" * 32, "start": 0.0})


def test_the_domains_are_those_of_the_summary(write_summary, tmp_path):
    domains = list_domains(write_summary(tmp_path / "m.jsonl"))
    assert find_foreign_value(dataclasses.replace(ROW, split="per_copy"), domains) is None
    for name in ("corpus", "emotion", "label", "split"):
        told = find_foreign_value(dataclasses.replace(ROW, **{name: "odd"}), domains)
        assert told.startswith(f"{name} is 'odd', expected one of ") and getattr(ROW, name) in told
