"""ROOT/model, or a Keras model from elsewhere, -> ROOT/export.

Writes:
  ser_float.tflite  ser_dynamic.tflite  ser_int8.tflite
  ser_model.c  ser_model.h              the int8 model and its front end as C; without layers where the engine lacks one
  ser_model_data.cc  ser_model_data.h   the int8 model for TFLM's interpreter
  export.json   written last: labels, front end, standardisation, arena; per file bytes, SHA-256, operators, tensors
"""

import dataclasses
import hashlib

import numpy as np
import tensorflow as tf

from components.step import StepParameters, owns_output, parameter
from schemas.classes import choose_leds, parse_labels
from schemas.errors import UserError
from schemas.front_end import FrontEnd, Standardisation
from schemas.run_files import Dataset, Export, ExportedFile, Training
from ser_tinyml.audio.standardise import standardise
from ser_tinyml.codegen.convert import FORMATS, convert, fix_batch_size, refuse_loops
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.codegen.model_source import ModelInterface, make_sources
from ser_tinyml.codegen.tflite_file import describe_model
from ser_tinyml.codegen.tflm_source import make_tflm_sources
from ser_tinyml.network.loading import load_model
from ser_tinyml.runtimes.isolated import call_isolated
from ser_tinyml.runtimes.tflm import measure_arena
from ser_tinyml.store import files, run_files
from ser_tinyml.store.dataset import CALIBRATION_EXAMPLES, read_calibration
from ser_tinyml.store.digests import sha256_of

_CONVERSION_SECONDS, _CONVERSION_BYTES = 1800, 8 * 2**30  # of a model from elsewhere; ours takes some seconds

_MIN_DEVIATION = 1e-6  # of an MFCC in dB: below it, standardised values are too large for float32's sums


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """Which model, and how it is calibrated."""

    model_path: str = parameter(
        "", "A Keras model from elsewhere (.h5 or .keras of Keras 2) instead of the trained one."
    )
    model_labels: str = parameter(
        "",
        "The classes of --model_path in the order of its outputs, with commas between them; by default the dataset's.",
    )
    model_front_end: str = parameter(
        "",
        "The front end of --model_path: a JSON file with parameters of schemas/frontend.py; by default the dataset's.",
    )
    model_standardisation: str = parameter(
        "none",
        "What --model_path takes: none (raw MFCCs), dataset (standardised with the dataset's constants), or a JSON file "
        '{"mean": [...], "deviation": [...]}.',
    )
    calibration_examples: int = parameter(
        CALIBRATION_EXAMPLES,
        "Training records, chosen by hash, whose ranges decide the int8 scales.",
        at_least=1,
        at_most=100_000,
    )


@dataclasses.dataclass(frozen=True)
class _Source:
    """The model to export, and what it takes and gives."""

    path: str
    labels: tuple[str, ...]
    leds: tuple[str, ...]  # of each label
    front_end: FrontEnd
    standardisation: Standardisation


@owns_output(r"ser_(float|dynamic|int8)\.tflite|ser_model(_data)?\.(c|cc|h)|export\.json")
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
        limits = {"limit_seconds": _CONVERSION_SECONDS, "limit_bytes": _CONVERSION_BYTES}
        called = f"the conversion of {source.path}"
        converted, lstm_names = call_isolated(_convert, source, calibration, called=called, **limits)
    else:
        converted, lstm_names = _convert(source, calibration)
    arena_bytes = measure_arena(converted["int8"])
    contents = {f"ser_{name}.tflite": converted[name] for name in FORMATS}
    sources, engine_lacks = _make_sources(converted["int8"], source, arena_bytes=arena_bytes, lstm_names=lstm_names)
    contents |= sources
    for name, content in contents.items():
        files.write_bytes(files.join(output, name), content)
    export = Export(
        model_path=parameters.model_path,
        keras_sha256=sha256_of(source.path),
        labels=source.labels,
        leds=source.leds,
        front_end=source.front_end,
        standardisation=source.standardisation,
        arena_bytes=arena_bytes,
        engine_lacks=engine_lacks,
        calibration_examples=parameters.calibration_examples,
        dataset_digest=dataset.digest,
        synthetic=dataset.synthetic,
        protocol=dataset.protocol,
        files={name: _describe(name, content) for name, content in contents.items()},
    )
    run_files.write(export, output)
    print("exported " + ", ".join(f"{name} {len(content)} bytes" for name, content in contents.items()))


