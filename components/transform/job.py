"""The Beam graph: manifest rows -> records, quarantine and statistics, each written by the workers.

Which work goes where: rows are spread over the workers as soon as they are read (one text file would else be one worker's
bundle, and its clips fused to it); every clip costs about the same, however long its file (`decode_window` reads the crop
alone); records are spread evenly over shards by hash, so that no key is hot.
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineResult

from components.transform.memory import settle_memory
from schemas.classes import LABELS
from schemas.errors import UserError
from schemas.manifest import PER_COPY, ManifestRow
from schemas.record import Audio, Example
from ser_tinyml.audio.augment import Surroundings, make_copies
from ser_tinyml.audio.decode import Acceptance, Crop, Undecodable, decode_window
from ser_tinyml.audio.mfcc import compute_mfcc
from ser_tinyml.audio.resample import fix_length
from ser_tinyml.audio.windows import cut_window, place_windows
from ser_tinyml.store import files
from ser_tinyml.store.digests import unit_hash
from ser_tinyml.store.manifest import find_foreign_value, parse_row
from ser_tinyml.store.records import encode, encode_audio
from ser_tinyml.store.statistics import DatasetStatistics, SumStatistics
from ser_tinyml.store.tfrecord import encode_shard


@dataclasses.dataclass(frozen=True)
class JobSettings:
    """All that the workers must know."""

    around: Surroundings
    crops: dict[str, Crop]  # by corpus
    windows: str  # "speech": those that cover the speech in the crop; "crop": the crop is the window
    load_rate: int
    acceptance: Acceptance
    padding: str
    train_copies: tuple[str, ...]
    noisy_copy: str
    per_copy: bool  # whether the copies are split one by one, by these fractions
    validation_fraction: float
    test_fraction: float
    num_shards: int
    compressed: bool


SPLIT_NAMES = ("train", "validation", "test", "validation_noisy", "test_noisy")
HELD_OUT = "test"  # the split whose sound is stored, for the firmware to be replayed
AUDIO = "test_audio"  # what the shards of sound are called

# The job's outputs beside the shards, all in its output directory.
STATISTICS, QUARANTINE = "statistics.json", "quarantine.jsonl"

# Reasons for quarantine that are the manifest's fault, not the recording's.
INVALID_ROW, FOREIGN_VALUE = "invalid_row", "foreign_value"

_STATISTICS, _QUARANTINED = "statistics", "quarantined"  # MakeRecords' outputs on the side

ShardKey = tuple[str, int]  # split, number
KeyedRecord = tuple[str, bytes]  # what the order in a shard goes by, serialised example


def build_job(pipeline: beam.Pipeline, manifest: str, output: str, settings: JobSettings) -> None:
    """Adds the job's steps to a pipeline: they leave STATISTICS, QUARANTINE and all shards that are not empty in `output`."""
    rows = pipeline | "Read manifest" >> beam.io.ReadFromText(manifest)
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
        | "Write shard" >> beam.Map(_write_shard, output, settings)
        | "Count written" >> beam.CombineGlobally(sum)
    )
    num_rows = rows | "Count rows" >> beam.combiners.Count.Globally()
    (
        made[_STATISTICS]
        | "Sum statistics" >> beam.CombineGlobally(SumStatistics())
        | "Write statistics"
        >> beam.Map(
            _write_statistics,
            files.join(output, STATISTICS),
            beam.pvalue.AsSingleton(num_rows),
            beam.pvalue.AsSingleton(num_written),
        )
    )
    (
        made[_QUARANTINED]
        | "Gather quarantine" >> beam.combiners.ToList()
        | "Write quarantine" >> beam.Map(_write_quarantine, files.join(output, QUARANTINE))
    )


def run_job(manifest: str, output: str, settings: JobSettings, options: PipelineOptions) -> PipelineResult:
    """Runs the job to its end."""
    pipeline = beam.Pipeline(options=options)
    build_job(pipeline, manifest, output, settings)
    result = pipeline.run()
    result.wait_until_finish()
    return result


def shard_names(split: str, num_shards: int, compressed: bool) -> list[str]:
    """File names of a split's shards."""
    suffix = ".tfrecord.gz" if compressed else ".tfrecord"
    return [f"{split}-{shard:05}-of-{num_shards:05}{suffix}" for shard in range(num_shards)]


class MakeRecords(beam.DoFn):
    """A manifest's line -> (shard, record) for each copy; on the side the clip's statistics, or a row of the quarantine."""

    def __init__(self, settings: JobSettings):
        self._settings = settings
        self._rows = Metrics.counter("transform", "manifest_rows")
        self._decoded = Metrics.counter("transform", "clips_decoded")
        self._examples = Metrics.counter("transform", "examples_made")

    def setup(self) -> None:
        settle_memory()

    def process(self, line: str) -> Iterator:
        self._rows.inc()
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # such a clip goes to quarantine
                records, statistics = make_records(read_row(line, self._settings.per_copy), self._settings)
        except Undecodable as error:
            Metrics.counter("transform", f"clips_quarantined_{error.reason}").inc()
            row = {**_identify(line), "reason": error.reason, "detail": error.detail}
            yield beam.pvalue.TaggedOutput(_QUARANTINED, row)
            return
        self._decoded.inc()
        self._examples.inc(len(records) - statistics.audio)
        yield beam.pvalue.TaggedOutput(_STATISTICS, statistics)
        yield from records


