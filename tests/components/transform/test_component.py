import hashlib
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from components.transform import component
from schemas.artifacts import UserError
from schemas.example import read_split, violations
from schemas.labels import LABELS
from schemas.manifest import ManifestRow, read_manifest, write_manifest

SPEAKERS = {"01": "train", "02": "train", "03": "validation", "04": "test"}
EMOTIONS = {"calm": "neutral", "happy": "happy", "surprised": "surprise", "sad": "unpleasant"}


@pytest.fixture
def manifest(tmp_path, write_speech) -> str:
    """Sixteen clips of four speakers."""
    rows = []
    for speaker, split in SPEAKERS.items():
        for emotion, label in EMOTIONS.items():
            path = write_speech(f"{speaker}-{emotion}.wav", seconds=2.0 if speaker == "01" else 1.5)
            clip_id = hashlib.sha256(path.read_bytes()).hexdigest()
            rows.append(ManifestRow(clip_id, str(path), "ravdess", speaker, emotion, label, split, 2.0, 16000, False))
    write_manifest(str(tmp_path / "manifest.jsonl"), rows)
    return str(tmp_path / "manifest.jsonl")


def run(manifest, name="examples", beam_options=(), **parameters) -> pathlib.Path:
    output = pathlib.Path(manifest).with_name(name)
    component.run(str(output), component.Parameters(**parameters), manifest, list(beam_options))
    return output


def read_json(output, name):
    return json.loads((output / name).read_text())


def test_training_clips_have_copies_and_the_others_a_clean_and_a_noisy_one(manifest):
    output = run(manifest)
    counts = {name: split["examples"] for name, split in read_json(output, "dataset.json")["splits"].items()}
    assert counts == {"train": 24, "validation": 4, "test": 4, "validation_noisy": 4, "test_noisy": 4}
    assert {e.augmentation for e in read_split(str(output), "test")} == {"clean"}
    assert {e.augmentation for e in read_split(str(output), "test_noisy")} == {"amplitude_noise:0.5"}


def test_records_satisfy_the_schema_and_say_whose_they_are(manifest):
    output = run(manifest)
    paths = sorted(map(str, output.glob("*.tfrecord.gz")))
    records = list(tf.data.TFRecordDataset(paths, compression_type="GZIP").as_numpy_iterator())
    assert len(records) == 40
    assert [v for record in records for v in violations(record)] == []
    rows = {row.clip_id: row for row in read_manifest(manifest)}
    for example in read_split(str(output), "train"):
        row = rows[example.clip_id]
        assert (example.speaker, example.emotion, LABELS[example.label]) == (row.speaker, row.emotion, row.label)


def test_bytes_do_not_depend_on_the_manifests_order(manifest):
    first = run(manifest, "first")
    path = pathlib.Path(manifest)
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    second = run(manifest, "second")
    for file in sorted(first.iterdir()):
        assert file.read_bytes() == (second / file.name).read_bytes(), file.name


@pytest.mark.parametrize(
    "beam_options",
    [
        ["--runner=DirectRunner"],
        ["--direct_running_mode=multi_threading", "--direct_num_workers=2"],
        ["--direct_running_mode=multi_processing", "--direct_num_workers=2"],
    ],
    ids=lambda options: options[0].split("=")[1],
)
def test_bytes_do_not_depend_on_runner_or_workers(manifest, beam_options):
    expected, found = run(manifest, "expected"), run(manifest, "found", beam_options)
    for file in sorted(expected.iterdir()):
        assert file.read_bytes() == (found / file.name).read_bytes(), file.name


def test_digest_does_not_depend_on_shards_and_depends_on_the_records(manifest):
    digests = [
        read_json(run(manifest, name, **parameters), "dataset.json")["digest"]
        for name, parameters in (("a", {"num_shards": 1}), ("b", {"num_shards": 16}), ("c", {"crop": ("0.3:1.8",)}))
    ]
    assert digests[0] == digests[1] != digests[2]


