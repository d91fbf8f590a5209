"""ROOT/manifest -> ROOT/examples.

Writes:
  {train,validation,test}-SSSSS-of-NNNNN.tfrecord.gz         records (schemas/record.py)
  {validation,test}_noisy-SSSSS-of-NNNNN.tfrecord.gz         the same clips with noise
  test_audio-SSSSS-of-NNNNN.tfrecord.gz                      the sound of the test records, for the firmware
  quarantine.jsonl  clips that could not be decoded, with reason and detail
  statistics.json   the counts: manifest rows = decoded + quarantined; per split the counts by label, corpus, speaker and
                    emotion, seconds, means, deviations and ranges of features; the anomalies among all these
  schema.pbtxt      what every record was held to: a Schema of tensorflow_metadata
  croissant.json    the same for catalogues: Croissant 1.1 (https://docs.mlcommons.org/croissant)
  dataset.json      written last, and only where there is no anomaly: front end, standardisation, settings, shards, and a
                    digest of all records that does not depend on shards, compression, workers or runner
"""

import collections
import dataclasses
import functools
import hashlib
from collections.abc import Callable

from apache_beam.runners.runner import PipelineResult

from components.beam_options import is_dry_run, make_options
from components.step import owns_output
from components.transform.job import (
    AUDIO,
    FOREIGN_VALUE,
    QUARANTINE,
    SPLIT_NAMES,
    STATISTICS,
    JobSettings,
    read_rows,
    run_job,
)
from components.transform.parameters import MAKES, Parameters
from schemas.classes import SPLITS
from schemas.errors import UsageError, UserError
from schemas.front_end import FrontEnd, Standardisation
from schemas.run_files import Dataset, ManifestSummary, Shards, Split
from ser_tinyml import progress
from ser_tinyml.audio.augment import Surroundings, needs, resolve_copies
from ser_tinyml.audio.clip import EVERY_CORPUS, ClipSettings, parse_crops
from ser_tinyml.audio.decode import Acceptance
from ser_tinyml.audio.limits import MICROPHONE_RATES_HZ
from ser_tinyml.audio.noise import list_noises
from ser_tinyml.audio.talkers import choose_talkers
from ser_tinyml.corpora import CORPORA
from ser_tinyml.store import files, run_files
from ser_tinyml.store.anomalies import find_anomalies
from ser_tinyml.store.croissant import make_croissant
from ser_tinyml.store.digests import sha256_of
from ser_tinyml.store.manifest import list_domains
from ser_tinyml.store.record_schema import RecordSchema
from ser_tinyml.store.tfrecord import encode_shard, shard_names


def run(output: str, parameters: Parameters, *, manifest: str, beam_options: list[str] | None = None) -> None:
    """Runs the Beam job, checks what it made, and completes the dataset.

    Args:
      output: directory for the records.
      parameters: see Parameters.
      manifest: path of manifest.jsonl; summary.json beside it tells how it was divided.
      beam_options: Beam's own flags; the default runner works in this process.

    Raises:
      UserError: the manifest or a flag is wrong, too many clips are in quarantine, or the records are not as they must be.
    """
    options = make_options(beam_options or [])
    if not files.exists(manifest):
        raise UserError(f"--manifest={manifest}: there is no such file")
    directory = manifest.rpartition("/")[0] or "."
    prepare = functools.partial(make_settings, parameters, manifest=manifest)
    job = functools.partial(run_job, manifest, output=output, options=options)
    if is_dry_run(options):
        job(settings=prepare(run_files.read(ManifestSummary, directory)))
        print("--dry_run: the job was prepared and not run, nothing is written")
    else:
        _make_dataset(output, parameters, directory=directory, prepare=prepare, job=job)


