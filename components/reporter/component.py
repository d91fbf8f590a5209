"""All that a run made -> ROOT/report/index.html, which needs no other file."""

import contextlib
from collections.abc import Iterable

import numpy as np

from components.reporter.parameters import MAKES, Parameters
from components.step import owns_output
from schemas.manifest import ManifestRow
from schemas.record import Example
from schemas.run_files import Board, Dataset, Evaluation, Export, ManifestSummary, Training
from ser_tinyml.audio.decode import Undecodable
from ser_tinyml.audio.standardise import standardise
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.judging.predicted import PREDICTIONS
from ser_tinyml.report import data_pictures, page
from ser_tinyml.report.int8_grid import WINDOWS, Grid, draw_grids, read_grids
from ser_tinyml.report.listening import Chosen, Heard, find_disagreements, find_mistakes, let_hear, make_heard_copies
from ser_tinyml.store import artifact, files, run_files
from ser_tinyml.store.dataset import read_audio, read_split
from ser_tinyml.store.manifest import read_manifest


@owns_output(MAKES)
def run(
    output: str,
    parameters: Parameters,
    *,
    manifest: str,
    examples: str,
    evaluation: str,
    export: str | None = None,
    model: str | None = None,
    board: str | None = None,
) -> None:
    """Writes the page.

    Args:
      output: directory for the page.
      parameters: none.
      manifest: the manifest.
      examples: the dataset.
      evaluation: the evaluator's output.
      export: the exported model; not needed where a finished model was judged.
      model: the trained model; not needed of a model from elsewhere.
      board: the board's validation, where there is one.

    Raises:
      UserError: an artifact is missing.
    """
    evaluated, dataset = run_files.read(Evaluation, evaluation), run_files.read(Dataset, examples)
    exported = run_files.read(Export, export) if export else None
    training = run_files.read(Training, model) if exported and model and not exported.model_path else None
    rows = list(read_manifest(files.join(manifest, "manifest.jsonl")))
    copies = _find_copies(examples, dataset)
    row_of_copies = next((row for row in rows if copies and row.clip_id == copies[0].clip_id), None)
    predictions = list(files.read_json_lines(files.join(evaluation, PREDICTIONS)))
    reference = next(iter(evaluated.models))
    chosen = (
        find_mistakes(predictions, evaluated.flashed),
        find_disagreements(predictions, reference, evaluated.flashed),
    )
    records = read_split(examples, "test")
    mistakes, disagreements = _let_hear(chosen, predictions, records, examples=examples, dataset=dataset)
    int8 = files.read_bytes(files.join(export, "ser_int8.tflite")) if export else b""
    grids = _read_grids(int8, exported, records) if exported else []
    given = {"manifest": manifest, "examples": examples, "model": model, "export": export}
    given |= {"evaluation": evaluation, "board": board}
    content = page.Page(
        evaluation=evaluated,
        exported=exported,
        board=run_files.read(Board, board) if board else None,
        training=training,
        summary=run_files.read(ManifestSummary, manifest),
        dataset=dataset,
        graph=read_graph(int8) if exported and not exported.engine_lacks else None,
        pictures=page.Pictures(
            curves=files.read_bytes(files.join(evaluation, "curves.png")) if training else b"",
            recordings=_draw_one_per_emotion(rows),
            copies=data_pictures.draw_copies(copies) if copies else b"",
            grids=draw_grids(grids) if grids else b"",
        ),
        grids=grids,
        mistakes=mistakes,
        disagreements=disagreements,
        copies=make_heard_copies(row_of_copies, rows, dataset) if row_of_copies else [],
        predictions=predictions,
        lineage={name: artifact.digest(path) for name, path in given.items() if path},
    )
    files.write_text(files.join(output, "index.html"), page.render_page(content))


def _read_grids(int8: bytes, exported: Export, records: list[Example]) -> list[Grid]:
    windows = np.stack([record.features for record in records[:WINDOWS]])
    return read_grids(int8, standardise(windows, exported.standardisation))


def _let_hear(
    chosen: tuple[Chosen, ...], predictions: list[dict], records: list[Example], *, examples: str, dataset: Dataset
) -> list[list[Heard]]:
    """Returns what is to be heard of the clips of each list; nothing where the sound is not at hand."""
    if not dataset.audio.examples:
        return [[] for _ in chosen]
    sound, rate = read_audio(examples), dataset.front_end.sample_rate
    return [let_hear(each, predictions, sound=sound, records=records, rate=rate) for each in chosen]


def _draw_one_per_emotion(rows: Iterable[ManifestRow]) -> list[tuple[str, bytes]]:
    """Returns a title and a picture of the first recording, by clip id, of each emotion in use; none of those that are gone."""
    drawn: dict[str, tuple[str, bytes]] = {}
    for row in rows:
        if row.emotion not in drawn:
            title = f"{row.emotion} → {row.label} ({row.corpus}, speaker {row.speaker})"
            with contextlib.suppress(Undecodable):
                drawn[row.emotion] = title, data_pictures.draw_recording(row.path, row.clip_id)
    return [drawn[emotion] for emotion in sorted(drawn)]


def _find_copies(examples: str, dataset: Dataset) -> list[Example]:
    """Returns the first window of each training copy of the first clip that has the most copies; none where nothing trains."""
    if not dataset.splits["train"].examples:
        return []
    copies: dict[str, list[Example]] = {}
    for example in (record for record in read_split(examples, "train") if not record.window):
        copies.setdefault(example.clip_id, []).append(example)
    most = max(map(len, copies.values()))
    return next(same for same in copies.values() if len(same) == most)