def test_a_shard_without_records_is_still_there(manifest):
    output = run(manifest, num_shards=16)
    assert len(list(output.glob("test-*-of-00016.tfrecord.gz"))) == 16
    assert len(read_split(str(output), "test")) == 4


def test_standardisation_is_that_of_the_training_records(manifest):
    output = run(manifest)
    frames = np.concatenate([e.mfcc for e in read_split(str(output), "train")]).astype(np.float64)
    constants = read_json(output, "dataset.json")["standardisation"]
    np.testing.assert_allclose(constants["mean"], frames.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(constants["deviation"], frames.std(axis=0), atol=1e-5)


def test_what_cannot_be_decoded_is_quarantined_and_counted(manifest, tmp_path):
    (tmp_path / "01-calm.wav").write_text("no audio any more")
    (tmp_path / "02-sad.wav").unlink()
    (tmp_path / "04-happy.wav").write_bytes(b"")
    output = run(manifest)
    statistics = read_json(output, "statistics.json")
    assert statistics["quarantined"] == {"empty_file": 1, "not_audio": 1, "not_found": 1}
    assert statistics["decoded"] + 3 == statistics["manifest_rows"] == 16
    rows = [json.loads(line) for line in (output / "quarantine.jsonl").read_text().splitlines()]
    assert {pathlib.Path(row["path"]).name: row["reason"] for row in rows} == {
        "01-calm.wav": "not_audio",
        "02-sad.wav": "not_found",
        "04-happy.wav": "empty_file",
    }


def test_per_copy_rows_spread_a_clips_copies_over_the_splits(manifest):
    path = pathlib.Path(manifest)
    text = path.read_text()
    for split in set(SPEAKERS.values()):
        text = text.replace(f'"split": "{split}"', '"split": "per_copy"')
    path.write_text(text)
    output = run(manifest, augment=("notebook",), validation_fraction=0.3, test_fraction=0.3)
    dataset = read_json(output, "dataset.json")
    assert dataset["protocol"] == "notebook"
    assert sum(split["examples"] for split in dataset["splits"].values()) == 2 * len(EMOTIONS) * len(SPEAKERS)
    train = {e.clip_id for e in read_split(str(output), "train")}
    assert train & {e.clip_id for e in read_split(str(output), "test")}, "the leak that the protocol is known for"


def test_a_run_replaces_the_shards_of_the_run_before(manifest):
    run(manifest, num_shards=3)
    output = run(manifest, num_shards=2)
    assert {path.name.split("-of-")[1] for path in output.glob("*.tfrecord.gz")} == {"00002.tfrecord.gz"}


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"crop": ("1.9:0.4",)}, "--crop=1.9:0.4"),
        ({"crop": ("iemocap:0:1",)}, "--crop=iemocap:0:1"),
        ({"crop": ("soon:late",)}, "--crop=soon:late"),
        ({"num_shards": 0}, "--num_shards=0"),
        ({"load_rate": -1}, "--load_rate=-1"),
        ({"augment": ("echo",)}, "unknown 'echo'"),
    ],
)
def test_wrong_flags_are_named(manifest, parameters, complaint):
    with pytest.raises(UserError, match=complaint):
        run(manifest, **parameters)


def test_crops_may_differ_by_corpus(manifest):
    both = read_json(run(manifest, "a", crop=("0.4:1.9", "ravdess:0.2:1.2")), "dataset.json")["digest"]
    own = read_json(run(manifest, "b", crop=("0.2:1.2",)), "dataset.json")["digest"]
    assert both == own


def test_padding_frames_do_not_count_in_the_standardisation(manifest):
    output = run(manifest, padding="features", crop=("0.4:1.0",), augment=("none",))
    frames = np.concatenate([e.mfcc for e in read_split(str(output), "train")]).astype(np.float64)
    padding = ~frames.any(axis=1)
    assert padding.sum() == 8 * (47 - 19)
    constants = read_json(output, "dataset.json")["standardisation"]
    np.testing.assert_allclose(constants["mean"], frames[~padding].mean(axis=0), atol=1e-6)
