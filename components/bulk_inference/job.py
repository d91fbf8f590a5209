"""The Beam graph: recordings -> what a model says of each, and quarantine, written by the workers.

Which work goes where: a directory is listed by one worker, and its recordings are spread over all; each worker process loads
the model once a thread; rows are spread evenly over shards by hash, and a shard is written whole, sorted.
"""

import collections
import dataclasses
import hashlib
import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.ml.inference.base import ModelHandler, RunInference
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineResult

from schemas.errors import UserError
from schemas.manifest import ManifestRow
from ser_tinyml.audio.decode import Crop, Undecodable, decode_window
from ser_tinyml.corpora import list_sound
from ser_tinyml.prediction.loading import load
from ser_tinyml.prediction.model import ANY_RECORDING, Model, Prediction
from ser_tinyml.prediction.rows import ENCODERS, Row, encode_row
from ser_tinyml.store import files
from ser_tinyml.store.digests import read_hashed, unit_hash
from ser_tinyml.store.manifest import parse_row

# The job's outputs beside the shards, all in its output directory.
COUNTS, QUARANTINE = "counts.json", "quarantine.jsonl"

MANIFEST_SUFFIX = ".jsonl"
INVALID_ROW, NO_RECORDING = "invalid_row", "no_recording"

_DIGEST_MODULUS = 2**256
_WHOLE = float("inf")


@dataclasses.dataclass(frozen=True)
class JobSettings:
    """All that the workers must know."""

    model: str  # its path
    runtime: str  # where it runs
    described: dict[str, Any]  # what `load` is told of a file
    labels: tuple[str, ...]
    format: str  # of the shards
    num_shards: int

    def load(self) -> Model:
        """Loads the model."""
        return load(self.model, self.runtime, **self.described)


@dataclasses.dataclass(frozen=True)
class Item:
    """A recording, or a part of one; or what can be none."""

    path: str
    sha256: str = ""  # that the file must have; "": any
    clip_id: str = ""  # "": the file's SHA-256
    start: float = 0.0  # s, of the part
    end: float = 0.0  # s; 0: the recording's end
    refused: tuple[str, str] | None = None  # reason and detail, where this is no recording


@dataclasses.dataclass(frozen=True)
class Scored:
    """What came of an item: a row, or the reason why there is none."""

    row: Row | None
    quarantined: dict[str, str] | None


@dataclasses.dataclass
class Counts:
    """What became of all items."""

    predicted: int = 0
    without_speech: int = 0
    classes: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    digest: int = 0  # sum modulo 2**256 of the rows' SHA-256: the same for any order, format and shards

    def add(self, other: "Counts") -> None:
        """Adds another's."""
        self.predicted += other.predicted
        self.without_speech += other.without_speech
        self.classes.update(other.classes)
        self.digest = (self.digest + other.digest) % _DIGEST_MODULUS

    @classmethod
    def of_row(cls, row: Row) -> "Counts":
        """Returns those of one row."""
        said = row["class"]
        digest = int.from_bytes(hashlib.sha256(encode_row(row)).digest(), "big")
        return cls(1, int(said is None), collections.Counter([said] if said else []), digest)


def build_job(pipeline: beam.Pipeline, inputs: Sequence[str], *, output: str, settings: JobSettings) -> None:
    """Adds the job's steps to a pipeline: they leave COUNTS, QUARANTINE and all shards that are not empty in `output`."""
    items = pipeline | beam.Create(inputs) | "List recordings" >> beam.FlatMap(list_items)
    scored = items | "Spread recordings" >> beam.Reshuffle() | "Predict" >> RunInference(PredictRecordings(settings))
    rows = scored | "Pick rows" >> beam.FlatMap(lambda each: [each.row] if each.row else [])
    num_written = (
        rows
        | "Choose shard" >> beam.Map(_choose_shard, num_shards=settings.num_shards)
        | "Group by shard" >> beam.GroupByKey()
        | "Write shard" >> beam.Map(_write_shard, output=output, settings=settings)
        | "Count written" >> beam.CombineGlobally(sum)
    )
    num_items = items | "Count recordings" >> beam.combiners.Count.Globally()
    (
        rows
        | "Count row" >> beam.Map(Counts.of_row)
        | "Sum counts" >> beam.CombineGlobally(_sum_counts)
        | "Write counts"
        >> beam.Map(
            _write_counts,
            path=files.join(output, COUNTS),
            num_items=beam.pvalue.AsSingleton(num_items),
            num_written=beam.pvalue.AsSingleton(num_written),
        )
    )
    (
        scored
        | "Pick quarantined" >> beam.FlatMap(lambda each: [each.quarantined] if each.quarantined else [])
        | "Gather quarantine" >> beam.combiners.ToList()
        | "Write quarantine" >> beam.Map(_write_quarantine, path=files.join(output, QUARANTINE))
    )


def run_job(inputs: Sequence[str], *, output: str, settings: JobSettings, options: PipelineOptions) -> PipelineResult:
    """Runs the job to its end."""
    pipeline = beam.Pipeline(options=options)
    build_job(pipeline, inputs, output=output, settings=settings)
    result = pipeline.run()
    result.wait_until_finish()
    return result