def _convert(source: _Source, calibration: np.ndarray) -> tuple[dict[str, bytes], list[str]]:
    """Returns the flatbuffers by format, and the names of the LSTMs; raises UserError where the model can't be converted."""
    keras_model = load_model(source.path)
    _check_shapes(keras_model, source)
    try:
        refuse_loops(keras_model)
    except UserError as error:
        raise UserError(f"{source.path}: {error}") from error
    lstm_names = [layer.name for layer in keras_model.layers if isinstance(layer, tf.keras.layers.LSTM)]
    return convert(fix_batch_size(keras_model), calibration), lstm_names


def _make_sources(
    int8: bytes, source: _Source, *, arena_bytes: int, lstm_names: list[str]
) -> tuple[dict[str, bytes], str]:
    """Returns the C sources by their names, and what the engine lacks for this model; "" where it lacks nothing."""
    data = make_tflm_sources(int8, arena_bytes)
    interface = ModelInterface(source.labels, source.front_end, source.standardisation, source.leds)
    graph, engine_lacks = None, ""
    try:
        graph = read_graph(int8).with_lstm_names(lstm_names)
    except UserError as error:
        engine_lacks = str(error)
        print(f"no generated engine, TFLM's alone runs this model: {engine_lacks}")
    return make_sources(int8, interface, graph) | data, engine_lacks


def _describe(name: str, content: bytes) -> ExportedFile:
    description = describe_model(content) if name.endswith(".tflite") else None
    return ExportedFile(bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), model=description)


def _trained_model(model: str | None, dataset: Dataset) -> _Source:
    if not model:
        raise UserError(
            "no model given: pass --model=ROOT/model, or --model_path=FILE for a Keras model from elsewhere"
        )
    training = run_files.read(Training, model)
    return _Source(
        path=files.join(model, training.model),
        labels=training.labels,
        leds=_find_leds(training.labels, dataset),
        front_end=training.front_end,
        standardisation=training.standardisation,
    )


def _foreign_model(parameters: Parameters, dataset: Dataset) -> _Source:
    stored, given = dataset.front_end.to_dict(), {}
    if parameters.model_front_end:
        given = files.read_json(parameters.model_front_end)
    try:
        front_end = FrontEnd.from_dict(stored | given)
    except TypeError as error:
        raise UserError(f"--model_front_end={parameters.model_front_end}: {error}") from error
    standardisation = _foreign_standardisation(parameters.model_standardisation, dataset)
    labels = parse_labels("model_labels", parameters.model_labels) if parameters.model_labels else dataset.labels
    leds = _find_leds(labels, dataset)
    return _Source(parameters.model_path, labels, leds=leds, front_end=front_end, standardisation=standardisation)


def _find_leds(labels: tuple[str, ...], dataset: Dataset) -> tuple[str, ...]:
    """Returns the colour that the dataset gives each label; one that it does not know gets another."""
    known = dict(zip(dataset.labels, dataset.leds, strict=True))
    return choose_leds([known.get(label, "") for label in labels])


def _foreign_standardisation(given: str, dataset: Dataset) -> Standardisation:
    if given == "none":
        return Standardisation.identity(dataset.front_end.n_mfcc)
    if given == "dataset":
        return dataset.standardisation
    flag, n_mfcc = f"--model_standardisation={given}", dataset.front_end.n_mfcc
    try:
        stated = Standardisation.from_dict(files.read_json(given))
        constants = np.array([stated.mean, stated.deviation], np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f'{flag}: expected {{"mean": [...], "deviation": [...]}}') from error
    if constants.shape != (2, n_mfcc):
        raise UserError(f"{flag}: expected {n_mfcc} means and deviations")
    if not np.isfinite(constants.astype(np.float32)).all() or not (constants[1] >= _MIN_DEVIATION).all():
        raise UserError(f"{flag}: the means are finite, and the deviations at least {_MIN_DEVIATION}")
    mean, deviation = constants.tolist()
    return Standardisation(tuple(mean), tuple(deviation))


def _check_shapes(keras_model, source: _Source) -> None:
    expected = (source.front_end.n_frames, source.front_end.n_mfcc), (len(source.labels),)
    found = tuple(keras_model.inputs[0].shape[1:]), tuple(keras_model.outputs[0].shape[1:])
    if found != expected:
        raise UserError(
            f"{source.path} maps {found[0]} to {found[1]}; the front end and the labels "
            f"({', '.join(source.labels)}) ask for {expected[0]} to {expected[1]}"
        )


def _calibration_inputs(examples: str, source: _Source, parameters: Parameters) -> np.ndarray:
    """Returns training records chosen by hash, as the model takes them: float32 [examples, frames, coefficients]."""
    chosen = np.stack([example.mfcc for example in read_calibration(examples, parameters.calibration_examples)])
    return standardise(chosen, source.standardisation)
