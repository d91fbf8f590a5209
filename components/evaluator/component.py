"""ROOT/examples, ROOT/model, ROOT/export -> ROOT/evaluation.

Writes:
  evaluation.json          metrics of Keras, each TFLite file, and the int8 file on TFLM's kernels; gates; blessed or not
  predictions.jsonl        a row a held-out clip: corpus, speaker, true class, and the probabilities of Keras and of int8
  windows.npz              of each held-out window the int8 model's input, and its output on TFLM's kernels: what firmware must
                           give; its clip, and each clip's true class
  confusion_<model>.png  curves.png
"""

import dataclasses
import io
from typing import TypeVar

import numpy as np

from components.step import StepParameters, owns_output, parameter
from schemas.errors import UserError
from schemas.run_files import Comparison, Dataset, Evaluation, Export, Scores, Training
from ser_tinyml.codegen.source_check import count_differing_bytes
from ser_tinyml.judging import gates, metrics
from ser_tinyml.judging.evaluation import Candidate, Judged, compare_runtimes, evaluate, list_predictions
from ser_tinyml.judging.faithful import Evidence, Thresholds, judge_exports
from ser_tinyml.judging.good_enough import CHANCE, Performance, Standards, judge_performance
from ser_tinyml.judging.held_out import HeldOut
from ser_tinyml.judging.predicted import FLASHED, PREDICTIONS, Clips, compare
from ser_tinyml.judging.provenance import find_heard, name_protocol
from ser_tinyml.network.fake_quantized import load_fake_quantized
from ser_tinyml.network.loading import load_exported
from ser_tinyml.report import judgement_pictures
from ser_tinyml.runtimes.keras import Keras
from ser_tinyml.runtimes.predictions import Predictions
from ser_tinyml.runtimes.tflite import TFLite
from ser_tinyml.runtimes.tflm import Tflm
from ser_tinyml.store import files, run_files
from ser_tinyml.store.dataset import read_split

SPLIT, NOISY_SPLIT = "test", "test_noisy"

Picked = TypeVar("Picked", Thresholds, Standards)


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """The gates: what makes the exports faithful, and what makes the model good enough."""

    max_accuracy_loss: float = parameter(
        1.0,
        "Percentage points of accuracy that int8 may lose against Keras; below 0: so many it must gain.",
        at_least=-100,
        at_most=100,
    )
    min_agreement: float = parameter(
        0.97, "Share of clips on which int8 and Keras must give the same class.", at_least=0, at_most=1
    )
    min_tflm_agreement: float = parameter(
        0.99, "Share of clips on which TFLM and TFLite int8 must give the same class.", at_least=0, at_most=1
    )
    min_fake_quantized_agreement: float = parameter(
        0.99,
        "Share of clips on which int8 must give the class of the fake-quantized network that was fine-tuned.",
        at_least=0,
        at_most=1,
    )
    max_tflm_difference: int = parameter(
        16, "Largest difference between TFLM's and TFLite's int8 outputs, in 1/256.", at_least=0, at_most=255
    )
    max_source_difference: int = parameter(
        0,
        "Bytes in which the compiled ser_model_data.cc may differ from the int8 file.",
        at_least=0,
        at_most=1_000_000,
    )
    min_uar: float = parameter(
        CHANCE,
        "UAR that int8 must reach; -1: the lower end of its 95 % interval over speakers must be above chance.",
        at_least=CHANCE,
        at_most=1,
    )
    min_recall: float = parameter(0.05, "Recall that int8 must reach of its worst class.", at_least=0, at_most=1)
    min_noisy_uar: float = parameter(
        0.0, "UAR that int8 must reach on the noisy copies of the same clips; 0: not judged.", at_least=0, at_most=1
    )
    max_calibration_error: float = parameter(
        0.3, "How far int8's probabilities may be, on average, from how often they are right.", at_least=0, at_most=1
    )
    allow_overlap: bool = parameter(
        False, "Judges on speakers and clips that training heard, too; the report says so in red."
    )
    baseline: str = parameter(
        "", "ROOT of another run on the same clips: the model must not be worse, by an interval over speakers."
    )


