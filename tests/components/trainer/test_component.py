import csv
import json

import numpy as np
import pytest

from components.keras_model import load_model
from components.trainer import component
from components.trainer.dataset import make_split_dataset, make_training_dataset
from components.trainer.network import build_network
from schemas.artifacts import UserError
from schemas.dataset import read_split

SMALL = component.Parameters(lstm_units="8,4", dense_units=8, epochs=3, learning_rate=1e-2)


@pytest.fixture(scope="module")
def trained(demo_root, tmp_path_factory):
    """(a small model's directory, the same again)."""
    folders = [tmp_path_factory.mktemp("model") for _ in range(2)]
    for folder in folders:
        component.run(str(folder), SMALL, str(demo_root / "examples"))
    return folders


def read_dataset(demo_root):
    return json.loads((demo_root / "examples/dataset.json").read_text())


def test_network_is_lstms_then_relu_dropout_and_softmax():
    network = build_network((47, 13), (128, 64), 64, 0.3, 4)
    assert [type(layer).__name__ for layer in network.layers] == ["LSTM", "LSTM", "Dense", "Dropout", "Dense"]
    assert network.output_shape == (None, 4)
    lstm_parameters = 4 * 128 * (13 + 128 + 1) + 4 * 64 * (128 + 64 + 1)
    assert network.count_params() == lstm_parameters + 64 * 65 + 4 * 65


def test_inputs_are_standardised(demo_root):
    dataset = make_split_dataset(str(demo_root / "examples"), "train", read_dataset(demo_root))
    inputs = np.concatenate([mfcc for mfcc, _ in dataset.as_numpy_iterator()])
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(inputs.std(axis=0), 1, atol=1e-3)


def test_batches_have_one_size_and_each_epoch_its_own_order(demo_root):
    split = make_split_dataset(str(demo_root / "examples"), "validation", read_dataset(demo_root))
    batches = make_training_dataset(split, 101, 32, seed=0)
    assert batches.element_spec[0].shape == (32, 47, 13)
    epochs = [np.concatenate([labels for _, labels in batches.as_numpy_iterator()]) for _ in range(2)]
    assert len(epochs[0]) == 96
    assert not np.array_equal(*epochs)


def test_same_seed_gives_the_same_bytes(trained):
    first, second = trained
    for name in ("ser.h5", "history.csv", "training.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_weights_of_the_best_validation_epoch_are_kept(trained, demo_root):
    rows = list(csv.DictReader((trained[0] / "history.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    training = json.loads((trained[0] / "training.json").read_text())
    accuracies = [float(row["val_accuracy"]) for row in rows]
    assert training["best_validation_accuracy"] == max(accuracies)
    dataset = make_split_dataset(str(demo_root / "examples"), "validation", read_dataset(demo_root))
    inputs, labels = map(np.array, zip(*dataset.as_numpy_iterator(), strict=True))
    found = load_model(str(trained[0] / "ser.h5")).predict(inputs, verbose=0).argmax(axis=1)
    assert np.mean(found == labels) == pytest.approx(max(accuracies))


def test_training_json_tells_all_that_a_user_of_the_model_needs(trained, demo_root):
    training = json.loads((trained[0] / "training.json").read_text())
    dataset = read_dataset(demo_root)
    assert training["dataset_digest"] == dataset["digest"]
    assert training["standardisation"] == dataset["standardisation"]
    assert training["labels"] == ["neutral", "happy", "surprise", "unpleasant"]
    assert training["synthetic"] is True
    assert training["parameters"]["lstm_units"] == "8,4"


def test_tensorboard_logs_are_written(trained):
    assert list((trained[0] / "logs").rglob("events.out.tfevents.*"))


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"lstm_units": "many"}, "--lstm_units=many"),
        ({"lstm_units": "8,0"}, "--lstm_units=8,0"),
        ({"epochs": 0}, "--epochs=0"),
        ({"dropout": 1.0}, "--dropout=1.0"),
    ],
)
def test_wrong_flags_are_named(tmp_path, demo_root, parameters, complaint):
    with pytest.raises(UserError, match=complaint):
        component.run(str(tmp_path), component.Parameters(**parameters), str(demo_root / "examples"))


def test_a_directory_without_a_dataset_is_told(tmp_path):
    with pytest.raises(UserError, match=r"dataset\.json"):
        component.run(str(tmp_path / "out"), SMALL, str(tmp_path))


def test_demo_run_has_as_many_records_as_its_dataset_says(demo_root):
    dataset = read_dataset(demo_root)
    assert len(read_split(str(demo_root / "examples"), "train")) == dataset["splits"]["train"]["examples"]


def test_the_graph_standardises_like_the_schema_and_leaves_padding_zero():
    from components.trainer.dataset import _standardise
    from schemas.frontend import Standardisation

    constants = Standardisation((-250.0, 30.0), (120.0, 40.0))
    mfcc = np.float32([[0, 0], [-300, 0], [-100, 70]])
    expected = constants.apply(mfcc)
    np.testing.assert_allclose(expected, [[0, 0], [-50 / 120, -0.75], [1.25, 1.0]], atol=1e-6)
    np.testing.assert_allclose(_standardise(mfcc, constants), expected, atol=1e-6)
