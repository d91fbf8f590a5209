import json
import pathlib
import re

import mlcroissant

from schemas.run_files import Dataset
from ser_tinyml.store import run_files
from ser_tinyml.store.digests import sha256_of

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


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
    recipe = re.search(r"```python\n(import tensorflow.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)[1]
    assert len([line for line in recipe.splitlines() if line]) == 5
    names: dict = {}
    exec(recipe.replace("build/run", str(demo_root)), names)
    context, frames = next(iter(names["parsed"]))
    assert frames["mfcc"].shape == (47, 13) and int(context["label"]) in range(4)
