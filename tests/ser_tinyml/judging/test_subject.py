import numpy as np
import pytest
import tensorflow as tf

import components  # noqa: F401  settles which Keras TensorFlow loads
from schemas.errors import UserError
from schemas.front_end import FrontEnd, Standardisation
from ser_tinyml.judging.subject import Interface, load_file
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
