import dataclasses
import hashlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

import components  # noqa: F401  settles which Keras TensorFlow loads
from schemas.errors import UserError
from schemas.front_end import FrontEnd, Standardisation
from schemas.run_files import Export, ExportedFile, TrainedOn, Training
from ser_tinyml.codegen.model_source import ModelInterface, make_sources
from ser_tinyml.codegen.tflm_source import make_tflm_sources
from ser_tinyml.judging.subject import load_export, load_file
from ser_tinyml.store import run_files
from ser_tinyml.store.digests import sha256_of
from ser_tinyml.store.finished_model import Interface
from tests.firmware.random_models import make_small_model

INTERFACE = Interface(("a", "b", "c", "d"), FrontEnd(), Standardisation.identity(13))
WINDOWS = np.random.default_rng(0).standard_normal((3, 47, 13)).astype(np.float32)


@pytest.fixture
def keras_file(tmp_path):
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((47, 13)), layers.LSTM(3), layers.Dense(4, activation="softmax")])
    model.save(tmp_path / "x.h5")
    return str(tmp_path / "x.h5"), model


def test_a_keras_file_is_judged_as_keras(keras_file):
    path, model = keras_file
    subject = load_file(path, INTERFACE)
    assert list(subject.candidates) == ["keras"] and subject.flashed == "keras"
    assert subject.candidates["keras"].bytes == 4 * model.count_params()
    np.testing.assert_allclose(
        subject.candidates["keras"].runtime.predict(WINDOWS).probabilities, model.predict(WINDOWS, verbose=0), atol=1e-5
    )
    assert subject.trained_on is None and subject.reject_below == 0 and subject.differing_source_bytes is None


def test_an_int8_file_is_judged_as_both_interpreters_run_it(tmp_path):
    content = make_small_model(FrontEnd(), quantization=(0.03, -3))
    (tmp_path / "x.tflite").write_bytes(content)
    subject = load_file(str(tmp_path / "x.tflite"), INTERFACE)
    assert list(subject.candidates) == ["int8", "tflm"] and subject.flashed == "tflm"
    assert {candidate.bytes for candidate in subject.candidates.values()} == {len(content)}
    one, other = (candidate.runtime.predict(WINDOWS) for candidate in subject.candidates.values())
    assert one.quantized.shape == (3, 4) and np.abs(one.quantized.astype(int) - other.quantized).max() <= 1
    assert list(subject.only(("int8",)).candidates) == ["int8"] and subject.only(("int8",)).flashed == "int8"
    with pytest.raises(UserError, match="there is no keras of this model; there are int8, tflm"):
        subject.only(("keras",))


def test_a_float_tflite_file_is_judged_as_such(tmp_path):
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((47, 13), batch_size=1), layers.Flatten(), layers.Dense(4)])
    converted = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    (tmp_path / "x.tflite").write_bytes(converted)
    assert list(load_file(str(tmp_path / "x.tflite"), INTERFACE).candidates) == ["float"]


def test_what_does_not_fit_the_interface_is_told(keras_file):
    path, _ = keras_file
    for interface, message in (
        (Interface(("a", "b"), FrontEnd(), INTERFACE.standardisation), r"gives \(4,\); .* there are 2 classes: a, b"),
        (
            Interface(INTERFACE.labels, FrontEnd(n_mfcc=12), INTERFACE.standardisation),
            r"takes \(47, 13\).*gives \(47, 12\)",
        ),
    ):
        with pytest.raises(UserError, match=message):
            load_file(path, interface)


def test_a_file_of_a_model_with_prosody_is_told_how_to_name_it(tmp_path):
    layers = tf.keras.layers
    tf.keras.Sequential([layers.Input((47, 16)), layers.Flatten(), layers.Dense(4)]).save(tmp_path / "x.h5")
    with pytest.raises(
        UserError, match=r'--model_front_end names a file with \{"prosody": \["pitch", "voicing", "energy"\]\}'
    ):
        load_file(str(tmp_path / "x.h5"), INTERFACE)


def test_a_model_that_gives_nothing_finite_for_silence_is_refused(tmp_path):
    layers = tf.keras.layers
    normalise = layers.LayerNormalization(axis=[1, 2], epsilon=0)  # divides by the deviation of zeros
    model = tf.keras.Sequential([layers.Input((47, 13)), normalise, layers.Flatten(), layers.Dense(4)])
    model.save(tmp_path / "x.h5")
    with pytest.raises(UserError, match=r"x\.h5 gives values that are not finite for silence"):
        load_file(str(tmp_path / "x.h5"), INTERFACE)


ARENA_BYTES = 1 << 16  # enough for the small model
TRAINED_ON = TrainedOn(speakers=("ab" * 8,), clips=("cd" * 8,), has_unnamed_speakers=False)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An export's folder with an int8 file, a float file under two names, and the sources; and its document."""
    folder = tmp_path_factory.mktemp("export")
    int8 = make_small_model(FrontEnd(), quantization=(0.03, -3))
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((47, 13), batch_size=1), layers.Flatten(), layers.Dense(4)])
    converted = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    contents = {"ser_float.tflite": converted, "ser_dynamic.tflite": converted, "ser_int8.tflite": int8}
    contents |= make_sources(int8, ModelInterface(INTERFACE.labels, FrontEnd(), INTERFACE.standardisation), None)
    contents |= make_tflm_sources(int8, ARENA_BYTES)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    document = Export(
        model_path="",
        model_sha256="",
        add_softmax=False,
        allow_model_code=False,
        labels=INTERFACE.labels,
        leds=("#000000",) * 4,
        front_end=INTERFACE.front_end,
        standardisation=INTERFACE.standardisation,
        arena_bytes=ARENA_BYTES,
        engine_lacks="",
        bounds=(),
        label_of_emotion={},
        reject_below=0.25,
        calibration_examples=1,
        dataset_digest="",
        synthetic=False,
        trained_on=TRAINED_ON,
        files={
            name: ExportedFile(bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), model=None)
            for name, content in contents.items()
        },
    )
    return folder, document


