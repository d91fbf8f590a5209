"""Models that people bring, each with what it should give: ../shared/cases/models."""

import json
import pathlib
import re

import pytest

from components.exporter import component
from schemas.errors import UserError

CASES = pathlib.Path(__file__).resolve().parents[4] / "shared" / "cases" / "models"
FOUND = sorted(path.name for path in CASES.iterdir()) if CASES.is_dir() else []

LOOP = r"the layer \w+ \({}\) can't be exported: of recurrent layers only an LSTM"
SHAPE = r"takes \({}\), the front end gives \(47, 13\)"
REFUSED = {
    "gru.h5": LOOP.format("GRU"),
    "simplernn.h5": LOOP.format("SimpleRNN"),
    "stacked_cells.h5": LOOP.format("RNN"),
    **dict.fromkeys(("relu_lstm.h5", "nobias_lstm.h5", "hard_sigmoid_lstm.h5"), LOOP.format("LSTM")),
    "masking_lstm.h5": r"the layer \w+, masked by masking, can't be exported",
    "eight_classes.h5": r"gives \(8,\), expected \(4,\): one probability for each of the classes neutral, happy",
    "one_class.h5": r"gives \(1,\), expected \(4,\)",
    "sigmoid4.h5": r"gives no probabilities.*--add_softmax adds one",
    "lambda_lstm.h5": r"the layer lambda \(Lambda\) is code",
    "custom_layer.h5": "a layer is of the class Scale, which is none of Keras's",
    "mean40.h5": SHAPE.format("40,"),
    "mean40x1_lstm.h5": SHAPE.format("40, 1"),
    "mean1x40_lstm.h5": SHAPE.format("1, 40"),
    "convlstm.h5": SHAPE.format("47, 13, 1"),
    "image_channels.h5": SHAPE.format("47, 13, 1"),
    "transposed.h5": SHAPE.format("13, 47"),
    "frames_none.h5": SHAPE.format("None, 13"),
    "two_outputs.h5": "has 1 inputs and 2 outputs, expected one of each",
    "truncated.h5": r"can't be loaded as a Keras model .*truncated file",
    "empty.h5": "the file is empty",
    "html.h5": "the file is a web page",
    "weights_only.h5": "has weights and no description of its layers",
    "k3.weights.h5": "has weights and no description of its layers",
    "architecture.json": "the file is JSON",
    "k3_export_dir": "a graph without its Keras layers",
    "converted.tflite": r"its input \(.*\) is float32, expected int8",
}
NO_ENGINE = {
    "attention_lstm.h5": r"operator \d+, BATCH_MATMUL, tensor \d+",
    "elu.h5": r"operator \d+, DEQUANTIZE, tensor \d+",
    "gru_unroll.h5": r"operator \d+, UNPACK, tensor \d+",
    "layernorm.h5": r"operator \d+, RESHAPE, tensor \d+",
}
WITH_ENGINE = [name for name in FOUND if name not in REFUSED | NO_ENGINE]
OFTEN = ("k3.keras",)  # the others take 10 s and more each

if not FOUND:
    pytest.skip("the models that people bring (../shared/cases) are not here", allow_module_level=True)


def export(name, examples, tmp_path, **parameters):
    """Exports a model that nobody here trained; returns export.json."""
    flags = component.Parameters(model_path=str(CASES / name), calibration_examples=16, **parameters)
    component.run(str(tmp_path / "export"), flags, examples=str(examples))
    return json.loads((tmp_path / "export/export.json").read_text())


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_exported_is_one_sentence(mfcc_examples, tmp_path, monkeypatch, name):
    """In this process, which is quicker: none of them comes to native code that could end it."""
    monkeypatch.setattr(component, "call_isolated", lambda function, *arguments, **_: function(*arguments))
    with pytest.raises(UserError, match=REFUSED[name]) as error:
        export(name, mfcc_examples, tmp_path)
    assert name in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name", [name if name in OFTEN else pytest.param(name, marks=pytest.mark.slow) for name in WITH_ENGINE]
)
def test_what_the_engine_knows_is_exported_with_it(mfcc_examples, tmp_path, name):
    assert export(name, mfcc_examples, tmp_path)["engine_lacks"] == ""
    assert "ser_engine_step" in (tmp_path / "export/ser_model.c").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", NO_ENGINE)
def test_an_operator_that_the_engine_lacks_is_named(mfcc_examples, tmp_path, name):
    assert re.match(NO_ENGINE[name], export(name, mfcc_examples, tmp_path)["engine_lacks"])


@pytest.mark.slow
def test_what_a_flag_asks_for_makes_the_refused_ones_go(mfcc_examples, tmp_path):
    assert export("sigmoid4.h5", mfcc_examples, tmp_path / "softmax", add_softmax=True)["add_softmax"]
    assert export("lambda_lstm.h5", mfcc_examples, tmp_path / "code", allow_model_code=True)["allow_model_code"]
