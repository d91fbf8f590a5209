"""ROOT/manifest, ROOT/examples, ROOT/model, ROOT/export, ROOT/evaluation, ROOT/board -> ROOT/report/index.html, self-contained."""

import dataclasses

from schemas.classes import LABEL_OF_EMOTION
from schemas.manifest import ManifestRow
from schemas.run_files import Board, Evaluation, Export, ManifestSummary, Training
from ser_tinyml.network.loading import load_model
from ser_tinyml.report import data_pictures, page
from ser_tinyml.store import files, run_files
from ser_tinyml.store.dataset import read_split
from ser_tinyml.store.manifest import read_manifest


@dataclasses.dataclass(frozen=True)
class Parameters:
    """The page has none."""


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
    results, exported = run_files.read(Evaluation, evaluation), run_files.read(Export, export)
    training = run_files.read(Training, model) if model and not exported.model_path else None
    rows = list(read_manifest(files.join(manifest, "manifest.jsonl")))
    sections = [
        page.models_section(results),
        page.gates_section(results),
        *([page.board_section(run_files.read(Board, board))] if board else []),
        page.confusion_section({name: _read_png(evaluation, f"confusion_{name}") for name in results.models}),
        page.classes_section(results),
        page.groups_section(results),
        *([page.training_section(_read_png(evaluation, "curves"), training)] if training else []),
        page.data_section(
            run_files.read(ManifestSummary, manifest), files.read_json(files.join(examples, "statistics.json"))
        ),
        page.audio_section([(row, data_pictures.draw_recording(row.path)) for row in _one_per_emotion(rows)]),
        page.augmentation_section(data_pictures.draw_copies(_first_clip(examples))),
    ]
    if path := exported.model_path or (training and files.join(str(model), training.model)):
        sections.append(page.weights_section(data_pictures.draw_first_layer(load_model(path))))
    files.write_text(files.join(output, "index.html"), page.render(results, sections))


def _read_png(evaluation: str, name: str) -> bytes:
    return files.read_bytes(files.join(evaluation, f"{name}.png"))


def _one_per_emotion(rows: list[ManifestRow]) -> list[ManifestRow]:
    """Returns the first clip, by clip id, of each emotion in use."""
    first: dict[str, ManifestRow] = {}
    for row in rows:
        first.setdefault(row.emotion, row)
    return [first[emotion] for emotion in LABEL_OF_EMOTION if emotion in first]


def _first_clip(examples: str) -> list:
    """Returns all training copies of the first clip that has the most of them."""
    copies: dict[str, list] = {}
    for example in read_split(examples, "train"):
        copies.setdefault(example.clip_id, []).append(example)
    most = max(map(len, copies.values()))
    return next(same for same in copies.values() if len(same) == most)
