"""ROOT/examples, ROOT/model, ROOT/export -> ROOT/evaluation.

Writes:
  evaluation.json          metrics of Keras, each TFLite file, and the int8 file on TFLM's kernels; gates; blessed or not
  predictions.jsonl        a row a held-out clip: corpus, speaker, true class, and the probabilities by each form of the model
  windows.npz              of each held-out window the int8 model's input, and its output on TFLM's kernels: what firmware must
                           give; its clip, and each clip's true class
  curves.png               of training
  logs/                    TensorBoard: the confusion matrix, and mistakes as sound
"""

import dataclasses
import io
from typing import TypeVar

import numpy as np

from components.evaluator.parameters import MAKES, Parameters
from components.step import owns_output
from schemas.errors import UserError
from schemas.record import Audio
from schemas.run_files import Comparison, Dataset, Evaluation, Export, NoiseLevel, Scores, Training
from ser_tinyml.judging import gates, metrics, verdicts
from ser_tinyml.judging.evaluation import Judged, compare_runtimes, evaluate, list_predictions
from ser_tinyml.judging.faithful import Evidence, Thresholds, judge_exports
from ser_tinyml.judging.good_enough import Performance, Standards, judge_performance
from ser_tinyml.judging.held_out import HeldOut
from ser_tinyml.judging.intervals import score_strangers
from ser_tinyml.judging.noise_curve import choose_clips, measure_noise
from ser_tinyml.judging.predicted import PREDICTIONS, Clips, compare
from ser_tinyml.judging.provenance import find_heard, name_protocol
from ser_tinyml.judging.subject import Subject, load_export
from ser_tinyml.report import judgement_pictures
from ser_tinyml.report.listening import find_mistakes
from ser_tinyml.report.tensorboard import log_judgement
from ser_tinyml.runtimes.predictions import Predictions
from ser_tinyml.store import files, run_files
from ser_tinyml.store.dataset import read_audio, read_split
from ser_tinyml.store.finished_model import Interface
from ser_tinyml.store.manifest import read_manifest
from ser_tinyml.store.occasion import describe_occasion

SPLIT, NOISY_SPLIT = "test", "test_noisy"

require_blessing = verdicts.require_blessed

Picked = TypeVar("Picked", Thresholds, Standards)


@owns_output(MAKES, varies="logs")
def run(
    output: str,
    parameters: Parameters,
    *,
    examples: str,
    export: str,
    model: str | None = None,
    manifest: str | None = None,
) -> None:
    """Evaluates and judges an exported model; `require_blessing` then tells whether it passed.

    Args:
      output: directory for the evaluation.
      parameters: see Parameters.
      examples: directory of the dataset.
      export: directory of the export.
      model: directory of the trained model; not needed where a model from elsewhere was exported.
      manifest: directory of the manifest, for figures by sex, intensity and duration.

    Raises:
      UserError: an artifact is missing, or the artifacts don't belong together.
    """
    exported = run_files.read(Export, export)
    if not exported.model_path and not model:
        raise UserError(f"{export} is of a trained model: pass --model=ROOT/model")
    _judge(output, parameters, load_export(export, model), examples, manifest)
    if model and not exported.model_path:
        history = files.read_bytes(files.join(model, "history.csv")).decode()
        curves = judgement_pictures.draw_curves(history, run_files.read(Training, model).best_epoch)
        files.write_bytes(files.join(output, "curves.png"), curves)


@owns_output(MAKES, varies="logs")
def judge(output: str, parameters: Parameters, *, examples: str, manifest: str, subject: Subject) -> None:
    """Does what `run` does, for a model that is loaded, on any dataset that has its classes and its front end."""
    _judge(output, parameters, subject, examples, manifest)


