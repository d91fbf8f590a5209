import hashlib
import json
import re

import numpy as np
import pytest
import tensorflow as tf

from components.exporter import component
from schemas.errors import UserError
from schemas.run_files import Export
from ser_tinyml.codegen.c_text import c_float
from ser_tinyml.judging.held_out import HeldOut
from ser_tinyml.runtimes.tflite import TFLite
from ser_tinyml.store import run_files
from ser_tinyml.store.dataset import read_split


def test_export_json_describes_every_file(demo_root):
    export = demo_root / "export"
    description = json.loads((export / "export.json").read_text())
    names = {"ser_float.tflite", "ser_dynamic.tflite", "ser_int8.tflite"}
    names |= {"ser_model.c", "ser_model.h", "ser_model_data.cc", "ser_model_data.h"}
    names |= {"ser_model_apart.c", "ser_model_apart.h", "ser_model.bin"}
    assert set(description["files"]) == names == {p.name for p in export.iterdir()} - {"export.json", "artifact.json"}
    for name, entry in description["files"].items():
        content = (export / name).read_bytes()
        assert entry["bytes"] == len(content)
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
    int8 = description["files"]["ser_int8.tflite"]["model"]
    assert int8["operators"][0] == "UNIDIRECTIONAL_SEQUENCE_LSTM"
    assert int8["input"]["shape"] == [1, 47, 16] and int8["input"]["scale"] > 0


def test_sizes_are_those_of_a_quantized_network(demo_root):
    files = json.loads((demo_root / "export/export.json").read_text())["files"]
    assert files["ser_int8.tflite"]["bytes"] < 140_000 < 500_000 < files["ser_float.tflite"]["bytes"]


def test_header_states_what_export_json_states(demo_root):
    header = (demo_root / "export/ser_model.h").read_text() + (demo_root / "export/ser_model_data.h").read_text()
    source = (demo_root / "export/ser_model.c").read_text()
    description = json.loads((demo_root / "export/export.json").read_text())
    int8 = description["files"]["ser_int8.tflite"]["model"]

    def value(name):
        return re.search(rf"#define {name} (\S+)", header)[1].strip("()f")

    assert np.float32(value("SER_INPUT_SCALE")) == np.float32(int8["input"]["scale"])
    assert int(value("SER_INPUT_ZERO_POINT")) == int8["input"]["zero_point"]
    assert np.float32(value("SER_OUTPUT_SCALE")) == np.float32(int8["output"]["scale"])
    assert int(value("SER_TENSOR_ARENA_BYTES")) >= description["arena_bytes"] + 1024
    assert int(value("SER_HOP_LENGTH")) == description["front_end"]["hop_length"]
    assert int(value("SER_WINDOW_HOP_SAMPLES")) == description["front_end"]["window_hop_samples"]
    labels = re.search(r"ser_labels\[SER_N_LABELS\] = \{([^}]*)\}", source)[1]
    assert re.findall(r'"(\w+)"', labels) == description["labels"]
    means = re.search(r"ser_feature_mean\[SER_N_FEATURES\] = \{([^}]*)\}", source)[1].replace("f", "").split(",")[:-1]
    np.testing.assert_array_equal(np.float32(means), np.float32(description["standardisation"]["mean"]))


def test_layers_have_their_keras_names_in_c(demo_root):
    source = (demo_root / "export/ser_model.c").read_text()
    names = re.findall(r"^// (\w+): (?:LSTM|dense|softmax)", source, re.MULTILINE)
    assert names == ["lstm_1", "lstm_2", "dense", "probabilities", "softmax"]


@pytest.mark.parametrize("value", [0.1, 1.0, 1e-10, -242.95977, 3.4e38, 0.00390625, 211.48682411775803])
def test_c_floats_read_back_exactly(value):
    text = c_float(value)
    assert text.endswith("f") and re.search(r"[.e]", text)
    assert np.float32(text[:-1]) == np.float32(value)


@pytest.fixture(scope="module")
def foreign_model(tmp_path_factory):
    """A Keras model that nobody here trained, over raw MFCCs, with the classes in another order."""
    tf.keras.utils.set_random_seed(1)
    layers = tf.keras.layers
    network = tf.keras.Sequential(
        [layers.Input((47, 13)), layers.LSTM(8), layers.Dense(4, activation="softmax")], name="foreign"
    )
    path = str(tmp_path_factory.mktemp("foreign") / "foreign.h5")
    network.save(path)
    return path


def export_foreign(tmp_path, examples, path, **parameters):
    flags = component.Parameters(model_path=path, calibration_examples=16, **parameters)
    component.run(str(tmp_path / "export"), flags, examples=str(examples))
    return json.loads((tmp_path / "export/export.json").read_text())


