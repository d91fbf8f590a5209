import dataclasses
import hashlib
import json
import pathlib
import shutil

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from components.transform import component, job
from schemas.classes import PRESETS
from schemas.errors import UserError
from schemas.front_end import FrontEnd
from schemas.manifest import ManifestRow
from schemas.run_files import Dataset, ManifestSummary, Shards
from ser_tinyml.audio.mfcc import compute_mfcc
from ser_tinyml.store import run_files
from ser_tinyml.store.dataset import decode, read_audio, read_split
from ser_tinyml.store.manifest import read_manifest, write_manifest

SPEAKERS = {"01": "train", "02": "train", "03": "validation", "04": "test"}
EMOTIONS = {"calm": "neutral", "happy": "happy", "surprised": "surprise", "sad": "unpleasant"}


FLAGS = {
    "crop": ("0.4:1.9",),
    "windows": "crop",
    "augment": ("clean", "snr_noise:5:30", "time_stretch:0.8|pitch_shift:0.7|snr_noise:5:30"),
}


@pytest.fixture
def manifest(tmp_path, write_speech, write_summary) -> str:
    """Sixteen clips of four speakers."""
    rows = []
    for speaker, split in SPEAKERS.items():
        for emotion, label in EMOTIONS.items():
            path = write_speech(f"{speaker}-{emotion}.wav", seconds=2.0 if speaker == "01" else 1.5)
            clip_id = hashlib.sha256(path.read_bytes()).hexdigest()
            rows.append(ManifestRow(clip_id, str(path), "ravdess", speaker, emotion, label, split, 2.0, 16000, False))
    write_manifest(str(tmp_path / "manifest.jsonl"), rows)
    write_summary(tmp_path / "manifest.jsonl")
    return str(tmp_path / "manifest.jsonl")


def run(manifest, name="examples", **parameters) -> pathlib.Path:
    """Runs the step with the crop as its window and three copies, unless a test asks for something else."""
    output = pathlib.Path(manifest).with_name(name)
    component.run(str(output), component.Parameters(**(FLAGS | parameters)), manifest=str(manifest))
    return output


def change_rows(manifest, change) -> None:
    """Rewrites a manifest with `change(row)` done to each row, a dictionary."""
    path = pathlib.Path(manifest)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        change(row)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def take_as_they_are(manifest) -> None:
    """Rewrites a manifest so that its recordings are expected to be as they are now."""

    def change(row):
        row["clip_id"] = hashlib.sha256(pathlib.Path(row["path"]).read_bytes()).hexdigest()

    change_rows(manifest, change)


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
    paths = sorted(str(path) for path in output.glob("*.tfrecord.gz") if "audio" not in path.name)
    records = list(tf.data.TFRecordDataset(paths, compression_type="GZIP").as_numpy_iterator())
    assert len(records) == 40
    summary = run_files.read(ManifestSummary, str(pathlib.Path(manifest).parent))
    schema = component.make_schema(component.Parameters().make_front_end(), summary)
    assert [v for record in records for v in schema.find_violations(decode(record))] == []
    rows = {row.clip_id: row for row in read_manifest(manifest)}
    for example in read_split(str(output), "train"):
        row = rows[example.clip_id]
        assert (example.speaker, example.emotion) == (row.speaker, row.emotion)
        assert PRESETS["four"].labels[example.label] == row.label


def test_bytes_do_not_depend_on_the_manifests_order(manifest):
    first = run(manifest, "first")
    path = pathlib.Path(manifest)
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    second = run(manifest, "second")
    for file in sorted(first.iterdir()):
        assert file.read_bytes() == (second / file.name).read_bytes(), file.name


def test_the_digest_depends_on_the_records(manifest):
    digests = [
        read_json(run(manifest, name, crop=crop), "dataset.json")["digest"]
        for name, crop in (("a", ("0.4:1.9",)), ("b", ("0.3:1.8",)))
    ]
    assert digests[0] != digests[1]


def test_records_without_compression_are_the_same(manifest):
    compressed, plain = run(manifest, "a"), run(manifest, "b", compression="none")
    assert {path.suffix for path in plain.glob("train-*")} == {".tfrecord"}
    for first, second in zip(read_split(str(compressed), "train"), read_split(str(plain), "train"), strict=True):
        np.testing.assert_array_equal(first.features, second.features)
        one, other = (dataclasses.replace(example, mfcc=None, prosody=None) for example in (first, second))
        assert one == other


