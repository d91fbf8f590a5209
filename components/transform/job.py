"""The Beam graph: manifest rows -> records, quarantine and statistics, each written by the workers.

Which work goes where: rows are spread over the workers as soon as they are read (one text file would else be one worker's
bundle, and its clips fused to it); every clip costs about the same, however long its file (`decode_window` reads the crop
alone); records are spread evenly over shards by hash, so that no key is hot.
"""

import contextlib
import dataclasses
import json
from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineResult

from components.transform.memory import settle_memory
from schemas.errors import UserError
from schemas.manifest import PER_COPY, ManifestRow
from ser_tinyml import progress
from ser_tinyml.audio.clip import ClipSettings, decode_clip, make_records
from ser_tinyml.audio.decode import Undecodable
from ser_tinyml.store import files
from ser_tinyml.store.digests import unit_hash
from ser_tinyml.store.manifest import Domains, find_foreign_value, parse_row
from ser_tinyml.store.record_schema import RecordSchema
from ser_tinyml.store.records import encode, encode_audio
from ser_tinyml.store.statistics import DatasetStatistics
from ser_tinyml.store.tfrecord import encode_shard, shard_names


@dataclasses.dataclass(frozen=True)
class JobSettings:
    """All that the workers must know."""

    clip: ClipSettings
    schema: RecordSchema
    domains: Domains  # of the manifest's rows
    per_copy: bool  # whether the manifest leaves the split to the copies
    num_shards: int
    compressed: bool


SPLIT_NAMES = ("train", "validation", "test", "validation_noisy", "test_noisy")
AUDIO = "test_audio"  # what the shards of sound are called

# The job's outputs beside the shards, all in its output directory.
STATISTICS, QUARANTINE = "statistics.json", "quarantine.jsonl"

# Reasons for quarantine that are the manifest's fault, not the recording's.
INVALID_ROW, FOREIGN_VALUE = "invalid_row", "foreign_value"

_STATISTICS, _QUARANTINED = "statistics", "quarantined"  # MakeRecords' outputs on the side

ShardKey = tuple[str, int]  # split, number
KeyedRecord = tuple[str, bytes]  # what the order in a shard goes by, serialised example


def build_job(pipeline: beam.Pipeline, manifest: str, *, output: str, settings: JobSettings) -> None:
    """Adds the job's steps to a pipeline: they leave STATISTICS, QUARANTINE and all shards that are not empty in `output`."""
    rows = pipeline | beam.Create([manifest]) | "Read manifest" >> beam.FlatMap(read_lines)
    made = (
        rows
        | "Spread rows" >> beam.Reshuffle()
        | "Make records"
        >> beam.ParDo(MakeRecords(settings))
        .with_output_types(tuple[ShardKey, KeyedRecord])  # for coders of their own, not pickles
        .with_outputs(_STATISTICS, _QUARANTINED, main="records")
    )
    num_written = (
        made.records
        | "Group by shard" >> beam.GroupByKey()
        | "Write shard" >> beam.Map(_write_shard, output=output, settings=settings)
        | "Count written" >> beam.CombineGlobally(sum)
    )
    num_rows = rows | "Count rows" >> beam.combiners.Count.Globally()
    (
        made[_STATISTICS]
        | "Sum statistics" >> beam.CombineGlobally(SumStatistics())
        | "Write statistics"
        >> beam.Map(
            _write_statistics,
            path=files.join(output, STATISTICS),
            labels=settings.schema.labels,
            num_rows=beam.pvalue.AsSingleton(num_rows),
            num_written=beam.pvalue.AsSingleton(num_written),
        )
    )
    (
        made[_QUARANTINED]
        | "Gather quarantine" >> beam.combiners.ToList()
        | "Write quarantine" >> beam.Map(_write_quarantine, path=files.join(output, QUARANTINE))
    )


def run_job(manifest: str, *, output: str, settings: JobSettings, options: PipelineOptions) -> PipelineResult:
    """Runs the job to its end."""
    pipeline = beam.Pipeline(options=options)
    build_job(pipeline, manifest, output=output, settings=settings)
    result = pipeline.run()
    result.wait_until_finish()
    return result


def read_lines(path: str) -> Iterator[str]:
    """Yields the lines of a manifest, one by one (`ReadFromText` would take the path for a pattern)."""
    with files.open_binary(path) as file:
        for line in file:
            yield line.rstrip(b"\r\n").decode(errors="backslashreplace")


