"""ROOT/manifest -> ROOT/examples.

Writes:
  {train,validation,test}-SSSSS-of-NNNNN.tfrecord.gz         records (schemas/record.py)
  {validation,test}_noisy-SSSSS-of-NNNNN.tfrecord.gz         the same clips with noise
  test_audio-SSSSS-of-NNNNN.tfrecord.gz                      the sound of the test records, for the firmware
  quarantine.jsonl  clips that could not be decoded, with reason and detail
  statistics.json   the counts: manifest rows = decoded + quarantined; per split the counts by label, corpus, speaker and
                    emotion, seconds, MFCC means, deviations and ranges; the anomalies among all these
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
from typing import Literal

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions, TestOptions
from apache_beam.runners.runner import PipelineResult

from components.step import StepParameters, owns_output, parameter
from components.transform.job import (
    AUDIO,
    FOREIGN_VALUE,
    QUARANTINE,
    SPLIT_NAMES,
    STATISTICS,
    JobSettings,
    run_job,
)
from schemas.classes import SPLITS
from schemas.errors import UsageError, UserError
from schemas.front_end import FrontEnd, Standardisation
from schemas.run_files import Dataset, ManifestSummary, Shards, Split
from ser_tinyml.audio.augment import Surroundings, needs_noises, resolve_copies
from ser_tinyml.audio.clip import EVERY_CORPUS, ClipSettings, parse_crops
from ser_tinyml.audio.decode import Acceptance
from ser_tinyml.audio.limits import MICROPHONE_RATES_HZ, check_front_end
from ser_tinyml.audio.noise import list_noises
from ser_tinyml.corpora import CORPORA
from ser_tinyml.store import files, run_files
from ser_tinyml.store.anomalies import find_anomalies
from ser_tinyml.store.croissant import make_croissant
from ser_tinyml.store.digests import sha256_of
from ser_tinyml.store.manifest import list_domains
from ser_tinyml.store.record_schema import RecordSchema
from ser_tinyml.store.tfrecord import encode_shard, shard_names


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """What decides the records."""

    crop: tuple[str, ...] = parameter(
        ("0:10",), "[CORPUS:]START:END in seconds, the part of a recording to keep; may be given for each corpus."
    )
    max_crop_seconds: float = parameter(
        60.0, "The longest crop: no more of a recording is ever decoded.", above=0, at_most=600
    )
    windows: Literal["speech", "crop"] = parameter(
        "speech",
        "speech: windows of the front end's length that cover the speech in the crop, as a device hears it, each a record. "
        "crop: the crop is the window (notebook).",
    )
    window_hop: float = parameter(0.5, "Seconds from one window of speech to the next.", at_least=0.01, at_most=10)
    sample_rate: int = parameter(
        FrontEnd.sample_rate,
        "Hz that recordings are resampled to, and that the device hears at.",
        at_least=Acceptance.min_sample_rate,
        at_most=48_000,
    )
    window_seconds: float = parameter(1.5, "Length of a window: what one inference hears.", at_least=0.05, at_most=30)
    n_fft: int = parameter(FrontEnd.n_fft, "Samples of a frame: a power of two.", at_least=32, at_most=4096)
    hop_length: int = parameter(FrontEnd.hop_length, "Samples from one frame to the next.", at_least=1, at_most=4096)
    n_mels: int = parameter(FrontEnd.n_mels, "Mel bands.", at_least=1, at_most=512)
    fmin: float = parameter(FrontEnd.fmin, "Hz where the lowest mel band begins.", at_least=0, at_most=24_000)
    fmax: float = parameter(
        0.0, "Hz where the highest mel band ends; 0: half the sample rate.", at_least=0, at_most=24_000
    )
    n_mfcc: int = parameter(FrontEnd.n_mfcc, "Coefficients that are kept of a frame.", at_least=1, at_most=512)
    top_db: float = parameter(
        FrontEnd.top_db,
        "What is further below a window's loudest mel cell is raised to there, dB.",
        above=0,
        at_most=200,
    )
    load_rate: int = parameter(
        0,
        "0: crop at the recording's own rate and resample once. Else first resample to this rate in Hz (notebook: 22050).",
        at_least=0,
        at_most=Acceptance.max_sample_rate,
    )
    padding: Literal["waveform", "features"] = parameter(
        "waveform",
        "How a short clip fills the window: silence behind it, or zero frames before its features (notebook).",
    )
    augment: tuple[str, ...] = parameter(
        ("default",),
        "A training copy of each clip: operations joined by '|' (ser_tinyml/audio/augment.py lists them), or a preset: "
        "default, notebook, none. May be given several times.",
    )
    noisy: str = parameter("amplitude_noise:0.5", "The noisy copy of each validation and test clip.")
    noise_dir: str = parameter("", "Directory of recorded noise, for the operation recorded_noise.")
    max_channels: int = parameter(
        2,
        "A recording with more channels goes to quarantine; those of others are averaged.",
        at_least=1,
        at_most=64,
    )
    max_clipped_fraction: float = parameter(
        0.05,
        "A clip of which a larger share of samples is at full scale goes to quarantine.",
        at_least=0,
        at_most=1,
    )
    max_quarantine_fraction: float = parameter(
        0.02, "The job fails where a larger share of the clips is in quarantine.", at_least=0, at_most=1
    )
    num_shards: int = parameter(4, "Files a split.", at_least=1, at_most=1024)
    compression: Literal["gzip", "none"] = parameter("gzip", "gzip: .tfrecord.gz. none: .tfrecord.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < self.load_rate < Acceptance.min_sample_rate:
            raise UsageError(f"--load_rate={self.load_rate}: 0, or at least {Acceptance.min_sample_rate} Hz")
        parse_crops(self.crop, self.max_crop_seconds)
        front_end = self.make_front_end()
        if (window := front_end.window_samples) < (least := max(self.n_fft, self.hop_length)):
            raise UsageError(
                f"--window_seconds={self.window_seconds}: {window} samples, at least {least} for --n_fft={self.n_fft} and "
                f"--hop_length={self.hop_length}"
            )
        try:
            check_front_end(front_end)
        except UserError as error:
            raise UsageError(f"the firmware can't have this front end: {error}") from error
        copies, noisy = resolve_copies(self.augment), resolve_copies((self.noisy,))
        if len(noisy) != 1:
            raise UsageError(f"--noisy={self.noisy}: one copy, this preset has {len(noisy)}")
        if needs_noises(copies + noisy) and not self.noise_dir:
            raise UsageError("recorded_noise takes its noise from --noise_dir, which is not given")

    def make_front_end(self) -> FrontEnd:
        """Returns the front end that the flags describe."""
        rate = self.sample_rate
        return FrontEnd(
            sample_rate=rate,
            window_samples=round(self.window_seconds * rate),
            n_fft=self.n_fft,
            hop_length=self.hop_length,
            n_mels=self.n_mels,
            fmin=self.fmin,
            fmax=self.fmax or rate / 2,
            n_mfcc=self.n_mfcc,
            top_db=self.top_db,
            window_hop_samples=round(self.window_hop * rate),
            lead_samples=round(FrontEnd.lead_samples / FrontEnd.sample_rate * rate),
        )


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
    job = functools.partial(run_job, manifest, output=output, options=options)
    if options.view_as(TestOptions).dry_run:
        job(settings=make_settings(parameters, run_files.read(ManifestSummary, directory)))
        print("--dry_run: the job was prepared and not run, nothing is written")
    else:
        _make_dataset(output, parameters, directory=directory, job=job)


@owns_output(
    r"(train|(validation|test)(_noisy)?|test_audio)-\d{5}-of-\d{5}\.tfrecord(\.gz)?|"
    r"quarantine\.jsonl|(statistics|dataset|croissant)\.json|schema\.pbtxt",
    hand_made="directory",
)
def _make_dataset(output: str, parameters: Parameters, *, directory: str, job: Callable[..., PipelineResult]) -> None:
    """Does the work of `run`; `directory` is the manifest's, and `job` lacks its settings alone."""
    summary = run_files.read(ManifestSummary, directory)
    settings = make_settings(parameters, summary)
    if (rate := parameters.sample_rate) not in MICROPHONE_RATES_HZ:
        known = " and ".join(map(str, MICROPHONE_RATES_HZ))
        print(f"the Nano 33 BLE's microphone hears at {known} Hz, not at {rate}: there will be no Arduino library")
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


