"""Recordings and a finished model -> what it says of each.

Writes:
  predictions-SSSSS-of-NNNNN.{jsonl,csv,parquet}   a row a recording, sorted by path
  quarantine.jsonl  recordings that the model can't hear, with reason and detail
  counts.json       recordings = predicted + quarantined; how many are of each class
  bulk.json         written last: the model, the counts, the shards, and a digest of all rows that does not depend on shards,
                    format, workers or runner
"""

import collections
import functools
from collections.abc import Callable

from apache_beam.runners.runner import PipelineResult

from components.beam_options import is_dry_run, make_options
from components.bulk_inference.job import COUNTS, QUARANTINE, JobSettings, run_job, shard_names
from components.bulk_inference.parameters import MAKES, Parameters
from components.step import owns_output
from schemas.errors import UserError
from schemas.run_files import BulkPredictions
from ser_tinyml.prediction.loading import load
from ser_tinyml.prediction.rows import ENCODERS
from ser_tinyml.store import files, run_files
from ser_tinyml.store.finished_model import find_model


def run(output: str, parameters: Parameters, *, beam_options: list[str] | None = None) -> None:
    """Runs the Beam job, and checks what it made.

    Args:
      output: directory for the predictions.
      parameters: see Parameters.
      beam_options: Beam's own flags; the default runner works in this process.

    Raises:
      UserError: the model or an input can't be read, or too many recordings are in quarantine.
    """
    options = make_options(beam_options or [])
    settings = make_settings(parameters)
    job = functools.partial(run_job, parameters.input, output=output, settings=settings, options=options)
    if is_dry_run(options):
        job()
        print("--dry_run: the job was prepared and not run, nothing is written")
        return
    for given in parameters.input:
        if not files.is_folder(given) and not files.exists(given):
            raise UserError(f"--input={given}: there is no such file or directory")
    _predict(output, parameters, settings=settings, job=job)


def make_settings(parameters: Parameters) -> JobSettings:
    """Returns what the workers must know; loads the model, so that one that can't be loaded is told here."""
    described = parameters.describe_file()
    model = load(parameters.model, parameters.runtime or None, **described)
    return JobSettings(
        model=parameters.model,
        runtime=model.runtime,
        described=described,
        labels=model.labels,
        format=parameters.format,
        num_shards=parameters.num_shards,
    )


@owns_output(MAKES)
def _predict(output: str, parameters: Parameters, *, settings: JobSettings, job: Callable[[], PipelineResult]) -> None:
    """Does the work of `run`."""
    job()
    counts = files.read_json(files.join(output, COUNTS))
    quarantine = list(files.read_json_lines(files.join(output, QUARANTINE)))
    recordings, predicted, written = (counts[name] for name in ("recordings", "predicted", "written"))
    if recordings != predicted + len(quarantine) or predicted != written:
        raise RuntimeError(
            f"{recordings} recordings in; {predicted} predicted, {written} written, {len(quarantine)} quarantined"
        )
    _write_empty_shards(output, settings)
    for row in quarantine[:10]:
        print(f"quarantined: {row['path']}: {row['reason']}: {row['detail']}")
    if len(quarantine) > parameters.max_quarantine_fraction * recordings:
        raise UserError(
            f"{len(quarantine)} of {recordings} recordings are in quarantine, more than "
            f"--max_quarantine_fraction={parameters.max_quarantine_fraction} allows; see {files.join(output, QUARANTINE)}"
        )
    found = find_model(parameters.model)
    made = BulkPredictions(
        model=parameters.model,
        model_sha256=found.exported.model_sha256 if found.exported else "",
        runtime=settings.runtime,
        labels=settings.labels,
        inputs=parameters.input,
        recordings=recordings,
        predicted=predicted,
        without_speech=counts["without_speech"],
        classes=counts["classes"],
        quarantined=dict(collections.Counter(row["reason"] for row in quarantine).most_common()),
        digest=counts["digest"],
        format=settings.format,
        shards=tuple(shard_names(settings)),
    )
    run_files.write(made, output)
    said = ", ".join(f"{label} {count}" for label, count in made.classes.items())
    silent = f", {made.without_speech} without speech" if made.without_speech else ""
    print(f"{recordings} recordings: {predicted} predicted, {len(quarantine)} quarantined; {said}{silent}")


def _write_empty_shards(output: str, settings: JobSettings) -> None:
    """Writes those that no row fell into."""
    written = set(files.list_files(output))
    for name in shard_names(settings):
        if (path := files.join(output, name)) not in written:
            files.write_bytes(path, ENCODERS[settings.format]([], settings.labels))