def test_a_shard_without_records_is_still_there(manifest):
    output = run(manifest, num_shards=16)
    assert len(list(output.glob("test-*-of-00016.tfrecord.gz"))) == 16
    assert len(read_split(str(output), "test")) == 4


def test_standardisation_is_that_of_the_training_records(manifest):
    output = run(manifest)
    frames = np.concatenate([e.features for e in read_split(str(output), "train")]).astype(np.float64)
    constants = read_json(output, "dataset.json")["standardisation"]
    np.testing.assert_allclose(constants["mean"], frames.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(constants["deviation"], frames.std(axis=0), atol=1e-5)


def test_what_cannot_be_decoded_is_quarantined_and_counted(manifest, tmp_path):
    (tmp_path / "01-calm.wav").write_text("no audio any more")
    (tmp_path / "01-happy.wav").write_bytes(b"")
    take_as_they_are(manifest)
    (tmp_path / "02-sad.wav").unlink()
    (tmp_path / "02-surprised.wav").write_bytes((tmp_path / "01-surprised.wav").read_bytes())
    output = run(manifest, max_quarantine_fraction=0.25)
    statistics = read_json(output, "statistics.json")
    assert statistics["quarantined"] == {"empty_file": 1, "not_audio": 1, "not_found": 1, "changed": 1}
    assert statistics["decoded"] + 4 == statistics["manifest_rows"] == 16
    rows = [json.loads(line) for line in (output / "quarantine.jsonl").read_text().splitlines()]
    assert {pathlib.Path(row["path"]).name: row["reason"] for row in rows} == {
        "01-calm.wav": "not_audio",
        "02-sad.wav": "not_found",
        "01-happy.wav": "empty_file",
        "02-surprised.wav": "changed",
    }


def test_a_sample_far_beyond_full_scale_is_quarantined(manifest, tmp_path):
    samples, rate = soundfile.read(tmp_path / "01-happy.wav", dtype="float32")
    samples[rate] = 1e30
    soundfile.write(tmp_path / "01-happy.wav", samples, rate, subtype="FLOAT")
    take_as_they_are(manifest)
    output = run(manifest, max_quarantine_fraction=0.1)
    assert read_json(output, "statistics.json")["quarantined"] == {"overflow": 1}


def test_too_large_a_quarantine_fails_the_job(manifest, tmp_path):
    (tmp_path / "01-calm.wav").write_text("no audio any more")
    take_as_they_are(manifest)
    with pytest.raises(UserError, match=r"1 of 16 clips are in quarantine.* 1 not_audio; see .*quarantine\.jsonl"):
        run(manifest)
    output = tmp_path / "examples"
    assert read_json(output, "statistics.json")["quarantined"] == {"not_audio": 1}
    assert not (output / "dataset.json").exists()


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("{", "Expecting property name"),
        ("[1, 2]", "expected an object, found list"),
        ('{"clip_id": "x", "path": "y.wav"}', "is missing"),
    ],
)
def test_a_line_that_is_no_row_is_quarantined(manifest, tmp_path, line, detail):
    with (tmp_path / "manifest.jsonl").open("a") as file:
        file.write(line + "\n")
    output = run(manifest, max_quarantine_fraction=0.1)
    (row,) = (json.loads(text) for text in (output / "quarantine.jsonl").read_text().splitlines())
    assert row["reason"] == "invalid_row" and detail in row["detail"]
    statistics = read_json(output, "statistics.json")
    assert (statistics["manifest_rows"], statistics["decoded"]) == (17, 16)


def test_metrics_and_statistics_say_the_same(manifest, tmp_path):
    (tmp_path / "01-calm.wav").unlink()
    parameters = component.Parameters(**FLAGS)
    result = job.run_job(
        manifest,
        output=str(tmp_path / "out"),
        settings=component.make_settings(parameters, run_files.read(ManifestSummary, str(tmp_path)), manifest),
        options=component.make_options([]),
    )
    counters = {c.key.metric.name: c.committed for c in result.metrics().query()["counters"]}
    statistics = read_json(tmp_path / "out", "statistics.json")
    assert counters == {
        "manifest_rows": 16,
        "clips_decoded": 15,
        "clips_quarantined_not_found": 1,
        "examples_made": 37,
    }
    assert (statistics["manifest_rows"], statistics["decoded"], statistics["written"]) == (16, 15, 41)
    assert sum(split["examples"] for split in statistics["splits"].values()) == 37
    assert statistics["audio"] == 4


