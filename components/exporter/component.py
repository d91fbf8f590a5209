"""ROOT/model, or a model from elsewhere, -> ROOT/export.

Writes:
  ser_float.tflite  ser_dynamic.tflite  ser_int8.tflite; of a TFLite model from elsewhere the last alone
  ser_model.c  ser_model.h              the int8 model and its front end as C; without layers where the engine lacks one
  ser_model_apart.c  ser_model_apart.h  ser_model.bin   the same with the model apart from the code; not without layers
  ser_model_data.cc  ser_model_data.h   the int8 model for TFLM's interpreter
  export.json   written last: labels, front end, standardisation, arena, bounds; per file bytes, SHA-256, operators, tensors
"""

import dataclasses
import hashlib

import numpy as np
import tensorflow as tf

from components.exporter.parameters import MAKES, Parameters
from components.step import owns_output
from schemas.classes import choose_leds, parse_labels
from schemas.errors import UsageError, UserError
from schemas.front_end import FrontEnd, Standardisation
from schemas.run_files import Bound, Dataset, Export, ExportedFile, TrainedOn, Training
from ser_tinyml.audio.limits import read_front_end
from ser_tinyml.audio.standardise import read_standardisation, standardise_examples
from ser_tinyml.codegen.bounds import find_closest, prove_bounds
from ser_tinyml.codegen.convert import convert, drop_training_only, fix_batch_size, refuse_loops
from ser_tinyml.codegen.engine_graph import Graph
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.codegen.model_source import ModelInterface, make_sources
from ser_tinyml.codegen.tflite_file import describe_model
from ser_tinyml.codegen.tflm_source import make_tflm_sources
from ser_tinyml.judging.held_out import HeldOut
from ser_tinyml.network.loading import load_model
from ser_tinyml.runtimes.isolated import call_isolated
from ser_tinyml.runtimes.tflite import TFLite
from ser_tinyml.runtimes.tflm import measure_arena
from ser_tinyml.store import files, run_files
from ser_tinyml.store.dataset import read_calibration, read_split
from ser_tinyml.store.digests import sha256_of_model
from ser_tinyml.store.finished_model import is_tflite

_CONVERSION_SECONDS, _CONVERSION_BYTES = 1800, 8 * 2**30  # of a model from elsewhere; ours takes some seconds

_SUM_ERROR = 1 / 256  # of a class's probability, in an int8 output


@dataclasses.dataclass(frozen=True)
class _Source:
    """The model to export, and what it takes and gives."""

    path: str
    labels: tuple[str, ...]
    leds: tuple[str, ...]  # of each label
    front_end: FrontEnd
    standardisation: Standardisation
    add_softmax: bool = False
    allow_code: bool = False
    trained_on: TrainedOn | None = None  # None: nobody here knows
    weight_bits: int = 8


@owns_output(MAKES)
def run(output: str, parameters: Parameters, *, examples: str, model: str | None = None) -> None:
    """Converts, describes and writes the model.

    Args:
      output: directory for the export.
      parameters: see Parameters.
      examples: directory of the dataset whose training records calibrate.
      model: directory of the trained model; not read where `parameters.model_path` is given.

    Raises:
      UserError: the model can't be read, does not fit the front end or the labels, or TFLM can't run it.
    """
    dataset = run_files.read(Dataset, examples)
    source = _foreign_model(parameters, dataset) if parameters.model_path else _trained_model(model, dataset)
    if source.front_end != dataset.front_end:
        raise UserError(
            f"{source.path} and {examples} differ in their front ends: the records can't calibrate the model"
        )
    calibration = _calibration_inputs(examples, source, parameters)
    if parameters.model_path:
        if source.add_softmax and is_tflite(source.path):
            raise UsageError("--add_softmax puts a layer behind a Keras model; a TFLite file stays as it is")
        limits = {"limit_seconds": _CONVERSION_SECONDS, "limit_bytes": _CONVERSION_BYTES}
        called = f"the conversion of {source.path}"
        converted, lstm_names = call_isolated(_convert_foreign, source, calibration, called=called, **limits)
    else:
        converted, lstm_names = _convert(source, calibration)
    arena_bytes = measure_arena(converted["int8"])
    contents = {f"ser_{name}.tflite": content for name, content in converted.items()}
    reject_below = _choose_threshold(converted["int8"], examples, source, share=parameters.uncertain_share)
    graph, bounds, engine_lacks = _prove(converted["int8"], lstm_names)
    sources = _make_sources(converted["int8"], source, graph, reject_below=reject_below, arena_bytes=arena_bytes)
    contents |= sources
    for name, content in contents.items():
        files.write_bytes(files.join(output, name), content)
    export = Export(
        model_path=parameters.model_path,
        model_sha256=sha256_of_model(source.path),
        add_softmax=source.add_softmax,
        allow_model_code=source.allow_code,
        labels=source.labels,
        leds=source.leds,
        front_end=source.front_end,
        standardisation=source.standardisation,
        arena_bytes=arena_bytes,
        engine_lacks=engine_lacks,
        bounds=bounds,
        label_of_emotion=dataset.label_of_emotion,
        reject_below=reject_below,
        calibration_examples=parameters.calibration_examples,
        dataset_digest=dataset.digest,
        synthetic=dataset.synthetic,
        trained_on=source.trained_on,
        files={name: _describe(name, content) for name, content in contents.items()},
    )
    run_files.write(export, output)
    print("exported " + ", ".join(f"{name} {len(content)} bytes" for name, content in contents.items()))