def list_items(given: str) -> Iterator[Item]:
    """Yields the recordings of a directory or a manifest; what is neither is a recording by itself."""
    if files.is_folder(given):
        recordings = list_sound(given)
        yield from map(Item, recordings)
        if not recordings:
            yield Item(given, refused=(NO_RECORDING, "no recording is in this directory or below it"))
    elif given.endswith(MANIFEST_SUFFIX):
        with files.open_binary(given) as file:
            for line in file:
                yield _read_row(line.rstrip(b"\r\n").decode(errors="backslashreplace"))
    else:
        yield Item(given)


def _read_row(line: str) -> Item:
    try:
        document = json.loads(line)
        if not isinstance(document, dict):
            raise UserError(f"expected an object, found {type(document).__name__}")
        row: ManifestRow = parse_row(document)
    except (ValueError, UserError) as error:
        return Item(line[:200], refused=(INVALID_ROW, str(error)))
    return Item(row.path, row.file_sha256 or row.clip_id, row.clip_id, start=row.start, end=row.end)


class PredictRecordings(ModelHandler[Item, Scored, threading.local]):
    """Lets a finished model hear recordings; what it can't hear is told, and ends nothing."""

    def __init__(self, settings: JobSettings):
        super().__init__(max_batch_size=1)  # a recording is a batch of windows by itself
        self._settings = settings

    def load_model(self) -> threading.local:
        """Loads the model for this thread; the others of the process load it when they first need it, one may not share it."""
        models = threading.local()
        models.own = self._settings.load()
        return models

    def run_inference(
        self, batch: Sequence[Item], model: threading.local, inference_args: dict[str, Any] | None = None
    ) -> Iterable[Scored]:
        """Yields what came of each item."""
        if not hasattr(model, "own"):
            model.own = self._settings.load()
        for item in batch:
            try:
                row = _predict(model.own, item)
            except Undecodable as error:
                Metrics.counter("bulk_inference", f"quarantined_{error.reason}").inc()
                told = {"path": item.path, "clip_id": item.clip_id, "reason": error.reason, "detail": error.detail}
                yield Scored(None, told)
            else:
                Metrics.counter("bulk_inference", "predicted").inc()
                yield Scored(row, None)

    def get_num_bytes(self, batch: Sequence[Item]) -> int:
        """Returns the bytes of the items' paths: their recordings are not read for this."""
        return sum(len(item.path) for item in batch)

    def get_metrics_namespace(self) -> str:
        """Returns the namespace of RunInference's own metrics."""
        return "bulk_inference"


def _predict(model: Model, item: Item) -> Row:
    """Returns a row; raises Undecodable where the model can't hear the item."""
    if item.refused:
        raise Undecodable(*item.refused)
    try:
        with files.open_binary(item.path) as stream:
            sha256, content = read_hashed(stream)
            if item.sha256 and sha256 != item.sha256:
                raise Undecodable("changed", f"its SHA-256 is {sha256}, that of the manifest is {item.sha256}")
            said = _predict_part(model, item) if item.start or item.end else model.predict_opened(content)
    except UserError as error:
        if isinstance(error.__cause__, Undecodable):
            raise error.__cause__ from None
        reason = "unreadable" if files.exists(item.path) else "not_found"
        raise Undecodable(reason, str(error)) from error
    except OSError as error:
        raise Undecodable("unreadable", str(error)) from error
    return {"path": item.path, "clip_id": item.clip_id or sha256} | said.to_json()


def _predict_part(model: Model, item: Item) -> Prediction:
    rate = model.front_end.sample_rate
    part = decode_window(item.path, Crop(item.start, item.end or _WHOLE), rate, acceptance=ANY_RECORDING)
    return model.predict(part.samples, rate)


def shard_names(settings: JobSettings) -> list[str]:
    """Returns the names of the shards."""
    count = settings.num_shards
    return [f"predictions-{shard:05}-of-{count:05}.{settings.format}" for shard in range(count)]


def _choose_shard(row: Row, num_shards: int) -> tuple[int, Row]:
    return int(unit_hash("shard", row["clip_id"], row["path"]) * num_shards), row


def _write_shard(shard: tuple[int, Iterable[Row]], output: str, settings: JobSettings) -> int:
    """Writes a shard whole, and returns the number of its rows."""
    number, rows = shard
    ordered = sorted(rows, key=lambda row: (row["path"], row["clip_id"]))
    content = ENCODERS[settings.format](ordered, settings.labels)
    files.write_bytes(files.join(output, shard_names(settings)[number]), content)
    return len(ordered)


def _sum_counts(counts: Iterable[Counts]) -> Counts:
    total = Counts()
    for each in counts:
        total.add(each)
    return total


def _write_counts(counts: Counts, path: str, *, num_items: int, num_written: int) -> None:
    document = {
        "recordings": num_items,
        "predicted": counts.predicted,
        "written": num_written,
        "without_speech": counts.without_speech,
        "classes": dict(sorted(counts.classes.items())),
        "digest": f"{counts.digest:064x}",
    }
    files.write_json(path, document)


def _write_quarantine(rows: list[dict[str, str]], path: str) -> None:
    files.write_json_lines(path, sorted(rows, key=lambda row: (row["path"], row["clip_id"], row["detail"])))