@pytest.fixture
def export(exported, tmp_path):
    """Copies the export, with changes to its document: `export(model_path=...)`; those to files come after it."""
    folder, document = exported

    def write(**changes):
        copy = tmp_path / "export"
        shutil.copytree(folder, copy)
        run_files.write(dataclasses.replace(document, **changes), str(copy))
        return copy

    return write


def write_training(folder, keras_path, fake_quantized=None):
    """Writes a trained model's folder: a Keras file, by its path, under the name that the trainer gives it."""
    folder.mkdir()
    for name in ("model.h5", fake_quantized):
        if name:
            shutil.copy(keras_path, folder / name)
    training = Training(
        model="model.h5",
        fake_quantized=fake_quantized,
        labels=INTERFACE.labels,
        front_end=INTERFACE.front_end,
        standardisation=INTERFACE.standardisation,
        synthetic=False,
        dataset_digest="",
        dataset_parameters={},
        splits={},
        parameters={},
        libraries={},
        trainable_parameters=0,
        updates_an_epoch=0,
        epochs_trained={},
        best_epoch=1,
        best_validation_uar=0.0,
        temperature=1.0,
        trained_on=TRAINED_ON,
    )
    run_files.write(training, str(folder))
    return str(folder)


def read_sizes(subject):
    return {name: candidate.bytes for name, candidate in subject.candidates.items()}


@pytest.mark.needs("c++")
def test_an_export_is_judged_in_all_its_forms_beside_the_trained_model(export, keras_file, tmp_path):
    path, model = keras_file
    folder, trained = export(), write_training(tmp_path / "model", path)
    subject = load_export(str(folder), trained)
    keras, of_float, int8 = (
        4 * model.count_params(),
        *((folder / f"ser_{name}.tflite").stat().st_size for name in ("float", "int8")),
    )
    assert list(read_sizes(subject).items()) == [
        ("keras", keras),
        ("float", of_float),
        ("dynamic", of_float),
        ("int8", int8),
        ("tflm", int8),
    ]
    assert subject.flashed == "tflm" and subject.only(("keras", "float")).flashed == "float"
    assert subject.interface == INTERFACE and subject.trained_on == TRAINED_ON and subject.reject_below == 0.25
    assert subject.differing_source_bytes == 0
    outputs = {name: each.runtime.predict(WINDOWS).probabilities for name, each in subject.candidates.items()}
    np.testing.assert_allclose(outputs["keras"], model.predict(WINDOWS, verbose=0), atol=1e-5)
    np.testing.assert_allclose(outputs["int8"], outputs["tflm"], atol=1 / 256)


@pytest.mark.needs("c++")
def test_the_network_with_int8_s_roundings_is_judged_where_there_is_one(export, keras_file, tmp_path):
    path, model = keras_file
    subject = load_export(str(export()), write_training(tmp_path / "model", path, fake_quantized="rounded.h5"))
    assert list(subject.candidates) == ["keras", "float", "dynamic", "int8", "tflm", "fake_quantized"]
    assert subject.candidates["fake_quantized"].bytes == 4 * model.count_params() and subject.flashed == "tflm"


@pytest.mark.needs("c++")
def test_a_firmware_bundle_is_judged_by_its_int8_file_alone(export):
    folder = export()
    for name in ("float", "dynamic"):
        (folder / f"ser_{name}.tflite").unlink()
    assert list(load_export(str(folder)).candidates) == ["int8", "tflm"]
    (folder / "ser_int8.tflite").unlink()
    with pytest.raises(UserError, match=r"cannot read .*ser_int8\.tflite"):
        load_export(str(folder))


@pytest.mark.needs("c++")
def test_a_keras_model_from_elsewhere_is_loaded_from_there(export, keras_file, tmp_path):
    path, model = keras_file
    folder = export(model_path=path, model_sha256=sha256_of(path), trained_on=None)
    subject = load_export(str(folder), str(tmp_path / "no model was trained here"))
    assert subject.candidates["keras"].bytes == 4 * model.count_params() and subject.trained_on is None


@pytest.mark.needs("c++")
def test_a_tflite_file_from_elsewhere_has_no_keras_model(export, exported, tmp_path):
    files = {name: found for name, found in exported[1].files.items() if name not in _FLOAT_FILES}
    subject = load_export(str(export(model_path=str(tmp_path / "x.tflite"), files=files)))
    assert list(subject.candidates) == ["int8", "tflm"]


_FLOAT_FILES = ("ser_float.tflite", "ser_dynamic.tflite")


@pytest.mark.parametrize("name", ["ser_float.tflite", "ser_int8.tflite"])
def test_a_file_that_is_not_the_exported_one_is_refused(export, name):
    folder = export()
    (folder / name).write_bytes((folder / name).read_bytes() + b"\0")
    with pytest.raises(UserError, match=rf"{name} is not the file that was exported"):
        load_export(str(folder))