def _convert(source: _Source, calibration: np.ndarray) -> tuple[dict[str, bytes], list[str]]:
    """Returns the flatbuffers by format, and the names of the LSTMs; raises UserError where the model can't be converted."""
    keras_model = load_model(source.path, allow_code=source.allow_code, add_softmax=source.add_softmax)
    found = tuple(keras_model.inputs[0].shape[1:]), tuple(keras_model.outputs[0].shape[1:])
    _check_shapes(*found, source)
    try:
        plain = drop_training_only(keras_model)
        refuse_loops(plain)
    except UserError as error:
        raise UserError(f"{source.path}: {error}") from error
    _check_probabilities(keras_model.predict(calibration, batch_size=_batch_of(keras_model), verbose=0), source)
    lstm_names = [layer.name for layer in keras_model.layers if isinstance(layer, tf.keras.layers.LSTM)]
    return convert(fix_batch_size(plain), calibration, source.weight_bits), lstm_names


def _batch_of(keras_model: tf.keras.Model) -> int:
    """Returns the number of examples that a model takes at once: its own, where that is fixed."""
    return keras_model.inputs[0].shape[0] or 64


def _choose_threshold(int8: bytes, examples: str, source: _Source, *, share: float) -> float:
    """Returns the probability below which the int8 model's answers to so many of the validation clips are; 0 for none."""
    if not share:
        return 0.0
    records = [record for record in read_split(examples, "validation") if record.copy == 0]
    chosen = HeldOut.from_records(records, np.arange(len(source.labels)), source.standardisation, source.front_end)
    votes = chosen.vote(TFLite(int8).predict(chosen.inputs, chosen.begins).probabilities)
    return float(np.quantile(votes.max(axis=1), share, method="lower"))


def _convert_foreign(source: _Source, calibration: np.ndarray) -> tuple[dict[str, bytes], list[str]]:
    """Does what `_convert` does for a model of any format; an int8 TFLite file is tried and returned as it is."""
    if is_tflite(source.path):
        content = files.read_bytes(source.path)
        _check_tflite(content, source, calibration)
        return {"int8": content}, []
    return _convert(source, calibration)


def _check_tflite(content: bytes, source: _Source, calibration: np.ndarray) -> None:
    """Raises UserError where a TFLite file is not int8 from end to end, or does not map the features to probabilities."""
    try:
        described = describe_model(content)
    except UserError as error:
        raise UserError(f"{source.path}: {error}") from error
    for end, tensor in (("input", described.input), ("output", described.output)):
        if tensor.dtype != "int8":
            raise UserError(
                f"{source.path}: its {end} ({tensor.name}) is {tensor.dtype}, expected int8: convert the model with "
                "representative data and inference_input_type and inference_output_type of int8, or give the Keras model"
            )
    _check_shapes(described.input.shape[1:], described.output.shape[1:], source)
    _check_probabilities(TFLite(content).predict(calibration).probabilities, source)


def _prove(int8: bytes, lstm_names: list[str]) -> tuple[Graph | None, tuple[Bound, ...], str]:
    """Returns the layers that the engine runs, their proved bounds, and "" ; or none, and what the engine lacks."""
    try:
        graph = read_graph(int8).with_lstm_names(lstm_names)
        bounds = prove_bounds(graph)
    except UserError as error:
        print(f"no generated engine, TFLM's alone runs this model: {error}")
        return None, (), str(error)
    if closest := find_closest(bounds):
        reached = f"layer {closest.layer}'s {closest.quantity} reach {closest.used:.1%} of theirs"
        print(f"proved that no number of the engine leaves its range: of all sums, {reached}")
    return graph, bounds, ""


