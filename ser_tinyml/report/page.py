"""The report's page: what a run made, judged and measured, in one HTML file that needs no other."""

import csv
import dataclasses
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from markupsafe import Markup

from schemas.run_files import Board, BoardCost, Dataset, Evaluation, Export, Interval, ManifestSummary, Training
from ser_tinyml.codegen.engine_graph import Graph
from ser_tinyml.judging.noise_curve import HISS_DBFS, SNR_DB
from ser_tinyml.judging.protocols import PROTOCOLS
from ser_tinyml.report.charts import draw_lines
from ser_tinyml.report.int8_grid import Grid
from ser_tinyml.report.listening import Heard
from ser_tinyml.report.rendering import explain_validation, render, show_value

_MODEL_NAMES = {
    "keras": "Keras (float32 weights)",
    "float": "ser_float.tflite",
    "dynamic": "ser_dynamic.tflite",
    "int8": "ser_int8.tflite",
    "tflm": "ser_int8.tflite on TFLM's kernels",
    "fake_quantized": "Keras with int8's roundings, as it was fine-tuned",
}
_BOARD = {"ram": 256 * 1024, "flash": 1024 * 1024}  # bytes of an nRF52840
_NAMED = 6  # of what is near chance

Value = TypeVar("Value")


@dataclasses.dataclass(frozen=True)
class Pictures:
    """PNG files of the page."""

    curves: bytes  # of training; empty where nothing was trained
    recordings: list[tuple[str, bytes]]  # caption, waveform and spectrogram
    copies: bytes  # of a training clip; empty where nothing was trained
    grids: bytes  # histograms of int8's values; empty where a finished model was judged


@dataclasses.dataclass(frozen=True)
class Page:
    """All that the page shows."""

    evaluation: Evaluation
    exported: Export | None  # None where a finished model was judged
    board: Board | None  # None where the run does not deploy
    training: Training | None  # None of a model from elsewhere
    summary: ManifestSummary
    dataset: Dataset
    graph: Graph | None  # the engine's
    pictures: Pictures
    grids: list[Grid]  # the int8 file's tensors
    mistakes: list[Heard]
    disagreements: list[Heard]
    copies: list[Heard]
    predictions: list[dict]  # the rows of predictions.jsonl
    lineage: dict[str, str]  # artifact -> digest


def render_page(page: Page) -> str:
    """Returns the HTML."""
    evaluation, board = page.evaluation, page.board
    flashed = evaluation.models[evaluation.flashed]
    speakers = flashed.slices["speaker"]
    worst_speaker = min(speakers, key=lambda name: speakers[name].uar)
    shown = {field.name: getattr(page, field.name) for field in dataclasses.fields(page)}
    return render(
        "page.html.j2",
        **shown,
        protocol=PROTOCOLS[evaluation.protocol],
        model_names=_MODEL_NAMES,
        by_model_name=_by_model_name,
        failed_gates=[gate.name for gate in evaluation.gates if not gate.passed],
        near_chance=_find_near_chance(evaluation),
        what_to_flash=_name_what_to_flash(page),
        worst_speaker=(worst_speaker, speakers[worst_speaker].uar),
        noisy=evaluation.noisy.get(evaluation.flashed),
        board_size=_BOARD,
        window_hop_ms=1000 * page.dataset.front_end.window_hop_samples / page.dataset.front_end.sample_rate,
        why_not_validated=explain_validation(board) if board else "",
        estimate_rows=_list_estimates(board.cost) if board and board.cost else [],
        sections=_list_sections(page),
        gate_rows=lambda question: _list_gates(evaluation, question),
        layers=_list_layers(page.graph, board) if page.graph else [],
        charts=_draw_charts(evaluation),
        noise_rows=[(f"{each.kind}, {each.level} dB", each.scores) for each in evaluation.noise_curve],
        rejecting=next((p for p in evaluation.coverage if 0 < p.threshold == evaluation.reject_below), None),
        false_alarm_rows=[
            [each.sound, each.decisions, each.announced, f"{each.announced_an_hour:,.0f}"]
            for each in (board.false_alarms if board else ())
        ],
        grid_rows=[
            [grid.name, f"{grid.scale:.3g}", f"{grid.used[0]} to {grid.used[1]}", f"{100 * grid.saturated:.2f} %"]
            for grid in page.grids
        ],
        kept=_explain_kept(page.training) if page.training else "",
        split_rows=[
            [name, split.examples, *(split.labels[label] for label in page.dataset.labels)]
            for name, split in page.dataset.splits.items()
            if split.examples
        ],
        file_rows=_count_files(page.summary, page.dataset),
        flag_rows=_list_flags(page),
        downloads={
            "json": json.dumps(dataclasses.asdict(evaluation), ensure_ascii=False).encode(),
            "csv": _write_csv(page.predictions),
        },
    )


