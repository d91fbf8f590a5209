import dataclasses
import json
import pathlib
import re

import mlcroissant

from schemas.front_end import FrontEnd, Standardisation
from schemas.run_files import Dataset, Shards, Split
from ser_tinyml.corpora import CORPORA
from ser_tinyml.store import run_files
from ser_tinyml.store.croissant import make_croissant
from ser_tinyml.store.digests import sha256_of

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


def make_dataset(*corpora: str) -> Dataset:
    """Of training records alone, whose sound comes from these corpora."""
    records = {
        "train": Split(
            examples=3, shards=("a.tfrecord.gz", "b.tfrecord"), labels={}, corpora=dict.fromkeys(corpora, 3)
        ),
        "test": Split(examples=0, shards=(), labels={}, corpora={}),
    }
    return Dataset(
        digest="ab" * 32,
        synthetic=False,
        labels=("calm", "happy"),
        leds=(),
        label_of_emotion={},
        front_end=FrontEnd(),
        standardisation=Standardisation.identity(13),
        parameters={},
        decoded=3,
        quarantined={},
        splits=records,
        audio=Shards(examples=0, shards=()),
    )


def test_the_corpora_s_licences_and_citations_are_told():
    document = make_croissant(make_dataset("tess", "ravdess", "own"), {})
    tess, ravdess = CORPORA["tess"], CORPORA["ravdess"]
    assert document["license"] == [f"{each.title}: {each.licence}" for each in (ravdess, tess)]
    assert document["citeAs"] == f"{ravdess.title}: {ravdess.citation}; {tess.title}: {tess.citation}"
    assert (
        "Windows of 1.5 s of recordings of own, ravdess, tess, as 47 frames of 13 MFCCs in" in document["description"]
    )


def test_recordings_of_ones_own_have_no_licence_that_is_known():
    dataset = make_dataset("own")
    document = make_croissant(dataset, {})
    assert document["license"] == ["that of the recordings it was made of"]
    assert document["citeAs"] == "the recordings' makers" and document["identifier"] == "ab" * 32
    synthetic = make_croissant(dataclasses.replace(dataset, synthetic=True), {})
    assert "of synthetic speech" in synthetic["description"]


def test_splits_with_records_labels_and_shards_are_listed():
    document = make_croissant(make_dataset("own"), {"b.tfrecord": "2", "a.tfrecord.gz": "1"})
    assert [(file["contentUrl"], file["encodingFormat"], file["sha256"]) for file in document["distribution"]] == [
        ("a.tfrecord.gz", "application/gzip", "1"),
        ("b.tfrecord", "application/x-tfrecord", "2"),
    ]
    splits, labels = document["recordSet"]
    assert splits["data"] == [
        {"splits/name": "train", "splits/records": 3, "splits/shards": "a.tfrecord.gz, b.tfrecord"}
    ]
    assert labels["data"] == [
        {"labels/index": 0, "labels/name": "calm"},
        {"labels/index": 1, "labels/name": "happy"},
    ]
    assert [(field["@id"], field["dataType"]) for field in labels["field"]] == [
        ("labels/index", "sc:Integer"),
        ("labels/name", "sc:Text"),
    ]
    assert document["isLiveDataset"] is False


def test_mlcroissant_accepts_it_and_reads_its_records(demo_root):
    found = mlcroissant.Dataset(jsonld=demo_root / "examples/croissant.json")
    assert not found.metadata.ctx.issues.errors
    dataset = run_files.read(Dataset, str(demo_root / "examples"))
    rows = {name: list(found.records(record_set=name)) for name in ("labels", "splits")}
    assert [row["labels/name"] for row in rows["labels"]] == list(dataset.labels)
    counts = {row["splits/name"]: row["splits/records"] for row in rows["splits"]}
    assert counts == {name: split.examples for name, split in dataset.splits.items() if split.examples}


def test_every_shard_is_in_it_with_its_digest(demo_root):
    document = json.loads((demo_root / "examples/croissant.json").read_text())
    shards = {path.name: sha256_of(str(path)) for path in (demo_root / "examples").glob("*.tfrecord.gz")}
    assert {file["@id"]: file["sha256"] for file in document["distribution"]} == shards


def test_the_documented_recipe_reads_the_records(demo_root):
    recipe = re.search(
        r"```python\n(import tensorflow.*?)```", (REPOSITORY / "docs" / "data-job.md").read_text(), re.DOTALL
    )[1]
    assert len([line for line in recipe.splitlines() if line]) == 5
    names: dict = {}
    exec(recipe.replace("build/run", str(demo_root)), names)
    context, frames = next(iter(names["parsed"]))
    assert frames["mfcc"].shape == (47, 13) and int(context["label"]) in range(4)