def _make_sources(
    int8: bytes, source: _Source, graph: Graph | None, *, reject_below: float, arena_bytes: int
) -> dict[str, bytes]:
    """Returns the C sources by their names; without layers where there is no graph."""
    interface = ModelInterface(
        source.labels, source.front_end, source.standardisation, source.leds, reject_below=reject_below
    )
    return make_sources(int8, interface, graph) | make_tflm_sources(int8, arena_bytes)


def _describe(name: str, content: bytes) -> ExportedFile:
    description = describe_model(content) if name.endswith(".tflite") else None
    return ExportedFile(bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), model=description)


def _trained_model(model: str | None, dataset: Dataset) -> _Source:
    if not model:
        raise UserError("no model given: pass --model=ROOT/model, or --model_path=FILE for a model from elsewhere")
    training = run_files.read(Training, model)
    return _Source(
        path=files.join(model, training.model),
        labels=training.labels,
        leds=_find_leds(training.labels, dataset),
        front_end=training.front_end,
        standardisation=training.standardisation,
        trained_on=training.trained_on,
        weight_bits=int(training.parameters.get("weight_bits", "8")),
    )


def _foreign_model(parameters: Parameters, dataset: Dataset) -> _Source:
    front_end = dataset.front_end
    if parameters.model_front_end:
        front_end = read_front_end(parameters.model_front_end, front_end)
    standardisation = _foreign_standardisation(parameters.model_standardisation, dataset)
    labels = parse_labels("model_labels", parameters.model_labels) if parameters.model_labels else dataset.labels
    leds = _find_leds(labels, dataset)
    return _Source(
        parameters.model_path,
        labels,
        leds=leds,
        front_end=front_end,
        standardisation=standardisation,
        add_softmax=parameters.add_softmax,
        allow_code=parameters.allow_model_code,
    )


def _find_leds(labels: tuple[str, ...], dataset: Dataset) -> tuple[str, ...]:
    """Returns the colour that the dataset gives each label; one that it does not know gets another."""
    known = dict(zip(dataset.labels, dataset.leds, strict=True))
    return choose_leds([known.get(label, "") for label in labels])


def _foreign_standardisation(given: str, dataset: Dataset) -> Standardisation:
    if given == "none":
        return Standardisation.identity(dataset.front_end.n_features)
    if given == "dataset":
        return dataset.standardisation
    try:
        return read_standardisation(given, dataset.front_end.n_features)
    except UserError as error:
        raise UserError(f"--model_standardisation={error}") from error


def _check_shapes(inputs: tuple, outputs: tuple, source: _Source) -> None:
    """Raises UserError where a model does not take the front end's features, or does not give a value a class."""
    front_end, labels = source.front_end, source.labels
    expected = front_end.n_frames, front_end.n_features
    if tuple(inputs) != expected:
        without = (
            "; --prosody= leaves its prosody out" if tuple(inputs) == (front_end.n_frames, front_end.n_mfcc) else ""
        )
        raise UserError(
            f"{source.path} takes {tuple(inputs)}, the front end gives {expected}: {expected[0]} frames of {expected[1]} "
            f"values{without}"
        )
    if tuple(outputs) != (len(labels),):
        raise UserError(
            f"{source.path} gives {tuple(outputs)}, expected ({len(labels)},): one probability for each of the classes "
            f"{', '.join(labels)} (--classes of the dataset)"
        )


def _check_probabilities(outputs: np.ndarray, source: _Source) -> None:
    """Raises UserError where a model's outputs, float32 [examples, classes], are no probabilities."""
    if not np.isfinite(outputs).all():
        raise UserError(f"{source.path} gives values that are not finite for training records")
    sums = outputs.sum(axis=1)
    if outputs.min() < -_SUM_ERROR or np.abs(sums - 1).max() > _SUM_ERROR * outputs.shape[1]:
        raise UserError(
            f"{source.path} gives no probabilities: values from {outputs.min():.3g} to {outputs.max():.3g}, whose sums are "
            f"{sums.min():.3g} to {sums.max():.3g}, not 1. Its last layer needs a softmax; --add_softmax adds one"
        )


def _calibration_inputs(examples: str, source: _Source, parameters: Parameters) -> np.ndarray:
    """Returns training records chosen by hash, as the model takes them: float32 [examples, frames, coefficients]."""
    chosen = read_calibration(examples, parameters.calibration_examples)
    return standardise_examples(chosen, source.front_end, source.standardisation)
