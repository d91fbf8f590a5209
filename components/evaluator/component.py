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

import numpy as np

from components.step import parameter
from schemas.errors import GateFailed, UserError
from schemas.front_end import Standardisation
from ser_tinyml.codegen.source_check import count_differing_bytes
from ser_tinyml.judging import metrics
from ser_tinyml.judging.gates import Gate, agreement, judge
from ser_tinyml.judging.held_out import HeldOut
from ser_tinyml.network.fake_quantized import load_fake_quantized
from ser_tinyml.network.loading import fake_quantized_path, load_model, trained_model_path
from ser_tinyml.report import judgement_pictures as figures
from ser_tinyml.runtimes.predict import Predictions, predict_keras, predict_tflite, predict_tflm
from ser_tinyml.store import files
from ser_tinyml.store.dataset import read_split
from ser_tinyml.store.digests import sha256_of

SPLIT = "test"


@dataclasses.dataclass(frozen=True)
class Parameters:
    """The gates."""

    model_path: str = parameter(
        "", "A Keras model from elsewhere (.h5 or .keras of Keras 2) instead of the trained one."
    )
    max_accuracy_loss: float = parameter(1.0, "Percentage points of accuracy that int8 may lose against Keras.")
    min_agreement: float = parameter(0.97, "Share of clips on which int8 and Keras must give the same class.")
    min_tflm_agreement: float = parameter(
        0.99, "Share of clips on which TFLM and TFLite int8 must give the same class."
    )
    min_fake_quantized_agreement: float = parameter(
        0.99, "Share of clips on which int8 must give the class of the fake-quantized network that was fine-tuned."
    )
    max_tflm_difference: int = parameter(16, "Largest difference between TFLM's and TFLite's int8 outputs, in 1/256.")
    max_source_difference: int = parameter(
        0, "Bytes in which the compiled ser_model_data.cc may differ from the int8 file."
    )


def run(output: str, parameters: Parameters, examples: str, export: str, model: str | None = None) -> None:
    """Evaluates and judges; `require_blessing` then tells whether the model passed.

    Raises:
      UserError: an artifact is missing, or the artifacts don't belong together.
    """
    description = files.read_json(files.join(export, "export.json"))
    dataset = files.read_json(files.join(examples, "dataset.json"))
    labels = description["labels"]
    if set(labels) != set(dataset["labels"]):
        raise UserError(f"{export} has the labels {labels}, {examples} has {dataset['labels']}")
    class_of_record = np.array([labels.index(label) for label in dataset["labels"]])
    standardisation = Standardisation.from_dict(description["standardisation"])

    held_out = HeldOut.from_records(read_split(examples, SPLIT), class_of_record, standardisation)
    inputs = held_out.inputs
    keras_model = load_model(_keras_path(parameters, model, description))
    predictions = {"keras": predict_keras(keras_model, inputs)}
    sizes = {"keras": 4 * keras_model.count_params()}
    exported = {
        name: files.read_bytes(files.join(export, f"ser_{name}.tflite")) for name in ("float", "dynamic", "int8")
    }
    for name, content in exported.items():
        predictions[name] = predict_tflite(content, inputs)
        sizes[name] = len(content)
    predictions["tflm"] = predict_tflm(exported["int8"], inputs, description["arena_bytes"])
    sizes["tflm"] = sizes["int8"]
    if not parameters.model_path and (path := fake_quantized_path(str(model))):
        predictions["fake_quantized"] = predict_keras(load_fake_quantized(path), inputs)
        sizes["fake_quantized"] = sizes["keras"]
    votes = {name: held_out.vote(predicted.probabilities) for name, predicted in predictions.items()}
    elected = {name: vote.argmax(axis=1) for name, vote in votes.items()}

    gates = judge(
        held_out.true,
        elected,
        predictions,
        count_differing_bytes(export),
        parameters.max_accuracy_loss,
        parameters.min_agreement,
        parameters.min_tflm_agreement,
        parameters.max_tflm_difference,
        parameters.max_source_difference,
        parameters.min_fake_quantized_agreement,
    )
    evaluation = {
        "split": SPLIT,
        "examples": len(held_out.clips),
        "windows": len(inputs),
        "labels": labels,
        "protocol": "model_from_elsewhere" if parameters.model_path else dataset["protocol"],
        "synthetic": dataset["synthetic"],
        "dataset_digest": dataset["digest"],
        "models": {
            name: {
                "bytes": sizes[name],
                "latency_ms": predicted.latency_ms,
                "agreement": agreement(elected[name], elected["keras"]),
                "calibration_error": metrics.calibration_error(held_out.true, votes[name]),
            }
            | _evaluate(held_out, elected[name], labels)
            for name, predicted in predictions.items()
        },
        "tflm_against_int8": _compare_outputs(predictions["tflm"], predictions["int8"]),
        "noisy": _evaluate_noisy(examples, dataset, class_of_record, standardisation, keras_model, exported["int8"]),
        "gates": [gate.to_dict() for gate in gates],
        "blessed": all(gate.passed for gate in gates),
    }
    for name, classes in elected.items():
        matrix = metrics.confusion_matrix(held_out.true, classes, len(labels))
        files.write_bytes(files.join(output, f"confusion_{name}.png"), figures.draw_confusion(matrix, labels, name))
    if model and not parameters.model_path:
        history = files.read_bytes(files.join(model, "history.csv")).decode()
        best_epoch = files.read_json(files.join(model, "training.json"))["best_epoch"]
        files.write_bytes(files.join(output, "curves.png"), figures.draw_curves(history, best_epoch))
    files.write_bytes(files.join(output, "windows.npz"), _pack_windows(held_out, predictions["tflm"]))
    files.write_json_lines(files.join(output, "predictions.jsonl"), _list_predictions(held_out, votes, labels))
    files.write_json(files.join(output, "evaluation.json"), evaluation)
    for gate in gates:
        print(gate.describe())