def make_settings(parameters: Parameters, summary: ManifestSummary) -> JobSettings:
    """Returns what the workers must know; UserError where --noise_dir has no noise, or --crop names a corpus not in use."""
    front_end = parameters.make_front_end()
    crops = parse_crops(parameters.crop, parameters.max_crop_seconds)
    known = {*CORPORA, *summary.corpora, EVERY_CORPUS}
    if unknown := [corpus for corpus in crops if corpus not in known]:
        raise UsageError(f"--crop={unknown[0]}:...: no clip is of that corpus; in use are {', '.join(summary.corpora)}")
    noises = list_noises(parameters.noise_dir) if parameters.noise_dir else ()
    return JobSettings(
        clip=ClipSettings(
            around=Surroundings(front_end, noises),
            crops=crops,
            labels=summary.labels,
            windows=parameters.windows,
            load_rate=parameters.load_rate,
            acceptance=Acceptance(parameters.max_channels, parameters.max_clipped_fraction),
            padding=parameters.padding,
            train_copies=resolve_copies(parameters.augment),
            noisy_copy=resolve_copies((parameters.noisy,))[0],
            validation_fraction=summary.validation_fraction,
            test_fraction=summary.test_fraction,
        ),
        schema=make_schema(front_end, summary),
        domains=list_domains(summary),
        per_copy=summary.protocol == "notebook",
        num_shards=parameters.num_shards,
        compressed=parameters.compression == "gzip",
    )


def make_schema(front_end: FrontEnd, summary: ManifestSummary) -> RecordSchema:
    """Returns what every record must be, with the classes and corpora in use."""
    emotions = tuple(summary.label_of_emotion)
    return RecordSchema(labels=summary.labels, emotions=emotions, corpora=summary.corpora, front_end=front_end)


def make_options(beam_options: list[str]) -> PipelineOptions:
    """Returns Beam's options.

    Its DirectRunner would first look for a Prism binary to download; FnApiRunner is what it ends with.
    """
    options = PipelineOptions(beam_options, save_main_session=False)
    if options.view_as(StandardOptions).runner in (None, "DirectRunner"):
        options.view_as(StandardOptions).runner = "FnApiRunner"
    return options


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
    mfcc = splits["test" if summary.protocol == "test" else "train"]["mfcc"]

    def name_shards(split: str) -> tuple[str, ...]:
        return tuple(shard_names(split, settings.num_shards, settings.compressed))

    return Dataset(
        digest=hashlib.sha256(digests.encode()).hexdigest(),
        synthetic=any(split["synthetic"] for split in splits.values()),
        labels=summary.labels,
        leds=summary.leds,
        label_of_emotion=summary.label_of_emotion,
        front_end=settings.clip.around.front_end,
        standardisation=Standardisation(tuple(mfcc["mean"]), tuple(mfcc["deviation"])),
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