def _judge(output: str, parameters: Parameters, subject: Subject, examples: str, manifest: str | None) -> None:
    dataset, labels, candidates = run_files.read(Dataset, examples), subject.interface.labels, subject.candidates
    if set(labels) != set(dataset.labels):
        raise UserError(f"the model has the labels {labels}, {examples} has {dataset.labels}")
    held_out = _read_held_out(examples, SPLIT, interface=subject.interface, dataset=dataset)
    judged = Judged.from_candidates(candidates, held_out, subject.flashed)
    listed = read_manifest(files.join(manifest, "manifest.jsonl")) if manifest else ()
    models = evaluate(candidates, judged, held_out, labels=labels, rows={row.clip_id: row for row in listed})
    rows = list_predictions(held_out, judged, labels)
    sound = read_audio(examples) if dataset.audio.examples else []
    noisy = _score_noisy(subject, examples, dataset=dataset)
    heard = find_heard(subject.trained_on, held_out.clips)
    baseline = _compare_with(parameters.baseline, rows) if parameters.baseline else None
    evidence = Evidence(
        held_out.true,
        judged.elected,
        predictions=judged.predictions,
        differing_source_bytes=subject.differing_source_bytes,
    )
    performance = Performance(
        models[subject.flashed],
        judged.predictions[subject.flashed].probabilities,
        noisy=noisy.get(subject.flashed),
        heard=heard,
        baseline=baseline,
    )
    passed = judge_exports(evidence, _pick(Thresholds, parameters))
    passed += judge_performance(performance, _pick(Standards, parameters))
    on_tflm = [judged.predictions[name] for name in ("tflm", "int8") if name in candidates]
    evaluation = Evaluation(
        split=SPLIT,
        clips=len(held_out.clips),
        windows=len(held_out.inputs),
        labels=labels,
        protocol=name_protocol(heard),
        heard=heard,
        synthetic=dataset.synthetic,
        dataset_digest=dataset.digest,
        models=models,
        flashed=subject.flashed,
        tflm_against_int8=compare_runtimes(*on_tflm) if len(on_tflm) == 2 else None,
        noisy=noisy,
        reliability=metrics.find_reliability(held_out.true, judged.votes[subject.flashed]),
        coverage=metrics.find_coverage(held_out.true, judged.votes[subject.flashed], also=subject.reject_below),
        reject_below=subject.reject_below,
        noise_curve=_measure_noise(parameters.noise_clips, subject, held_out, sound=sound, dataset=dataset),
        baseline=baseline,
        gates=tuple(passed),
        blessed=all(gate.passed for gate in passed),
        occasion=describe_occasion(),
    )
    if "tflm" in candidates:
        said = judged.predictions["tflm"]
        if subject.interface.front_end.cmvn_prior_windows:
            # Firmware is tried window by window, of speakers not heard before.
            held_out = _read_unheard(examples, interface=subject.interface, dataset=dataset)
            said = candidates["tflm"].runtime.predict(held_out.inputs, held_out.begins)
        files.write_bytes(files.join(output, "windows.npz"), _pack_windows(held_out, said))
    files.write_json_lines(files.join(output, PREDICTIONS), rows)
    run_files.write(evaluation, output)
    _log(files.join(output, "logs"), evaluation, rows, sound=sound, sample_rate=dataset.front_end.sample_rate)
    for gate in passed:
        print(gates.describe(gate))


def _log(folder: str, evaluation: Evaluation, rows: list[dict], *, sound: list[Audio], sample_rate: int) -> None:
    """Writes what TensorBoard shows of the judgement."""
    first = {(audio.clip_id, audio.copy): audio.samples for audio in sound if not audio.window}
    wrong = [
        ((rows[number]["clip_id"], rows[number]["copy"]), text)
        for number, text in find_mistakes(rows, evaluation.flashed)
    ]
    log_judgement(
        folder,
        np.array(evaluation.models[evaluation.flashed].confusion),
        evaluation.labels,
        mistakes=[(text, first[key]) for key, text in wrong if key in first],
        sample_rate=sample_rate,
    )


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


def _read_held_out(examples: str, split: str, *, interface: Interface, dataset: Dataset) -> HeldOut:
    class_of_record = np.array([interface.labels.index(label) for label in dataset.labels])
    records = read_split(examples, split)
    return HeldOut.from_records(records, class_of_record, interface.standardisation, interface.front_end)


def _read_unheard(examples: str, *, interface: Interface, dataset: Dataset) -> HeldOut:
    """Returns the held-out windows, each as if nothing had been heard of its speaker before."""
    front_end = dataclasses.replace(interface.front_end, cmvn_prior_windows=0)
    return _read_held_out(
        examples, SPLIT, interface=dataclasses.replace(interface, front_end=front_end), dataset=dataset
    )


def _score_noisy(subject: Subject, examples: str, *, dataset: Dataset) -> dict[str, Scores]:
    """Scores what is flashed, and what the others are compared with, on the noisy copies of the same clips; empty where the
    dataset has none."""
    if not dataset.splits[NOISY_SPLIT].examples:
        return {}
    noisy = _read_held_out(examples, NOISY_SPLIT, interface=subject.interface, dataset=dataset)
    both = {name: subject.candidates[name] for name in (next(iter(subject.candidates)), subject.flashed)}
    elected = {
        name: noisy.vote(each.runtime.run(noisy.inputs, noisy.begins)).argmax(axis=1) for name, each in both.items()
    }
    speakers = [clip.speaker_key for clip in noisy.clips]
    return {name: score_strangers(noisy.true, classes, speakers) for name, classes in elected.items()}


def _measure_noise(
    count: int, subject: Subject, held_out: HeldOut, *, sound: list[Audio], dataset: Dataset
) -> tuple[NoiseLevel, ...]:
    """Returns nothing where there is no sound, or where short clips are padded by zero frames, which no sound gives.

    The int8 file is run by TFLite, which is four times as fast as TFLM and is held to the same classes by a gate.
    """
    if not count or not sound or dataset.parameters["padding"] == "features":
        return ()
    chosen = choose_clips(held_out.clips, count)
    return measure_noise(
        subject.candidates.get("int8", subject.candidates[subject.flashed]).runtime,
        [held_out.clips[number] for number in chosen],
        sound,
        true=held_out.true[chosen],
        front_end=subject.interface.front_end,
        standardisation=subject.interface.standardisation,
    )


def _pack_windows(held_out: HeldOut, tflm: Predictions) -> bytes:
    content = io.BytesIO()
    assert tflm.quantized is not None and tflm.quantized_inputs is not None, "TFLM takes and gives int8"
    arrays = {"features": tflm.quantized_inputs, "outputs": tflm.quantized}
    begins = np.ones(len(held_out.inputs), bool) if held_out.begins is None else held_out.begins
    np.savez(content, **arrays, clip=held_out.clip_of_window, begins=begins, true=held_out.true)
    return content.getvalue()