def require_blessing(output: str) -> None:
    """Raises GateFailed, naming the gates that failed and by how much, where the model in `output` is not blessed."""
    gates = [Gate(**{k: v for k, v in g.items() if k != "passed"}) for g in _read(output)["gates"]]
    if failed := [gate.describe() for gate in gates if not gate.passed]:
        raise GateFailed("the model is not blessed:\n  " + "\n  ".join(failed))


def format_table(output: str) -> str:
    """The models of an evaluation as a table for the console."""
    evaluation = _read(output)
    lines = [f"{'model':10}{'bytes':>10}{'accuracy':>10}{'macro-F1':>10}{'UAR':>8}{'agreement':>11}{'latency':>12}"]
    for name, row in evaluation["models"].items():
        lines.append(
            f"{name:10}{row['bytes']:>10,}{row['accuracy']:>10.4f}{row['macro_f1']:>10.4f}{row['uar']:>8.4f}"
            f"{row['agreement']:>11.4f}{row['latency_ms']:>9.2f} ms"
        )
    return "\n".join(lines)


def _read(output: str) -> dict:
    return files.read_json(files.join(output, "evaluation.json"))


def _keras_path(parameters: Parameters, model: str | None, description: dict) -> str:
    """Path of the Keras model; UserError where it is not the one that was exported."""
    if not parameters.model_path and not model:
        raise UserError(
            "no model given: pass --model=ROOT/model, or --model_path=FILE for a Keras model from elsewhere"
        )
    path = parameters.model_path or trained_model_path(str(model))
    if sha256_of(path) != description["keras_sha256"]:
        raise UserError(f"{path} is not the model that was exported: run the exporter again")
    return path


def _evaluate(held_out: HeldOut, classes: np.ndarray, labels: list[str]) -> dict:
    clips, true = held_out.clips, held_out.true
    summary = metrics.summarise(true, classes, len(labels))
    return {
        "accuracy": summary["accuracy"],
        "macro_f1": summary["macro_f1"],
        "uar": summary["uar"],
        "per_class": metrics.per_class(true, classes, labels),
        "confusion": metrics.confusion_matrix(true, classes, len(labels)).tolist(),
        "by_corpus": metrics.by_group([clip.corpus for clip in clips], true, classes, len(labels)),
        "by_speaker": metrics.by_group([f"{clip.corpus}/{clip.speaker}" for clip in clips], true, classes, len(labels)),
    }


def _compare_outputs(one: Predictions, other: Predictions) -> dict[str, int]:
    assert one.quantized is not None and other.quantized is not None, "int8 models give int8"
    difference = np.abs(one.quantized.astype(int) - other.quantized.astype(int)).max(axis=1)
    return {
        "examples": len(difference),
        "same_class": int(np.sum(one.classes == other.classes)),
        "identical_outputs": int(np.sum(difference == 0)),
        "largest_difference": int(difference.max()),
    }


def _evaluate_noisy(
    examples: str,
    dataset: dict,
    class_of_record: np.ndarray,
    standardisation: Standardisation,
    keras_model,
    int8: bytes,
) -> dict:
    """Keras and int8 on the noisy copies of the same clips; empty where the dataset has none."""
    split = f"{SPLIT}_noisy"
    if not dataset["splits"][split]["examples"]:
        return {}
    noisy = HeldOut.from_records(read_split(examples, split), class_of_record, standardisation)
    predictions = {"keras": predict_keras(keras_model, noisy.inputs), "int8": predict_tflite(int8, noisy.inputs)}
    n_classes = len(dataset["labels"])
    return {
        "split": split,
        "models": {
            name: metrics.summarise(noisy.true, noisy.vote(predicted.probabilities).argmax(axis=1), n_classes)
            for name, predicted in predictions.items()
        },
    }


def _pack_windows(held_out: HeldOut, tflm: Predictions) -> bytes:
    content = io.BytesIO()
    assert tflm.quantized is not None and tflm.quantized_inputs is not None, "TFLM takes and gives int8"
    np.savez(
        content,
        features=tflm.quantized_inputs,
        outputs=tflm.quantized,
        clip=held_out.clip_of_window,
        true=held_out.true,
    )
    return content.getvalue()


def _list_predictions(held_out: HeldOut, votes: dict[str, np.ndarray], labels: list[str]) -> list[dict]:
    return [
        {
            "clip_id": clip.clip_id,
            "corpus": clip.corpus,
            "speaker": clip.speaker,
            "label": labels[held_out.true[number]],
            "probabilities": {
                name: {label: round(float(p), 6) for label, p in zip(labels, votes[name][number], strict=True)}
                for name in ("keras", "int8")
            },
        }
        for number, clip in enumerate(held_out.clips)
    ]