@owns_output(r"evaluation\.json|predictions\.jsonl|windows\.npz|curves\.png|confusion_\w+\.png")
def run(output: str, parameters: Parameters, *, examples: str, export: str, model: str | None = None) -> None:
    """Evaluates and judges; `require_blessing` then tells whether the model passed.

    Args:
      output: directory for the evaluation.
      parameters: see Parameters.
      examples: directory of the dataset.
      export: directory of the export.
      model: directory of the trained model; not needed where a model from elsewhere was exported.

    Raises:
      UserError: an artifact is missing, or the artifacts don't belong together.
    """
    exported, dataset = run_files.read(Export, export), run_files.read(Dataset, examples)
    if set(exported.labels) != set(dataset.labels):
        raise UserError(f"{export} has the labels {exported.labels}, {examples} has {dataset.labels}")
    held_out = _read_held_out(examples, SPLIT, exported=exported, dataset=dataset)
    candidates = _load_candidates(export, exported, model)
    judged = Judged.from_candidates(candidates, held_out)
    evidence = Evidence(
        held_out.true,
        judged.elected,
        predictions=judged.predictions,
        differing_source_bytes=count_differing_bytes(export),
    )
    models = evaluate(candidates, judged, held_out, labels=exported.labels)
    rows = list_predictions(held_out, judged, exported.labels)
    noisy = _score_noisy(candidates, examples, exported=exported, dataset=dataset)
    heard = find_heard(exported.trained_on, held_out.clips)
    baseline = _compare_with(parameters.baseline, rows) if parameters.baseline else None
    performance = Performance(
        models[FLASHED],
        judged.predictions[FLASHED].probabilities,
        chance=1 / len(np.unique(held_out.true)),
        noisy=noisy.get("int8"),
        heard=heard,
        baseline=baseline,
    )
    passed = judge_exports(evidence, _pick(Thresholds, parameters))
    passed += judge_performance(performance, _pick(Standards, parameters))
    evaluation = Evaluation(
        split=SPLIT,
        clips=len(held_out.clips),
        windows=len(held_out.inputs),
        labels=exported.labels,
        protocol=name_protocol(exported.trained_on, held_out.clips),
        heard=heard,
        synthetic=dataset.synthetic,
        dataset_digest=dataset.digest,
        models=models,
        tflm_against_int8=compare_runtimes(judged.predictions["tflm"], judged.predictions["int8"]),
        noisy=noisy,
        baseline=baseline,
        gates=tuple(passed),
        blessed=all(gate.passed for gate in passed),
    )
    _draw(output, evaluation, model=None if exported.model_path else model)
    files.write_bytes(files.join(output, "windows.npz"), _pack_windows(held_out, judged.predictions["tflm"]))
    files.write_json_lines(files.join(output, PREDICTIONS), rows)
    run_files.write(evaluation, output)
    for gate in passed:
        print(gates.describe(gate))


def require_blessing(output: str) -> None:
    """Raises GateFailed, naming the gates that failed and by how much, where the model in `output` is not blessed."""
    gates.require_passed(run_files.read(Evaluation, output).gates, "the model is not blessed")


def _pick(kind: type[Picked], parameters: Parameters) -> Picked:
    """Returns a dataclass, filled from the parameters of the same names."""
    return kind(**{field.name: getattr(parameters, field.name) for field in dataclasses.fields(kind)})


def _compare_with(baseline: str, rows: list[dict]) -> Comparison:
    """Compares with another run; raises UserError where there is none, or it was judged on other clips."""
    compared = compare(Clips.from_rows(rows), Clips.read(baseline), called=baseline)
    if compared.clips < len(rows):
        raise UserError(
            f"--baseline={baseline}: it was judged on {compared.clips} of these {len(rows)} clips, not on all"
        )
    return compared