class MakeRecords(beam.DoFn):
    """Turns a manifest's line into (shard, record) for each record; on the side, statistics or a row of the quarantine."""

    def __init__(self, settings: JobSettings):
        self._settings = settings
        self._rows = Metrics.counter("transform", "manifest_rows")
        self._decoded = Metrics.counter("transform", "clips_decoded")
        self._examples = Metrics.counter("transform", "examples_made")

    def setup(self) -> None:
        settle_memory()

    def process(self, line: str) -> Iterator:
        self._rows.inc()
        progress.advance()
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # such a clip goes to quarantine
                row = read_row(line, self._settings.domains, per_copy=self._settings.per_copy)
                records, statistics = _make_keyed_records(row, self._settings)
        except Undecodable as error:
            Metrics.counter("transform", f"clips_quarantined_{error.reason}").inc()
            quarantined = {**_identify(line), "reason": error.reason, "detail": error.detail}
            yield beam.pvalue.TaggedOutput(_QUARANTINED, quarantined)
            return
        self._decoded.inc()
        self._examples.inc(len(records) - statistics.audio)
        yield beam.pvalue.TaggedOutput(_STATISTICS, statistics)
        yield from records


def read_row(line: str, domains: Domains, *, per_copy: bool) -> ManifestRow:
    """Parses a line of the manifest; raises Undecodable where it is no row, or has a value that is outside its domain."""
    try:
        document = json.loads(line)
        if not isinstance(document, dict):
            raise UserError(f"expected an object, found {type(document).__name__}")
        row = parse_row(document)
    except (ValueError, UserError) as error:
        raise Undecodable(INVALID_ROW, str(error)) from error
    if problem := find_foreign_value(row, domains):
        raise Undecodable(FOREIGN_VALUE, problem)
    if (row.split == PER_COPY) != per_copy:
        raise Undecodable(FOREIGN_VALUE, f"split is {row.split!r}: {PER_COPY!r} and --split=notebook go together")
    return row


def read_rows(path: str, domains: Domains, *, per_copy: bool) -> Iterator[ManifestRow]:
    """Yields the rows of a manifest that `read_row` takes, and passes over the others."""
    for line in read_lines(path):
        with contextlib.suppress(Undecodable):
            yield read_row(line, domains, per_copy=per_copy)


def _identify(line: str) -> dict[str, str]:
    """Returns what a quarantined row says of itself, be it ever so broken."""
    try:
        document = json.loads(line)
        return {"clip_id": str(document["clip_id"]), "path": str(document["path"])}
    except (ValueError, TypeError, KeyError):
        return {"clip_id": "", "path": line[:200]}


def _make_keyed_records(
    row: ManifestRow, settings: JobSettings
) -> tuple[list[tuple[ShardKey, KeyedRecord]], DatasetStatistics]:
    """Serialises a clip's records, each for its shard, and counts them; raises Undecodable."""
    clip = decode_clip(row, settings.clip)
    records = []
    statistics = DatasetStatistics(decoded=1)
    for made in make_records(clip, settings.clip):
        example, content = made.example, encode(made.example)
        statistics.violations.update(settings.schema.find_violations(example))
        statistics.split(made.split).add_example(example, content, clip.recording_seconds)
        key = f"{row.clip_id}/{example.copy:06}/{example.window:06}"
        shard = int(unit_hash("shard", key) * settings.num_shards)
        records.append(((made.split, shard), (key, content)))
        if made.audio:
            records.append(((AUDIO, shard), (key, encode_audio(made.audio))))
            statistics.audio += 1
    return records, statistics


class SumStatistics(beam.CombineFn):
    """Adds up DatasetStatistics."""

    def create_accumulator(self) -> DatasetStatistics:
        return DatasetStatistics()

    def add_input(self, accumulator: DatasetStatistics, statistics: DatasetStatistics) -> DatasetStatistics:
        accumulator.add(statistics)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[DatasetStatistics]) -> DatasetStatistics:
        merged = DatasetStatistics()
        for accumulator in accumulators:
            merged.add(accumulator)
        return merged

    def extract_output(self, accumulator: DatasetStatistics) -> DatasetStatistics:
        return accumulator


def _write_shard(shard: tuple[ShardKey, Iterable[KeyedRecord]], output: str, settings: JobSettings) -> int:
    """Writes a shard whole, and returns the number of its records."""
    (split, number), records = shard
    ordered = sorted(records)
    name = shard_names(split, settings.num_shards, settings.compressed)[number]
    content = encode_shard((record for _, record in ordered), settings.compressed)
    files.write_bytes(files.join(output, name), content)
    return len(ordered)


def _write_statistics(
    statistics: DatasetStatistics, path: str, *, labels: tuple[str, ...], num_rows: int, num_written: int
) -> None:
    document = {
        "manifest_rows": num_rows,
        "decoded": statistics.decoded,
        "written": num_written,
        "audio": statistics.audio,
        "violations": dict(sorted(statistics.violations.items())),
        "splits": {name: statistics.split(name).to_dict(labels) for name in SPLIT_NAMES},
    }
    files.write_json(path, document)


def _write_quarantine(rows: list[dict], path: str) -> None:
    files.write_json_lines(path, sorted(rows, key=lambda row: (row["clip_id"], row["path"])))