def test_a_record_or_a_row_that_is_lost_is_noticed():
    statistics = {"manifest_rows": 3, "decoded": 2, "written": 5, "splits": {"train": {"examples": 4}}, "audio": 1}
    component._check_counts(statistics, quarantined=1)
    with pytest.raises(RuntimeError, match="3 manifest rows in, 2 decoded and 0 quarantined out"):
        component._check_counts(statistics, quarantined=0)
    with pytest.raises(RuntimeError, match="made 5 records, but 3 were written"):
        component._check_counts({**statistics, "written": 3}, quarantined=1)


def test_statistics_count_by_label_corpus_speaker_emotion_and_time(manifest):
    statistics = read_json(run(manifest, augment=("none",)), "statistics.json")["splits"]["train"]
    assert statistics["labels"] == dict.fromkeys(PRESETS["four"].labels, 2)
    assert statistics["corpora"] == {"ravdess": 8}
    assert statistics["speakers"] == {"ravdess/01": 4, "ravdess/02": 4}
    assert statistics["emotions"] == dict.fromkeys(sorted(EMOTIONS), 2)
    assert statistics["recording_seconds"] == {"mean": 1.75, "minimum": 1.5, "maximum": 2.0}


def break_label(row):
    if row["speaker"] == "02":
        row["label"] = "bored"


def break_class(row):
    if row["split"] == "test" and row["label"] == "happy":
        row["label"] = "neutral"


def break_emotion(row):
    if row["speaker"] == "01" and row["label"] == "happy":
        row["emotion"] = "fearful"


def break_split(row):
    if row["speaker"] == "02" and row["label"] == "happy":
        row["split"] = "test"


def break_protocol(row):
    row["split"] = "per_copy"


@pytest.mark.parametrize(
    ("change", "anomaly"),
    [
        (break_label, r"label is 'bored', expected one of neutral, happy, .* \(4 manifest rows\)"),
        (break_class, "test has no example of the class happy"),
        (break_emotion, r"emotion is 'fearful', expected one of neutral, .* \(1 manifest rows\)"),
        (break_split, "train and test share ravdess/02"),
        (break_protocol, r"split is 'per_copy': 'per_copy' and --split=notebook go together \(16 manifest rows\)"),
    ],
)
def test_an_anomaly_in_the_manifest_stops_the_pipeline(manifest, change, anomaly):
    change_rows(manifest, change)
    with pytest.raises(UserError, match=anomaly):
        run(manifest, max_quarantine_fraction=1.0)
    output = pathlib.Path(manifest).with_name("examples")
    assert read_json(output, "statistics.json")["anomalies"]
    assert not (output / "dataset.json").exists()


@pytest.mark.parametrize(
    ("change", "anomaly"),
    [
        ({"labels": PRESETS["four"].labels[:2]}, r"label is 3, expected 0 to 1 \(10 records\)"),
        (
            {"front_end": dataclasses.replace(FrontEnd(), window_samples=16_000)},
            r"mfcc is float32 \[47, 13\], expected float32 \[32, 13\] \(40 records\)",
        ),
    ],
)
def test_every_record_is_held_to_the_schema_in_the_job(manifest, monkeypatch, change, anomaly):
    """The schema is that of other classes, or of another front end, than the records are made with."""
    summary = run_files.read(ManifestSummary, str(pathlib.Path(manifest).parent))
    other = dataclasses.replace(component.make_schema(FrontEnd(), summary), **change)
    monkeypatch.setattr(component, "make_schema", lambda front_end, summary: other)
    with pytest.raises(UserError, match=anomaly):
        run(manifest)


def test_a_coefficient_off_its_range_stops_the_pipeline(manifest, tmp_path):
    samples, rate = soundfile.read(tmp_path / "01-happy.wav", dtype="float32")
    soundfile.write(tmp_path / "01-happy.wav", samples * 1e6, rate, subtype="FLOAT")
    take_as_they_are(manifest)
    with pytest.raises(UserError, match=r"mfcc has a value that is not in -?\d+ to \d+ \(\d records\)"):
        run(manifest, max_clipped_fraction=1.0)


def test_shared_speakers_are_no_anomaly_where_the_split_is_by_clip(manifest, write_summary):
    change_rows(manifest, break_split)
    write_summary(manifest, protocol="clip")
    assert read_json(run(manifest), "statistics.json")["anomalies"] == []