def _by_model_name(values: Mapping[str, Value]) -> Iterable[tuple[str, Value]]:
    return [(_MODEL_NAMES[name], value) for name, value in values.items()]


def _name_what_to_flash(page: Page) -> str:
    """Returns the file that goes onto the device; "" where this run made none."""
    if not page.exported or not page.board:
        return ""
    return "ser_model_data.cc, on TFLM" if page.exported.engine_lacks else "ser_model.c"


def _find_near_chance(evaluation: Evaluation) -> list[str]:
    """Names the speakers and classes whose figures' intervals reach down to chance."""
    flashed = evaluation.models[evaluation.flashed]
    found = [
        f"the class {label}"
        for label, each in flashed.per_class.items()
        if _reaches(each.recall_interval, flashed.chance)
    ]
    found += [
        f"the speaker {name}"
        for name, scores in flashed.slices["speaker"].items()
        if _reaches(scores.intervals.get("uar"), flashed.chance)
    ]
    return found[:_NAMED] + ([f"{len(found) - _NAMED} more"] if len(found) > _NAMED else [])


def _reaches(interval: Interval | None, chance: float) -> bool:
    return interval is not None and interval[0] <= chance + 1e-9


def _list_sections(page: Page) -> list[tuple[str, str]]:
    sections = {
        "models": ("Models", True),
        "gates": ("Gates", True),
        "firmware": ("Firmware", page.board),
        "classes": ("Classes", True),
        "confusion": ("Confusion matrix", True),
        "who": ("Who, and what", True),
        "trust": ("How far to trust it", True),
        "mistakes": ("Mistakes", page.mistakes),
        "training": ("Training", page.training),
        "grid": ("Int8's grid", page.grids),
        "data": ("Data", True),
        "flags": ("Flags and lineage", True),
    }
    return [(name, title) for name, (title, is_there) in sections.items() if is_there]


def _list_estimates(cost: BoardCost) -> list[list[str]]:
    """Returns the rows of what a decision takes on real boards."""
    rows = []
    for each in cost.estimates:
        named = f"estimated for {each.board} ({each.processor})"
        rows += [[f"{named}: ms a decision, {part}", f"{value:.1f}"] for part, value in each.milliseconds.items()]
        rows += [
            [f"{named}: share of these that waits for the flash", f"{each.waiting:.0%}"],
            [f"{named}: energy of the processor a decision", f"{each.millijoules:.2f} mJ"],
            [f"{named}: share of the time that it works, while speech is heard", f"{each.duty_cycle:.0%}"],
        ]
    return rows


def _list_gates(evaluation: Evaluation, question: str) -> list[list[str]]:
    return [
        [
            gate.name,
            f"{gate.value:.4g} {gate.unit}".rstrip(),
            f"{gate.bound} {gate.threshold:.4g}",
            "passed" if gate.passed else f"failed by {abs(gate.value - gate.threshold):.4g}",
        ]
        for gate in evaluation.gates
        if gate.question == question
    ]


def _list_layers(graph: Graph, board: Board | None) -> list[list[str]]:
    """Returns a row a layer; of instructions there are none where nothing ran on the emulated board."""
    measured = {layer.number: layer for layer in (board.cost.layers if board and board.cost else ())}
    total = sum(layer.instructions for layer in measured.values())
    rows = []
    for number, node in enumerate(graph.nodes, start=1):
        cost = measured.get(number)
        rows.append(
            [
                cost.name if cost else node.layer.name,
                type(node.layer).__name__,
                f"{node.n_frames}",
                f"{node.layer.n_outputs}",
                f"{node.macs:,}",
                f"{node.layer.macs:,}",
                f"{cost.instructions:,}" if cost else "-",
                f"{100 * cost.instructions / total:.1f} %" if cost else "-",
            ]
        )
    return rows


