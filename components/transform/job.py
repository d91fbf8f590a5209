"""The Beam graph: manifest rows -> records, quarantine and statistics, each written by the workers."""

import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions

from components.transform.augment import make_copies
from components.transform.decode import Crop, Undecodable, decode_window
from components.transform.mfcc import compute_mfcc
from components.transform.summary import SplitSummary, Summarise, summarise
from components.transform.tfrecord import encode_shard
from schemas import artifacts
from schemas.example import Example, encode
from schemas.frontend import FrontEnd
from schemas.labels import LABELS
from schemas.manifest import PER_COPY, ManifestRow, parse_row


@dataclasses.dataclass(frozen=True)
class JobSettings:
    """All that the workers must know."""

    front_end: FrontEnd
    crops: dict[str, Crop]  # by corpus
    load_rate: int
    padding: str
    train_copies: tuple[str, ...]
    noisy_copy: str
    validation_fraction: float  # of the copies, where they are split one by one
    test_fraction: float
    num_shards: int


@dataclasses.dataclass(frozen=True)
class Record:
    """One serialised example on its way to a shard."""

    split: str
    key: str  # clip id and copy: what the order in a shard goes by
    data: bytes


QUARANTINED = "quarantined"
SPLIT_NAMES = ("train", "validation", "test", "validation_noisy", "test_noisy")


def run_job(manifest: str, output: str, settings: JobSettings, options: PipelineOptions) -> None:
    """Runs the job to its end; it leaves shards, quarantine.jsonl and summaries.jsonl in `output`."""
    with beam.Pipeline(options=options) as pipeline:
        rows = pipeline | "Read manifest" >> beam.io.ReadFromText(manifest) | "Spread rows" >> beam.Reshuffle()
        results = rows | "Make examples" >> beam.ParDo(MakeExamples(manifest, settings)).with_outputs(
            QUARANTINED, main="examples"
        )
        records = results.examples | "Encode" >> beam.MapTuple(_encode)
        (
            records
            | "Key by shard" >> beam.Map(lambda pair: (_shard_of(pair[0], settings.num_shards), pair[0]))
            | "Gather shards" >> _GroupWithEmptyShards(settings.num_shards)
            | "Write shards" >> beam.Map(_write_shard, output=output, num_shards=settings.num_shards)
        )
        (
            records
            | "Summaries" >> beam.Map(lambda pair: (pair[0].split, pair[1]))
            | "Sum up" >> beam.CombinePerKey(Summarise())
            | "Gather summaries" >> beam.combiners.ToList()
            | "Write summaries" >> beam.Map(_write_summaries, path=artifacts.join(output, "statistics.json"))
        )
        (
            results[QUARANTINED]
            | "Gather quarantine" >> beam.combiners.ToList()
            | "Write quarantine" >> beam.Map(_write_quarantine, path=artifacts.join(output, "quarantine.jsonl"))
        )


def shard_names(split: str, num_shards: int) -> list[str]:
    """File names of a split's shards."""
    return [f"{split}-{shard:05}-of-{num_shards:05}.tfrecord.gz" for shard in range(num_shards)]


class MakeExamples(beam.DoFn):
    """A manifest's line -> (split, Example) for each copy; or, on the side, a row of the quarantine."""

    def __init__(self, manifest: str, settings: JobSettings):
        self._manifest = manifest
        self._settings = settings
        self._decoded = Metrics.counter("transform", "clips_decoded")
        self._examples = Metrics.counter("transform", "examples_made")

    def process(self, line: str) -> Iterator:
        row = parse_row(json.loads(line), self._manifest)
        try:
            examples = list(make_examples(row, self._settings))
        except Undecodable as error:
            Metrics.counter("transform", f"clips_quarantined_{error.reason}").inc()
            quarantined = {"clip_id": row.clip_id, "path": row.path, "reason": error.reason, "detail": error.detail}
            yield beam.pvalue.TaggedOutput(QUARANTINED, quarantined)
            return
        self._decoded.inc()
        self._examples.inc(len(examples))
        yield from examples


