"""The report's page: what a run made, judged and measured, in one HTML file that needs no other."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TypeVar

from schemas.run_files import Board, Dataset, Evaluation, ManifestSummary, Training
from ser_tinyml.judging.protocols import PROTOCOLS
from ser_tinyml.report.rendering import explain_validation, render

_MODEL_NAMES = {
    "keras": "Keras (float32 weights)",
    "float": "ser_float.tflite",
    "dynamic": "ser_dynamic.tflite",
    "int8": "ser_int8.tflite",
    "tflm": "ser_int8.tflite on TFLM's kernels",
    "fake_quantized": "Keras with int8's roundings, as it was fine-tuned",
}

Value = TypeVar("Value")


@dataclasses.dataclass(frozen=True)
class Pictures:
    """PNG files of the page."""

    confusions: dict[str, bytes]  # by runtime
    curves: bytes  # of training; empty where nothing was trained
    recordings: list[tuple[str, bytes]]  # caption, waveform and spectrogram
    copies: bytes  # of a training clip
    weights: bytes  # of the first layer; empty where its model is not at hand


@dataclasses.dataclass(frozen=True)
class Page:
    """All that the page shows."""

    evaluation: Evaluation
    board: Board | None  # None where the run does not deploy
    training: Training | None  # None of a model from elsewhere
    summary: ManifestSummary
    dataset: Dataset
    pictures: Pictures


def render_page(page: Page) -> str:
    """Returns the HTML."""
    return render(
        "page.html.j2",
        **{field.name: getattr(page, field.name) for field in dataclasses.fields(page)},
        protocol=PROTOCOLS[page.evaluation.protocol],
        model_names=_MODEL_NAMES,
        by_model_name=_by_model_name,
        why_not_validated=explain_validation(page.board) if page.board else "",
    )


def _by_model_name(values: Mapping[str, Value]) -> Iterable[tuple[str, Value]]:
    return [(_MODEL_NAMES[name], value) for name, value in values.items()]
