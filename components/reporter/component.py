"""ROOT/manifest, ROOT/examples, ROOT/model, ROOT/evaluation -> ROOT/report/index.html, self-contained."""

import dataclasses

from components.command import parameter
from components.keras_model import load_model, trained_model_path
from components.reporter import figures, page
from schemas import artifacts
from schemas.dataset import read_split
from schemas.labels import LABEL_OF_EMOTION
from schemas.manifest import ManifestRow, read_manifest


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
    results = artifacts.read_json(artifacts.join(evaluation, "evaluation.json"))
    board = artifacts.join(evaluation, "board.json")
    statistics = artifacts.read_json(artifacts.join(examples, "statistics.json"))
    summary = artifacts.read_json(artifacts.join(manifest, "summary.json"))
    rows = list(read_manifest(artifacts.join(manifest, "manifest.jsonl")))

    sections = [
        page.models_section(results),
        page.gates_section(results),
        *([page.board_section(artifacts.read_json(board))] if artifacts.exists(board) else []),
        page.confusion_section({name: _read_png(evaluation, f"confusion_{name}") for name in results["models"]}),
        page.classes_section(results),
        page.groups_section(results),
    ]
    if model and not parameters.model_path:
        sections.append(page.training_section(_read_png(evaluation, "curves"), artifacts.join(model, "training.json")))
    sections += [
        page.data_section(summary, statistics),
        page.audio_section([(row, figures.draw_recording(row.path)) for row in _one_per_emotion(rows)]),
        page.augmentation_section(figures.draw_copies(_first_clip(examples))),
    ]
    if path := parameters.model_path or (model and trained_model_path(model)):
        sections.append(page.weights_section(figures.draw_first_layer(load_model(path))))
    artifacts.write_text(artifacts.join(output, "index.html"), page.render(results, sections))


def _read_png(evaluation: str, name: str) -> bytes:
    return artifacts.read_bytes(artifacts.join(evaluation, f"{name}.png"))


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
