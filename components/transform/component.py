"""ROOT/manifest/manifest.jsonl -> ROOT/examples.

Writes:
  {train,validation,test}-SSSSS-of-NNNNN.tfrecord.gz         records (schemas/example.py)
  {validation,test}_noisy-SSSSS-of-NNNNN.tfrecord.gz         the same clips with noise
  quarantine.jsonl  clips that could not be decoded, with reason and detail
  statistics.json   the counts: manifest rows = decoded + quarantined; per split the counts and MFCC ranges
  dataset.json      written last: front end, standardisation, settings, shards, and a digest of all records that does not
                    depend on shards, workers or runner
"""

import collections
import dataclasses
import hashlib
from typing import Literal

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from components.command import parameter
from components.transform.augment import resolve_copies
from components.transform.decode import Crop
from components.transform.job import SPLIT_NAMES, JobSettings, run_job, shard_names
from schemas import artifacts
from schemas.artifacts import UserError
from schemas.frontend import FrontEnd, Standardisation
from schemas.labels import CORPORA, LABELS, SPLITS
from schemas.manifest import PER_COPY, read_manifest


@dataclasses.dataclass(frozen=True)
class Parameters:
    """What decides the records."""

    crop: tuple[str, ...] = parameter(
        ("0.4:1.9",), "[CORPUS:]START:END in seconds, the part of a recording to keep; may be given for each corpus."
    )
    load_rate: int = parameter(
        0,
        "0: crop at the recording's own rate and resample once. Else first resample to this rate in Hz (notebook: 22050).",
    )
    padding: Literal["waveform", "features"] = parameter(
        "waveform",
        "How a short clip fills the window: silence behind it, or zero frames before its features (notebook).",
    )
    augment: tuple[str, ...] = parameter(
        ("default",),
        "A training copy of each clip: operations joined by '|' (components/transform/augment.py lists them), or a preset: "
        "default, notebook, none. May be given several times.",
    )
    noisy: str = parameter("amplitude_noise:0.5", "The noisy copy of each validation and test clip.")
    validation_fraction: float = parameter(0.15, "Share of the speakers (clips, copies) in the validation split.")
    test_fraction: float = parameter(0.25, "Share of the speakers (clips, copies) in the test split.")
    num_shards: int = parameter(4, "Files a split.")


def run(output: str, parameters: Parameters, manifest: str, beam_options: list[str] | None = None) -> None:
    """Runs the Beam job and completes the dataset.

    Args:
      output: directory for the records.
      parameters: see Parameters.
      manifest: path of manifest.jsonl.
      beam_options: Beam's own flags; the default runner works in this process.

    Raises:
      UserError: the manifest or a flag is wrong, or no training clip could be decoded.
    """
    rows = list(read_manifest(manifest))
    if not rows:
        raise UserError(f"{manifest} has no rows")
    settings = _settings(parameters)
    artifacts.delete_files([p for p in artifacts.list_files(output) if p.endswith((".tfrecord.gz", ".json", ".jsonl"))])
    run_job(manifest, output, settings, _pipeline_options(beam_options or []))

    splits = artifacts.read_json(artifacts.join(output, "statistics.json"))
    quarantine = list(artifacts.read_json_lines(artifacts.join(output, "quarantine.jsonl")))
    decoded = len(rows) - len(quarantine)
    _check_counts(rows, quarantine, splits, settings)
    reasons = collections.Counter(row["reason"] for row in quarantine)
    artifacts.write_json(
        artifacts.join(output, "statistics.json"),
        {
            "manifest_rows": len(rows),
            "decoded": decoded,
            "quarantined": dict(sorted(reasons.items())),
            "splits": splits,
        },
    )
    for row in quarantine[:10]:
        print(f"quarantined: {row['path']}: {row['reason']}: {row['detail']}")
    if not splits["train"]["examples"]:
        raise UserError(f"no training clip of {manifest} could be decoded: {len(quarantine)} quarantined")
    artifacts.write_json(artifacts.join(output, "dataset.json"), _describe_dataset(rows, parameters, settings, splits))
    print(
        f"{len(rows)} clips: {decoded} decoded, {len(quarantine)} quarantined; examples: "
        + ", ".join(f"{name} {splits[name]['examples']}" for name in SPLIT_NAMES if splits[name]["examples"])
    )


