"""All that a run made -> ROOT/report/index.html, which needs no other file."""

import contextlib
import dataclasses
from collections.abc import Iterable

from components.step import StepParameters, owns_output
from schemas.manifest import ManifestRow
from schemas.run_files import Board, Dataset, Evaluation, Export, ManifestSummary, Training
from ser_tinyml.audio.decode import Undecodable
from ser_tinyml.network.loading import load_exported
from ser_tinyml.report import data_pictures, page
from ser_tinyml.store import files, run_files
from ser_tinyml.store.dataset import read_split
from ser_tinyml.store.manifest import read_manifest


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """The page has none."""


@owns_output(r"index\.html")
def run(
    output: str,
    parameters: Parameters,
    *,
    manifest: str,
    examples: str,
    export: str,
    evaluation: str,
    model: str | None = None,
    board: str | None = None,
) -> None:
    """Writes the page; raises UserError where an artifact is missing."""
    evaluated, exported = run_files.read(Evaluation, evaluation), run_files.read(Export, export)
    training = run_files.read(Training, model) if model and not exported.model_path else None
    weights = exported.model_path or (training and files.join(str(model), training.model))
    weights = None if exported.is_tflite else weights
    pictures = page.Pictures(
        confusions={name: _read_png(evaluation, f"confusion_{name}") for name in evaluated.models},
        curves=_read_png(evaluation, "curves") if training else b"",
        recordings=_draw_one_per_emotion(read_manifest(files.join(manifest, "manifest.jsonl"))),
        copies=data_pictures.draw_copies(_first_clip(examples)),
        weights=data_pictures.draw_first_layer(load_exported(weights, exported)) if weights else b"",
    )
    content = page.Page(
        evaluation=evaluated,
        board=run_files.read(Board, board) if board else None,
        training=training,
        summary=run_files.read(ManifestSummary, manifest),
        dataset=run_files.read(Dataset, examples),
        pictures=pictures,
    )
    files.write_text(files.join(output, "index.html"), page.render_page(content))


def _read_png(evaluation: str, name: str) -> bytes:
    return files.read_bytes(files.join(evaluation, f"{name}.png"))


def _draw_one_per_emotion(rows: Iterable[ManifestRow]) -> list[tuple[str, bytes]]:
    """Returns a title and a picture of the first recording, by clip id, of each emotion in use; none of those that are gone."""
    drawn: dict[str, tuple[str, bytes]] = {}
    for row in rows:
        if row.emotion not in drawn:
            title = f"{row.emotion} → {row.label} ({row.corpus}, speaker {row.speaker})"
            with contextlib.suppress(Undecodable):
                drawn[row.emotion] = title, data_pictures.draw_recording(row.path, row.clip_id)
    return [drawn[emotion] for emotion in sorted(drawn)]


def _first_clip(examples: str) -> list:
    """Returns the first window of each training copy of the first clip that has the most copies."""
    copies: dict[str, list] = {}
    for example in (record for record in read_split(examples, "train") if not record.window):
        copies.setdefault(example.clip_id, []).append(example)
    most = max(map(len, copies.values()))
    return next(same for same in copies.values() if len(same) == most)