@owns_output(
    MAKES,
    hand_made="directory",
)
def _make_dataset(
    output: str,
    parameters: Parameters,
    *,
    directory: str,
    prepare: Callable[[ManifestSummary], JobSettings],
    job: Callable[..., PipelineResult],
) -> None:
    """Does the work of `run`; `directory` is the manifest's, and `job` lacks its settings alone, which `prepare` makes."""
    summary = run_files.read(ManifestSummary, directory)
    settings = prepare(summary)
    if (rate := parameters.sample_rate) not in MICROPHONE_RATES_HZ:
        known = " and ".join(map(str, MICROPHONE_RATES_HZ))
        print(f"the Nano 33 BLE's microphone hears at {known} Hz, not at {rate}: there will be no Arduino library")
    with progress.shown("clips", sum(sum(counts.values()) for counts in summary.clips_of_label.values())):
        job(settings=settings)

    statistics = files.read_json(files.join(output, STATISTICS))
    quarantine = list(files.read_json_lines(files.join(output, QUARANTINE)))
    _check_counts(statistics, len(quarantine))
    statistics["quarantined"] = dict(collections.Counter(row["reason"] for row in quarantine).most_common())
    _judge(output, parameters, summary=summary, statistics=statistics, quarantine=quarantine)
    _write_empty_shards(output, settings)
    files.write_text(files.join(output, "schema.pbtxt"), settings.schema.to_text())
    dataset = _describe_dataset(parameters, settings, statistics=statistics, summary=summary)
    shards = [name for split in (*dataset.splits.values(), dataset.audio) for name in split.shards]
    digests = {name: sha256_of(files.join(output, name)) for name in shards}
    files.write_json(files.join(output, "croissant.json"), make_croissant(dataset, digests))
    run_files.write(dataset, output)
    made = {name: statistics["splits"][name]["examples"] for name in SPLIT_NAMES}
    print(
        f"{statistics['manifest_rows']} clips: {statistics['decoded']} decoded, {len(quarantine)} quarantined; examples: "
        + ", ".join(f"{name} {count}" for name, count in made.items() if count)
    )


def make_settings(parameters: Parameters, summary: ManifestSummary, manifest: str) -> JobSettings:
    """Returns what the workers must know; UserError where --noise_dir has no noise, or --crop names a corpus not in use."""
    front_end = parameters.make_front_end()
    crops = parse_crops(parameters.crop, parameters.max_crop_seconds)
    known = {*CORPORA, *summary.corpora, EVERY_CORPUS}
    if unknown := [corpus for corpus in crops if corpus not in known]:
        raise UsageError(f"--crop={unknown[0]}:...: no clip is of that corpus; in use are {', '.join(summary.corpora)}")
    noises = list_noises(parameters.noise_dir) if parameters.noise_dir else ()
    copies, noisy = resolve_copies(parameters.augment), resolve_copies((parameters.noisy,))
    domains, per_copy = list_domains(summary), summary.protocol == "notebook"
    talkers = choose_talkers(read_rows(manifest, domains, per_copy=per_copy)) if needs("babble", copies + noisy) else ()
    return JobSettings(
        clip=ClipSettings(
            around=Surroundings(front_end, noises, talkers),
            crops=crops,
            labels=summary.labels,
            windows=parameters.windows,
            load_rate=parameters.load_rate,
            acceptance=Acceptance(parameters.max_channels, parameters.max_clipped_fraction),
            padding=parameters.padding,
            train_copies=copies,
            noisy_copy=noisy[0],
            validation_fraction=summary.validation_fraction,
            test_fraction=summary.test_fraction,
        ),
        schema=make_schema(front_end, summary),
        domains=domains,
        per_copy=per_copy,
        num_shards=parameters.num_shards,
        compressed=parameters.compression == "gzip",
    )


def make_schema(front_end: FrontEnd, summary: ManifestSummary) -> RecordSchema:
    """Returns what every record must be, with the classes and corpora in use."""
    emotions = tuple(summary.label_of_emotion)
    return RecordSchema(labels=summary.labels, emotions=emotions, corpora=summary.corpora, front_end=front_end)


