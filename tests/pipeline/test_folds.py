"""A cross-validation as a user runs it: three trainings."""

import collections
import json

import pytest

pytestmark = pytest.mark.slow


def test_each_ravdess_speaker_is_tested_once_and_a_corpus_that_is_left_out_whole(demo_flags, tmp_path, run):
    few = ["--augment=clean", "--lstm_units=16", "--epochs=1", "--batch_size=16"]
    folds = ["--folds=2", "--leave_out=savee"]
    result = run("pipeline.run", *demo_flags, *few, *folds, f"--pipeline_root={tmp_path}", check=False)
    document = json.loads((tmp_path / "cross_validation/cross_validation.json").read_text())
    assert [*document["blessed"]] == ["1/2", "2/2", "savee"], result.stdout + result.stderr
    assert result.returncode == 0 or "not blessed" in result.stderr

    tested = collections.Counter()
    for fold in ("1-of-2", "2-of-2"):
        root = tmp_path / "folds" / fold
        rows = [json.loads(line) for line in (root / "manifest/manifest.jsonl").read_text().splitlines()]
        predictions = [json.loads(line) for line in (root / "evaluation/predictions.jsonl").read_text().splitlines()]
        assert len(predictions) == sum(row["split"] == "test" for row in rows)
        heard = {(row["corpus"], row["speaker"]) for row in rows if row["split"] != "test"}
        assert heard.isdisjoint((row["corpus"], row["speaker"]) for row in rows if row["split"] == "test")
        tested.update(row["clip_id"] for row in rows if row["split"] == "test" and row["corpus"] == "ravdess")
    every = {row["clip_id"] for row in rows if row["corpus"] == "ravdess"}
    assert set(tested) == every and set(tested.values()) == {1}
    assert document["models"]["int8"]["by_corpus"]["ravdess"]["clips"] == len(every)

    rows = [json.loads(line) for line in (tmp_path / "folds/savee/manifest/manifest.jsonl").read_text().splitlines()]
    assert {row["corpus"] for row in rows if row["split"] == "test"} == {"savee"}
    assert not any(row["corpus"] == "savee" for row in rows if row["split"] != "test")
    assert set(document["left_out"]) == {"savee"}