def _settings(parameters: Parameters) -> JobSettings:
    if parameters.num_shards < 1:
        raise UserError(f"--num_shards={parameters.num_shards}: at least 1")
    if parameters.load_rate < 0:
        raise UserError(f"--load_rate={parameters.load_rate}: 0 or a rate in Hz")
    return JobSettings(
        front_end=FrontEnd(),
        crops=_parse_crops(parameters.crop),
        load_rate=parameters.load_rate,
        padding=parameters.padding,
        train_copies=resolve_copies(parameters.augment),
        noisy_copy=resolve_copies((parameters.noisy,))[0],
        validation_fraction=parameters.validation_fraction,
        test_fraction=parameters.test_fraction,
        num_shards=parameters.num_shards,
    )


def _parse_crops(values: tuple[str, ...]) -> dict[str, Crop]:
    crops: dict[str, Crop] = {}
    for value in sorted(values, key=lambda value: value.count(":")):  # those for all corpora first
        *corpus, start, end = ("", *value.split(":"))[-3:]
        try:
            crop = Crop(float(start), float(end))
        except ValueError:
            raise UserError(f"--crop={value}: expected [CORPUS:]START:END in seconds, like 0.4:1.9") from None
        if not 0 <= crop.start < crop.end or (corpus[0] and corpus[0] not in CORPORA):
            raise UserError(f"--crop={value}: 0 <= START < END, and a corpus is one of {', '.join(CORPORA)}")
        crops |= dict.fromkeys([corpus[0]] if corpus[0] else CORPORA, crop)
    if missing := set(CORPORA) - set(crops):
        crops |= dict.fromkeys(missing, Crop(0.4, 1.9))
    return crops


def _pipeline_options(beam_options: list[str]) -> PipelineOptions:
    """Beam's options. Its DirectRunner would first look for a Prism binary to download; FnApiRunner is what it ends with."""
    options = PipelineOptions(beam_options, save_main_session=False)
    if options.view_as(StandardOptions).runner in (None, "DirectRunner"):
        options.view_as(StandardOptions).runner = "FnApiRunner"
    return options


def _check_counts(rows: list, quarantine: list, splits: dict, settings: JobSettings) -> None:
    """Every row is in the records or in quarantine; a bug if not, so no UserError."""
    lost = {row["path"] for row in quarantine}
    kept = [row for row in rows if row.path not in lost]
    per_copy = sum(row.split in ("train", PER_COPY) for row in kept)
    expected = per_copy * len(settings.train_copies) + 2 * (len(kept) - per_copy)
    found = sum(split["examples"] for split in splits.values())
    if expected != found:
        raise RuntimeError(f"{len(kept)} decoded clips make {expected} examples, but {found} were written")


def _describe_dataset(rows: list, parameters: Parameters, settings: JobSettings, splits: dict) -> dict:
    digests = "".join(f"{name} {splits[name]['examples']} {splits[name]['digest']}\n" for name in SPLIT_NAMES)
    mfcc = splits["train"]["mfcc"]
    if flat := [i for i, deviation in enumerate(mfcc["deviation"]) if deviation < 1e-6]:
        raise UserError(f"MFCC {flat[0]} is the same in every training frame: it can't be standardised")
    per_copy = {row.split for row in rows} == {PER_COPY}
    return {
        "digest": hashlib.sha256(digests.encode()).hexdigest(),
        "synthetic": any(row.synthetic for row in rows),
        "protocol": "notebook" if per_copy else "disjoint_speakers" if _speakers_apart(rows) else "shared_speakers",
        "labels": list(LABELS),
        "front_end": settings.front_end.to_dict(),
        "standardisation": Standardisation(tuple(mfcc["mean"]), tuple(mfcc["deviation"])).to_dict(),
        "parameters": dataclasses.asdict(parameters),
        "splits": {
            name: {
                "examples": splits[name]["examples"],
                "shards": shard_names(name, settings.num_shards),
            }
            for name in SPLIT_NAMES
        },
    }


def _speakers_apart(rows: list) -> bool:
    speakers = [{row.speaker_key for row in rows if row.split == split} for split in SPLITS]
    return sum(map(len, speakers)) == len(set.union(*speakers))