def _draw_charts(evaluation: Evaluation) -> dict[str, Markup]:
    tenths = {step / 5: f"{step / 5:g}" for step in range(6)}
    charts = {
        "reliability": draw_lines(
            {
                "share that is right": [(each.probability, each.accuracy) for each in evaluation.reliability],
                "as often as it says": [(0, 0), (1, 1)],
            },
            title="Reliability diagram",
            x_label="probability of the class that is given",
            y_label="share that is right",
            x_ticks=tenths,
            dashed="as often as it says",
        ),
        "coverage": draw_lines(
            {
                "share answered": [(each.threshold, each.coverage) for each in evaluation.coverage],
                "of these right": [(each.threshold, each.accuracy) for each in evaluation.coverage if each.coverage],
            },
            title="Coverage against accuracy",
            x_label="least probability of an answer",
            y_label="share of clips",
            x_ticks=tenths,
        ),
    }
    if not evaluation.noise_curve:
        return charts
    curves: dict[str, list[tuple[float, float]]] = {}
    for level in evaluation.noise_curve:
        curves.setdefault(level.kind, []).append(
            (-level.level if level.kind != "hiss" else level.level, level.scores.uar)
        )
    hiss = {"hiss": curves.pop("hiss")}
    of_levels = {"y_label": "UAR"}
    charts["noise"] = draw_lines(
        curves,
        title="UAR with noise",
        x_label="dB of speech above the noise",
        x_ticks={-level: str(level) for level in SNR_DB},
        **of_levels,
    )
    charts["hiss"] = draw_lines(
        hiss,
        title="UAR with a microphone's hiss",
        x_label="level of the hiss, dB of full scale",
        x_ticks={level: str(level) for level in HISS_DBFS},
        **of_levels,
    )
    return charts


def _explain_kept(training: Training) -> str:
    """Returns a sentence on whose weights were kept, and why."""
    epochs = sum(training.epochs_trained.values())
    validation = f"its validation UAR was {training.best_validation_uar:.3f}"
    average = training.parameters["weight_average"]
    averaged = f", as the moving average of the last {average:g} epochs," if average else ""
    patience = training.parameters["patience"]
    if (members := training.parameters.get("ensemble", 1)) > 1:
        which = "best" if patience else "last"
        return (
            f"{members} networks were trained, in {epochs} epochs all in all, and joined into one. The weights of each one's "
            f"{which} epoch{averaged} were kept; {validation}."
        )
    if patience:
        return (
            f"The weights of epoch {training.best_epoch} of {epochs}{averaged} were kept: {validation}, the best, and none of "
            f"the next {patience} epochs was better, or training was at its end."
        )
    return f"Training ran to its end: the weights of epoch {training.best_epoch}{averaged} were kept; {validation}."


def _count_files(summary: ManifestSummary, dataset: Dataset) -> list[list[Any]]:
    return [
        ["files found", summary.files],
        ["clips in the manifest", summary.clips],
        *([f"excluded: {reason}", count] for reason, count in summary.excluded.items()),
        *([f"quarantined by name or header: {reason}", count] for reason, count in summary.quarantined.items()),
        *(
            [f"passed over, not named as sound: {suffix or 'no suffix'}", n]
            for suffix, n in summary.other_files.items()
        ),
        ["clips decoded", dataset.decoded],
        *([f"quarantined at decoding: {reason}", count] for reason, count in dataset.quarantined.items()),
    ]


def _list_flags(page: Page) -> list[list[str]]:
    of_steps = [("example_gen --split", page.summary.protocol), ("example_gen --fold", page.summary.fold)]
    of_steps += [(f"transform --{name}", value) for name, value in page.dataset.parameters.items()]
    if page.training:
        of_steps += [(f"trainer --{name}", value) for name, value in page.training.parameters.items()]
    return [[name, show_value(value) or "-"] for name, value in of_steps]


def _write_csv(rows: Sequence[dict]) -> bytes:
    """Returns a row a clip: who, what, and the probabilities of each form of the model."""
    content = io.StringIO()
    head = ["clip_id", "copy", "corpus", "speaker", "label"]
    forms = [(form, label) for form, found in (rows[0]["probabilities"] if rows else {}).items() for label in found]
    writer = csv.writer(content)
    writer.writerow([*head, *(f"{form} {label}" for form, label in forms)])
    for row in rows:
        writer.writerow([*(row[name] for name in head), *(row["probabilities"][form][label] for form, label in forms)])
    return content.getvalue().encode()