def format_table(output: str) -> str:
    """Returns the models of an evaluation as a table for the console."""
    lines = [f"{'model':10}{'bytes':>10}{'accuracy':>10}{'macro-F1':>10}{'UAR':>8}{'agreement':>11}{'latency':>12}"]
    evaluation = run_files.read(Evaluation, output)
    for name, row in evaluation.models.items():
        scores = row.scores
        lines.append(
            f"{name:10}{row.bytes:>10,}{scores.accuracy:>10.4f}{scores.macro_f1:>10.4f}{scores.uar:>8.4f}"
            f"{row.agreement:>11.4f}{row.latency_ms:>9.2f} ms"
        )
    if absent := evaluation.labels_without_clips:
        lines.append(f"no held-out clip is {' or '.join(absent)}: macro-F1 and UAR average the other classes")
    return "\n".join(lines)


def _read_held_out(examples: str, split: str, *, exported: Export, dataset: Dataset) -> HeldOut:
    class_of_record = np.array([exported.labels.index(label) for label in dataset.labels])
    return HeldOut.from_records(read_split(examples, split), class_of_record, exported.standardisation)


def _load_candidates(export: str, exported: Export, model: str | None) -> dict[str, Candidate]:
    """Loads the Keras model, its exports, and the network with int8's roundings where there is one.

    Raises:
      UserError: the Keras model is missing, or is not the one that was exported.
    """
    training = None if exported.model_path or not model else run_files.read(Training, model)
    if not exported.model_path and not training:
        raise UserError(f"{export} is of a trained model: pass --model=ROOT/model")
    candidates, keras_bytes = {}, 0
    if not exported.is_tflite:
        path = files.join(str(model), training.model) if training else exported.model_path
        keras = load_exported(path, exported)
        keras_bytes = 4 * keras.count_params()
        candidates["keras"] = Candidate(Keras(keras), keras_bytes)
    for name in exported.formats:
        content = files.read_bytes(files.join(export, f"ser_{name}.tflite"))
        candidates[name] = Candidate(TFLite(content), len(content))
    candidates["tflm"] = Candidate(Tflm(content, exported.arena_bytes), len(content))  # the last one is int8
    if training and training.fake_quantized:
        rounded = load_fake_quantized(files.join(str(model), training.fake_quantized))
        candidates["fake_quantized"] = Candidate(Keras(rounded), keras_bytes)
    return candidates


def _score_noisy(
    candidates: dict[str, Candidate], examples: str, *, exported: Export, dataset: Dataset
) -> dict[str, Scores]:
    """Scores Keras and int8 on the noisy copies of the same clips; empty where the dataset has none."""
    if not dataset.splits[NOISY_SPLIT].examples:
        return {}
    noisy = _read_held_out(examples, NOISY_SPLIT, exported=exported, dataset=dataset)
    judged = Judged.from_candidates({name: candidates[name] for name in ("keras", "int8") if name in candidates}, noisy)
    return {name: metrics.score(noisy.true, classes) for name, classes in judged.elected.items()}


def _draw(output: str, evaluation: Evaluation, model: str | None) -> None:
    for name, row in evaluation.models.items():
        picture = judgement_pictures.draw_confusion(np.array(row.confusion), evaluation.labels, title=name)
        files.write_bytes(files.join(output, f"confusion_{name}.png"), picture)
    if model:
        history = files.read_bytes(files.join(model, "history.csv")).decode()
        curves = judgement_pictures.draw_curves(history, run_files.read(Training, model).best_epoch)
        files.write_bytes(files.join(output, "curves.png"), curves)


def _pack_windows(held_out: HeldOut, tflm: Predictions) -> bytes:
    content = io.BytesIO()
    assert tflm.quantized is not None and tflm.quantized_inputs is not None, "TFLM takes and gives int8"
    arrays = {"features": tflm.quantized_inputs, "outputs": tflm.quantized}
    np.savez(content, **arrays, clip=held_out.clip_of_window, true=held_out.true)
    return content.getvalue()