def make_examples(row: ManifestRow, settings: JobSettings) -> Iterator[tuple[str, Example]]:
    """(split, Example) for each copy of a clip; raises Undecodable."""
    front_end = settings.front_end
    samples = decode_window(row.path, settings.crops[row.corpus], front_end.sample_rate, settings.load_rate)
    if len(samples) < front_end.n_fft:
        raise Undecodable("too_short", f"{len(samples)} samples at {front_end.sample_rate} Hz: less than a frame")
    for split, number, augmentation, copy in _copies(row, samples, settings):
        yield (
            split,
            Example(
                clip_id=row.clip_id,
                corpus=row.corpus,
                speaker=row.speaker,
                emotion=row.emotion,
                label=LABELS.index(row.label),
                copy=number,
                augmentation=augmentation,
                synthetic=row.synthetic,
                mfcc=compute_mfcc(copy, front_end, settings.padding),
            ),
        )


def _copies(row: ManifestRow, samples, settings: JobSettings) -> Iterator[tuple]:
    """(split, copy's number, augmentation, samples): training copies, or a clean and a noisy one."""
    if row.split in ("train", PER_COPY):
        copies = make_copies(samples, row.clip_id, settings.train_copies, settings.front_end)
        for number, (augmentation, copy) in enumerate(zip(settings.train_copies, copies, strict=True)):
            yield _split_of_copy(row, number, settings), number, augmentation, copy
    else:
        clean, noisy = make_copies(samples, row.clip_id, ("clean", settings.noisy_copy), settings.front_end)
        yield row.split, 0, "clean", clean
        yield f"{row.split}_noisy", 1, settings.noisy_copy, noisy


def _split_of_copy(row: ManifestRow, number: int, settings: JobSettings) -> str:
    if row.split != PER_COPY:
        return row.split
    position = artifacts.unit_hash(PER_COPY, row.clip_id, number)
    if position < settings.test_fraction:
        return "test"
    return "validation" if position < settings.test_fraction + settings.validation_fraction else "train"


def _encode(split: str, example: Example) -> tuple[Record, SplitSummary]:
    data = encode(example)
    return Record(split, f"{example.clip_id}/{example.copy:06}", data), summarise(example, data)


def _shard_of(record: Record, num_shards: int) -> tuple[str, int]:
    return record.split, int(artifacts.unit_hash("shard", record.key) * num_shards)


class _GroupWithEmptyShards(beam.PTransform):
    """((split, shard), Record) -> ((split, shard), records), also for shards that no record fell into."""

    def __init__(self, num_shards: int):
        super().__init__()
        self._num_shards = num_shards

    def expand(self, records):
        keys = list(itertools.product(SPLIT_NAMES, range(self._num_shards)))
        every_shard = records.pipeline | "Every shard" >> beam.Create([(key, None) for key in keys])
        return (records, every_shard) | beam.Flatten() | beam.GroupByKey()


def _write_shard(shard: tuple[tuple[str, int], Iterable[Record | None]], output: str, num_shards: int) -> None:
    (split, number), records = shard
    ordered = sorted((record for record in records if record is not None), key=lambda record: record.key)
    name = shard_names(split, num_shards)[number]
    artifacts.write_bytes(artifacts.join(output, name), encode_shard(record.data for record in ordered))


def _write_summaries(summaries: list[tuple[str, SplitSummary]], path: str) -> None:
    found = dict(summaries)
    artifacts.write_json(path, {name: found.get(name, SplitSummary()).to_dict() for name in SPLIT_NAMES})


def _write_quarantine(rows: list[dict], path: str) -> None:
    artifacts.write_json_lines(path, sorted(rows, key=lambda row: (row["clip_id"], row["path"])))