def _check_counts(statistics: dict, quarantined: int) -> None:
    """Raises RuntimeError where a row is neither decoded nor in quarantine, or a record is in no shard: that would be a bug."""
    rows, decoded, written = (statistics[name] for name in ("manifest_rows", "decoded", "written"))
    if rows != decoded + quarantined:
        raise RuntimeError(f"{rows} manifest rows in, {decoded} decoded and {quarantined} quarantined out")
    made = sum(split["examples"] for split in statistics["splits"].values()) + statistics["audio"]
    if made != written:
        raise RuntimeError(f"{decoded} decoded clips made {made} records, but {written} were written")


def _judge(
    output: str, parameters: Parameters, *, summary: ManifestSummary, statistics: dict, quarantine: list[dict]
) -> None:
    """Completes statistics.json by what is wrong with the dataset; raises UserError where anything is."""
    in_manifest = {
        split: {label for label, clips in counts.items() if clips} for split, counts in summary.clips_of_label.items()
    }
    anomalies = _foreign_values(quarantine)
    anomalies += find_anomalies(
        statistics,
        in_manifest,
        speakers_apart=summary.protocol == "speaker",
        used=("test",) if summary.protocol == "test" else SPLITS,
    )
    path = files.join(output, STATISTICS)
    files.write_json(path, statistics | {"anomalies": anomalies})
    for row in quarantine[:10]:
        print(f"quarantined: {row['path']}: {row['reason']}: {row['detail']}")
    rows = statistics["manifest_rows"]
    if not rows:
        raise UserError("the manifest has no rows")
    if len(quarantine) > parameters.max_quarantine_fraction * rows:
        counts = ", ".join(f"{count} {reason}" for reason, count in statistics["quarantined"].items())
        raise UserError(
            f"{len(quarantine)} of {rows} clips are in quarantine, more than "
            f"--max_quarantine_fraction={parameters.max_quarantine_fraction} allows: {counts}; "
            f"see {files.join(output, QUARANTINE)}"
        )
    if anomalies:
        raise UserError(f"the dataset is not as it must be ({path}):\n  " + "\n  ".join(anomalies))


def _write_empty_shards(output: str, settings: JobSettings) -> None:
    """Writes those that no record fell into."""
    written = set(files.list_files(output))
    for split in (*SPLIT_NAMES, AUDIO):
        for name in shard_names(split, settings.num_shards, settings.compressed):
            if (path := files.join(output, name)) not in written:
                files.write_bytes(path, encode_shard([], settings.compressed))


def _foreign_values(quarantine: list[dict]) -> list[str]:
    """Lists the values in the manifest that nobody knows, and how many rows have each."""
    found = collections.Counter(row["detail"] for row in quarantine if row["reason"] == FOREIGN_VALUE)
    return [f"{detail} ({count} manifest rows)" for detail, count in sorted(found.items())]


def _describe_dataset(
    parameters: Parameters, settings: JobSettings, *, statistics: dict, summary: ManifestSummary
) -> Dataset:
    splits = statistics["splits"]
    digests = "".join(f"{name} {splits[name]['examples']} {splits[name]['digest']}\n" for name in SPLIT_NAMES)
    found = splits["test" if summary.protocol == "test" else "train"]["features"]

    def name_shards(split: str) -> tuple[str, ...]:
        return tuple(shard_names(split, settings.num_shards, settings.compressed))

    return Dataset(
        digest=hashlib.sha256(digests.encode()).hexdigest(),
        synthetic=any(split["synthetic"] for split in splits.values()),
        labels=summary.labels,
        leds=summary.leds,
        label_of_emotion=summary.label_of_emotion,
        front_end=settings.clip.around.front_end,
        standardisation=Standardisation(tuple(found["mean"]), tuple(found["deviation"])),
        parameters=dataclasses.asdict(parameters),
        decoded=statistics["decoded"],
        quarantined=statistics["quarantined"],
        splits={
            name: Split(
                splits[name]["examples"],
                name_shards(name),
                labels=splits[name]["labels"],
                corpora=splits[name]["corpora"],
            )
            for name in SPLIT_NAMES
        },
        audio=Shards(statistics["audio"], name_shards(AUDIO)),
    )
