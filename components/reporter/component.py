"""ROOT/manifest, ROOT/examples, ROOT/model, ROOT/evaluation -> ROOT/report/index.html, self-contained."""

import dataclasses

from components.step import parameter
from schemas.classes import LABEL_OF_EMOTION
from schemas.manifest import ManifestRow
from ser_tinyml.network.loading import load_model, trained_model_path
from ser_tinyml.report import data_pictures as figures
from ser_tinyml.report import page
from ser_tinyml.store import files
from ser_tinyml.store.dataset import read_split
from ser_tinyml.store.manifest import read_manifest


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Which model's weights are shown."""

    model_path: str = parameter(
        "", "A Keras model from elsewhere (.h5 or .keras of Keras 2) instead of the trained one."
    )


def run(
    output: str, parameters: Parameters, manifest: str, examples: str, evaluation: str, model: str | None = None
) -> None:
    """Writes the page; raises UserError where an artifact is missing."""
    results = files.read_json(files.join(evaluation, "evaluation.json"))
    board = files.join(evaluation, "board.json")
    statistics = files.read_json(files.join(examples, "statistics.json"))
    summary = files.read_json(files.join(manifest, "summary.json"))
    rows = list(read_manifest(files.join(manifest, "manifest.jsonl")))

    sections = [
        page.models_section(results),
        page.gates_section(results),
        *([page.board_section(files.read_json(board))] if files.exists(board) else []),
        page.confusion_section({name: _read_png(evaluation, f"confusion_{name}") for name in results["models"]}),
        page.classes_section(results),
        page.groups_section(results),
    ]
    if model and not parameters.model_path:
        sections.append(page.training_section(_read_png(evaluation, "curves"), files.join(model, "training.json")))
    sections += [
        page.data_section(summary, statistics),
        page.audio_section([(row, figures.draw_recording(row.path)) for row in _one_per_emotion(rows)]),
        page.augmentation_section(figures.draw_copies(_first_clip(examples))),
    ]
    if path := parameters.model_path or (model and trained_model_path(model)):
        sections.append(page.weights_section(figures.draw_first_layer(load_model(path))))
    files.write_text(files.join(output, "index.html"), page.render(results, sections))


def _read_png(evaluation: str, name: str) -> bytes:
    return files.read_bytes(files.join(evaluation, f"{name}.png"))


def _one_per_emotion(rows: list[ManifestRow]) -> list[ManifestRow]:
    """The first clip, by clip id, of each emotion in use."""
    first: dict[str, ManifestRow] = {}
    for row in rows:
        first.setdefault(row.emotion, row)
    return [first[emotion] for emotion in LABEL_OF_EMOTION if emotion in first]


def _first_clip(examples: str) -> list:
    """All training copies of the first clip that has more than one, or its only one."""
    copies: dict[str, list] = {}
    for example in read_split(examples, "train"):
        copies.setdefault(example.clip_id, []).append(example)
    most = max(map(len, copies.values()))
    return next(same for same in copies.values() if len(same) == most)