def test_a_model_from_elsewhere_is_exported_with_the_classes_and_front_end_named(
    tmp_path, mfcc_examples, foreign_model
):
    description = export_foreign(
        tmp_path, mfcc_examples, foreign_model, model_labels="surprise,unpleasant,happy,neutral"
    )
    assert description["labels"] == ["surprise", "unpleasant", "happy", "neutral"]
    assert description["standardisation"] == {"mean": [0.0] * 13, "deviation": [1.0] * 13}


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"model_labels": "good,bad"}, r"gives \(4,\), expected \(2,\): .* the classes good, bad"),
        ({"model_labels": "neutral,happy,surprise,happy"}, "--model_labels: label 4 is there twice"),
        ({"model_standardisation": "{bad}"}, "--model_standardisation"),
        ({"model_standardisation": "{flat}"}, "--model_standardisation=.*flat.json: .*deviations at least"),
        ({"model_standardisation": "{nan}"}, "--model_standardisation=.*nan.json: the means are finite"),
        ({"model_standardisation": "{words}"}, "--model_standardisation=.*words.json: expected"),
        ({"model_front_end": "{wider}"}, "differ in their front ends"),
        ({"model_front_end": "{unknown}"}, "unexpected keyword argument 'n_mel'"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, mfcc_examples, foreign_model, parameters, complaint):
    contents = {
        "bad": {},
        "flat": {"mean": [0.0] * 13, "deviation": [0.0] * 13},
        "nan": {"mean": [float("nan")] * 13, "deviation": [1.0] * 13},
        "words": {"mean": ["low"] * 13, "deviation": [1.0] * 13},
        "wider": {"n_mels": 64},
        "unknown": {"n_mel": 64},
    }
    for name, content in contents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    files = {f"{{{name}}}": str(tmp_path / f"{name}.json") for name in contents}
    with pytest.raises(UserError, match=complaint):
        export_foreign(tmp_path, mfcc_examples, foreign_model, **{k: files.get(v, v) for k, v in parameters.items()})


def test_a_model_of_mfccs_alone_is_told_how_to_get_them(tmp_path, demo_root, foreign_model):
    shapes = (
        r"takes \(47, 13\), the front end gives \(47, 16\): 47 frames of 16 values; --prosody= leaves its prosody out"
    )
    with pytest.raises(UserError, match=shapes):
        export_foreign(tmp_path, demo_root / "examples", foreign_model)


def test_a_layer_that_would_crash_the_converter_is_told_by_name(tmp_path, mfcc_examples):
    layers = tf.keras.layers
    network = tf.keras.Sequential(
        [layers.Input((47, 13)), layers.GRU(4, name="gate"), layers.Dense(4, activation="softmax")]
    )
    network.save(tmp_path / "gru.h5")
    with pytest.raises(UserError, match=r"gru\.h5: the layer gate \(GRU\) can't be exported"):
        export_foreign(tmp_path, mfcc_examples, str(tmp_path / "gru.h5"))


def test_no_model_at_all_is_told(tmp_path, demo_root):
    with pytest.raises(UserError, match="--model_path"):
        component.run(str(tmp_path), component.Parameters(), examples=str(demo_root / "examples"))


def test_engine_says_what_it_lacks_and_the_rest_is_exported(tmp_path, mfcc_examples):
    """A sum over the values of a frame runs on TFLM alone."""
    network = tf.keras.Sequential(
        [
            tf.keras.layers.Input((47, 13)),
            tf.keras.layers.LayerNormalization(),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(4, activation="softmax"),
        ]
    )
    network.save(tmp_path / "normalized.h5")
    parameters = component.Parameters(model_path=str(tmp_path / "normalized.h5"))
    component.run(str(tmp_path / "export"), parameters, examples=str(mfcc_examples))
    description = json.loads((tmp_path / "export/export.json").read_text())
    assert re.match(r"operator \d+, \w+, tensor \d+ \(.*\): ", description["engine_lacks"])
    assert {"ser_int8.tflite", "ser_model.h"} <= set(description["files"])
    assert "ser_engine_invoke" not in (tmp_path / "export/ser_model.c").read_text()


def test_a_tenth_of_the_validation_clips_is_below_the_threshold_of_certainty(demo_root):
    export, examples = run_files.read(Export, str(demo_root / "export")), str(demo_root / "examples")
    records = [record for record in read_split(examples, "validation") if record.copy == 0]
    heard = HeldOut.from_records(records, np.arange(4), export.standardisation, export.front_end)
    model = TFLite((demo_root / "export/ser_int8.tflite").read_bytes())
    sureness = heard.vote(model.predict(heard.inputs).probabilities).max(axis=1)
    assert 0.05 <= np.mean(sureness < export.reject_below) <= 0.1
    header = (demo_root / "export/ser_model.h").read_text()
    assert float(re.search(r"SER_REJECT_BELOW (\S+)f ", header)[1]) == pytest.approx(export.reject_below, rel=1e-6)