def read_row(line: str, per_copy: bool) -> ManifestRow:
    """A line of the manifest, checked; Undecodable where it is no row, or has a value that is outside its domain."""
    try:
        document = json.loads(line)
        if not isinstance(document, dict):
            raise UserError(f"expected an object, found {type(document).__name__}")
        row = parse_row(document)
    except (ValueError, UserError) as error:
        raise Undecodable(INVALID_ROW, str(error)) from error
    if problem := find_foreign_value(row):
        raise Undecodable(FOREIGN_VALUE, problem)
    if (row.split == PER_COPY) != per_copy:
        raise Undecodable(FOREIGN_VALUE, f"split is {row.split!r}: {PER_COPY!r} and --split=notebook go together")
    return row


def _identify(line: str) -> dict[str, str]:
    """What a quarantined row says of itself, be it ever so broken."""
    try:
        document = json.loads(line)
        return {"clip_id": str(document["clip_id"]), "path": str(document["path"])}
    except (ValueError, TypeError, KeyError):
        return {"clip_id": "", "path": line[:200]}


def make_records(
    row: ManifestRow, settings: JobSettings
) -> tuple[list[tuple[ShardKey, KeyedRecord]], DatasetStatistics]:
    """(shard, record) for each copy of a clip, and their statistics; raises Undecodable."""
    front_end = settings.around.front_end
    window = decode_window(
        row.path, settings.crops[row.corpus], front_end.sample_rate, settings.load_rate, settings.acceptance
    )
    if len(window.samples) < front_end.n_fft:
        length = f"{len(window.samples)} samples at {front_end.sample_rate} Hz"
        raise Undecodable("too_short", f"{length}: less than a frame of {front_end.n_fft}")
    copies = _plan_copies(row, settings)
    texts = tuple(text for _, text in copies)
    records = []
    statistics = DatasetStatistics(decoded=1)
    for number, samples in enumerate(make_copies(window.samples, row.clip_id, texts, settings.around)):
        split, text = copies[number]
        for place, part in enumerate(_cut(samples, window.samples, settings)):
            mfcc = compute_mfcc(part, front_end, settings.padding)
            if not np.isfinite(mfcc).all():
                raise Undecodable(
                    "overflow", f"the MFCCs of copy {number} are not finite: its samples are far beyond full scale"
                )
            example = Example(
                clip_id=row.clip_id,
                corpus=row.corpus,
                speaker=row.speaker,
                emotion=row.emotion,
                label=LABELS.index(row.label),
                copy=number,
                window=place,
                augmentation=text,
                synthetic=row.synthetic,
                mfcc=mfcc,
            )
            record = encode(example)
            statistics.split(split).add_example(example, record, window.recording_seconds)
            key = f"{row.clip_id}/{number:06}/{place:06}"
            shard = int(unit_hash("shard", key) * settings.num_shards)
            records.append(((split, shard), (key, record)))
            if split == HELD_OUT:
                heard = Audio(row.clip_id, number, place, _to_pcm(part, front_end.window_samples))
                records.append(((AUDIO, shard), (key, encode_audio(heard))))
                statistics.audio += 1
    return records, statistics


def _cut(copy: np.ndarray, original: np.ndarray, settings: JobSettings) -> list[np.ndarray]:
    """A copy's windows. Where they are is found in the original: noise hides it, and what changes speed moves it."""
    if settings.windows == "crop":
        return [copy]
    front_end = settings.around.front_end
    starts = place_windows(original, front_end)
    windows = (cut_window(copy, round(start * len(copy) / len(original)), front_end.window_samples) for start in starts)
    # As a microphone delivers them, in 16 bits, so that a device's features are these.
    heard = [_to_pcm(window, front_end.window_samples) / np.float32(32768) for window in windows]
    # A copy that is faster can end before its last window begins: nothing is heard there.
    return [window for number, window in enumerate(heard) if window.any() or not number]


def _to_pcm(samples: np.ndarray, window: int) -> np.ndarray:
    """float32 [samples] -> int16 [window], with silence behind a shorter signal."""
    return np.clip(np.rint(fix_length(samples, window) * 32768), -32768, 32767).astype(np.int16)


def _plan_copies(row: ManifestRow, settings: JobSettings) -> list[tuple[str, str]]:
    """(split, augmentation) of each copy: a training clip's copies; of another clip a clean and a noisy one."""
    if row.split in ("train", PER_COPY):
        return [(_split_of_copy(row, n, settings), text) for n, text in enumerate(settings.train_copies)]
    return [(row.split, "clean"), (f"{row.split}_noisy", settings.noisy_copy)]


def _split_of_copy(row: ManifestRow, number: int, settings: JobSettings) -> str:
    if row.split != PER_COPY:
        return row.split
    position = unit_hash(PER_COPY, row.clip_id, number)
    if position < settings.test_fraction:
        return "test"
    return "validation" if position < settings.test_fraction + settings.validation_fraction else "train"


def _write_shard(shard: tuple[ShardKey, Iterable[KeyedRecord]], output: str, settings: JobSettings) -> int:
    """Writes a shard whole; the number of its records."""
    (split, number), records = shard
    ordered = sorted(records)
    name = shard_names(split, settings.num_shards, settings.compressed)[number]
    content = encode_shard((record for _, record in ordered), settings.compressed)
    files.write_bytes(files.join(output, name), content)
    return len(ordered)


def _write_statistics(statistics: DatasetStatistics, path: str, num_rows: int, num_written: int) -> None:
    document = {
        "manifest_rows": num_rows,
        "decoded": statistics.decoded,
        "written": num_written,
        "audio": statistics.audio,
        "splits": {name: statistics.split(name).to_dict() for name in SPLIT_NAMES},
    }
    files.write_json(path, document)


def _write_quarantine(rows: list[dict], path: str) -> None:
    files.write_json_lines(path, sorted(rows, key=lambda row: (row["clip_id"], row["path"])))