def test_per_copy_rows_spread_a_clips_copies_over_the_splits(manifest, write_summary):
    change_rows(manifest, break_protocol)
    write_summary(manifest, protocol="notebook")
    output = run(manifest, augment=("notebook",))
    dataset = read_json(output, "dataset.json")
    assert sum(split["examples"] for split in dataset["splits"].values()) == 2 * len(EMOTIONS) * len(SPEAKERS)
    train = {e.clip_id for e in read_split(str(output), "train")}
    assert train & {e.clip_id for e in read_split(str(output), "test")}, "the leak that the protocol is known for"


def test_recorded_noise_changes_the_records_by_its_content_alone(manifest, write_speech):
    digests = []
    for folder, name in (("a", "street"), ("b", "street"), ("c", "train")):
        noise = write_speech(f"{folder}/noise.wav", seconds=4.0)
        noise.write_bytes(write_speech(f"{name}.wav", seconds=4.0).read_bytes())
        output = run(manifest, f"out-{folder}", augment=("recorded_noise:0:20",), noise_dir=str(noise.parent))
        digests.append(read_json(output, "dataset.json")["digest"])
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("name", ["p[1]*", "{x} ?\\", "two\nlines", "речь 漢字"])
def test_noise_manifest_and_output_may_have_any_name(manifest, tmp_path, write_speech, name):
    write_speech("noise/street.wav", seconds=3.0)
    flags = {"augment": ("clean", "recorded_noise:0:10")}
    expected = read_json(run(manifest, noise_dir=str(tmp_path / "noise"), **flags), "dataset.json")["digest"]
    folder = tmp_path / name
    folder.mkdir()
    shutil.move(tmp_path / "noise", folder / "noise")
    for file in ("manifest.jsonl", "summary.json"):
        shutil.move(tmp_path / file, folder)
    output = run(folder / "manifest.jsonl", noise_dir=str(folder / "noise"), **flags)
    assert read_json(output, "dataset.json")["digest"] == expected
    assert len(read_split(str(output), "train")) == 16


def test_a_run_replaces_the_shards_of_the_run_before(manifest):
    run(manifest, num_shards=3)
    output = run(manifest, num_shards=2)
    assert {path.name.split("-of-")[1] for path in output.glob("*.tfrecord.gz")} == {"00002.tfrecord.gz"}


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"crop": ("1.9:0.4",)}, "--crop=1.9:0.4"),
        ({"crop": ("iemocap:0:1",)}, "--crop=iemocap:.*no clip is of that corpus"),
        ({"crop": ("soon:late",)}, "--crop=soon:late"),
        ({"num_shards": 0}, "--num_shards=0"),
        ({"load_rate": -1}, "--load_rate=-1"),
        ({"max_quarantine_fraction": 1.5}, "--max_quarantine_fraction=1.5"),
        ({"max_clipped_fraction": -0.1}, "--max_clipped_fraction=-0.1"),
        ({"max_channels": 0}, "--max_channels=0"),
        ({"noisy": "default"}, "--noisy=default: one copy, this preset has 8"),
        ({"augment": ("recorded_noise:0:10",)}, "takes its noise from --noise_dir"),
        ({"noise_dir": "/nowhere"}, "--noise_dir=/nowhere has no file"),
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
    frames = np.concatenate([e.features for e in read_split(str(output), "train")]).astype(np.float64)
    padding = ~frames.any(axis=1)
    assert padding.sum() == 8 * (47 - 19)
    constants = read_json(output, "dataset.json")["standardisation"]
    np.testing.assert_allclose(constants["mean"], frames[~padding].mean(axis=0), atol=1e-6)


def test_held_out_windows_are_stored_as_a_microphone_would_deliver_them(manifest):
    """In the order of the records, whose features their sound gives again, as they are of 16 bits too."""
    output = run(manifest, windows="speech", crop=("0:10",))
    records, heard = read_split(str(output), "test"), read_audio(str(output))
    assert [(a.clip_id, a.copy, a.window) for a in heard] == [(r.clip_id, r.copy, r.window) for r in records]
    for record, audio in zip(records, heard, strict=True):
        assert audio.samples.dtype == np.int16 and audio.samples.shape == (24_000,)
        again = compute_mfcc(audio.samples.astype(np.float32) / 32768, FrontEnd(), "waveform")
        np.testing.assert_array_equal(again, record.mfcc)


def test_a_dataset_without_sound_says_what_to_do(manifest):
    output = run(manifest)
    dataset = run_files.read(Dataset, str(output))
    run_files.write(dataclasses.replace(dataset, audio=Shards(0, ())), str(output))
    with pytest.raises(UserError, match="run the transform step again"):
        read_audio(str(output))
