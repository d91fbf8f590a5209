import collections
import csv
import dataclasses
import itertools
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from components.exporter import component as exporter
from components.trainer import component
from components.trainer.parameters import Parameters
from schemas.errors import UserError
from schemas.run_files import Dataset, Training
from ser_tinyml.codegen.cost import compute_cost
from ser_tinyml.codegen.engine_graph import Dense, Lstm
from ser_tinyml.codegen.engine_plan import make_plan
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.network.architecture import Architecture
from ser_tinyml.network.fake_quantized import load_fake_quantized
from ser_tinyml.network.loading import load_model
from ser_tinyml.network.training_data import make_split_dataset
from ser_tinyml.runtimes.tflite import TFLite
from ser_tinyml.store import run_files
from ser_tinyml.store.dataset import read_split

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
SMALL = component.Parameters(lstm_units="8,4", dense_units=8, epochs=3, learning_rate=1e-2, patience=3)


@pytest.fixture(scope="module")
def trained(demo_root, tmp_path_factory):
    """(a small model's directory, the same again)."""
    folders = [tmp_path_factory.mktemp("model") for _ in range(2)]
    for folder in folders:
        component.run(str(folder), SMALL, examples=str(demo_root / "examples"))
    return folders


def read_dataset(demo_root):
    return run_files.read(Dataset, str(demo_root / "examples"))


def test_network_is_lstms_then_relu_dropout_and_softmax():
    network = Architecture((47, 13), (128, 64), 64, 0.3, 4).build()
    assert [type(layer).__name__ for layer in network.layers] == ["LSTM", "LSTM", "Dense", "Dropout", "Dense"]
    assert network.output_shape == (None, 4)
    lstm_parameters = 4 * 128 * (13 + 128 + 1) + 4 * 64 * (128 + 64 + 1)
    assert network.count_params() == lstm_parameters + 64 * 65 + 4 * 65


def test_same_seed_gives_the_same_bytes(trained):
    first, second = trained
    for name in ("ser.h5", "history.csv", "training.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_weights_of_the_best_validation_epoch_are_kept(trained, demo_root):
    rows = list(csv.DictReader((trained[0] / "history.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    training = run_files.read(Training, str(trained[0]))
    recalls = [float(row["val_uar"]) for row in rows]
    assert training.best_validation_uar == max(recalls)
    dataset = make_split_dataset(str(demo_root / "examples"), "validation", read_dataset(demo_root))
    inputs, labels = map(np.array, zip(*dataset.as_numpy_iterator(), strict=True))
    found = load_model(str(trained[0] / "ser.h5")).predict(inputs, verbose=0).argmax(axis=1)
    assert np.mean([np.mean(found[labels == label] == label) for label in range(4)]) == pytest.approx(max(recalls))


def test_temperature_divides_the_last_layer_alone(trained, demo_root, tmp_path):
    component.run(
        str(tmp_path), dataclasses.replace(SMALL, temperature_scaling=False), examples=str(demo_root / "examples")
    )
    temperature, none = (run_files.read(Training, str(folder)).temperature for folder in (trained[0], tmp_path))
    assert none == 1 != temperature
    scaled, unscaled = (load_model(str(folder / "ser.h5")).get_weights() for folder in (trained[0], tmp_path))
    for number, (one, other) in enumerate(zip(scaled, unscaled, strict=True)):
        divisor = temperature if number >= len(scaled) - 2 else 1
        np.testing.assert_allclose(one * divisor, other, rtol=1e-6)


@pytest.mark.slow
def test_an_ensemble_has_the_networks_that_were_trained_apart(demo_root, tmp_path):
    flags = dataclasses.replace(SMALL, epochs=1, ensemble=2, temperature_scaling=False)
    component.run(str(tmp_path), flags, examples=str(demo_root / "examples"))
    stages = [row["stage"] for row in csv.DictReader((tmp_path / "history.csv").open())]
    assert stages == ["float", "float_2"]
    joined = load_model(str(tmp_path / "ser.h5"))
    component.run(str(tmp_path / "alone"), dataclasses.replace(flags, ensemble=1), examples=str(demo_root / "examples"))
    alone = load_model(str(tmp_path / "alone" / "ser.h5"))
    for name in ("lstm_1", "lstm_2", "dense"):
        first, second = (joined.get_layer(f"{name}_of_{number}").get_weights() for number in (1, 2))
        for one, other, expected in zip(first, second, alone.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(one, expected)
            assert not np.array_equal(one, other)


@pytest.mark.slow
def test_an_ensemble_runs_frame_by_frame_in_the_engine(demo_root, tmp_path):
    examples = str(demo_root / "examples")
    component.run(str(tmp_path / "model"), dataclasses.replace(SMALL, ensemble=2, epochs=1), examples=examples)
    exporter.run(str(tmp_path / "export"), exporter.Parameters(), examples=examples, model=str(tmp_path / "model"))
    graph = read_graph((tmp_path / "export/ser_int8.tflite").read_bytes())
    plan = make_plan(graph)
    assert len(plan.by_frame) == 4 and plan.joint is None
    described = (tmp_path / "export/ser_model.c").read_text()
    network = load_model(str(tmp_path / "model/ser.h5"))
    lstms = [layer for layer in network.layers if "lstm" in layer.name]
    named = graph.with_lstm_names([layer.name for layer in lstms])
    for node in named.nodes:
        if isinstance(node.layer, Lstm):
            assert node.layer.name in described
            kernels = np.split(network.get_layer(node.layer.name).get_weights()[1].T, 4)
            for gate, kernel in zip(node.layer.recurrent_kernels, kernels, strict=True):
                step = np.abs(kernel).max() / 127
                np.testing.assert_allclose(gate * step, kernel, atol=0.51 * step)
    cost = compute_cost(read_dataset(demo_root).front_end, (8, 4), 8, 4, members=2)
    assert cost.macs == graph.macs
    assert cost.weight_bytes == sum(
        step.weights.nbytes + step.biases.nbytes for step in plan.by_frame + plan.by_window if step.weights is not None
    )


QUANTIZED = ("--quantization_aware", "--quantization_aware_epochs=2")


@pytest.fixture(scope="module")
def four_bits(demo_root, tmp_path_factory):
    """The directory of a small model whose weights are of 4 bits."""
    folder = tmp_path_factory.mktemp("four_bits")
    parameters = dataclasses.replace(SMALL, quantization_aware=True, weight_bits="4")
    component.run(str(folder), parameters, examples=str(demo_root / "examples"))
    return folder


def test_weights_of_four_bits_are_multiples_of_a_seventh_of_the_largest(four_bits):
    for layer in load_model(str(four_bits / "ser.h5")).layers:
        kernels = [weight.numpy() for weight in layer.weights if "kernel" in weight.name]
        for part in (part for kernel in kernels for part in np.split(kernel, 4 if "lstm" in layer.name else 1, axis=1)):
            steps = part / (np.abs(part).max() / 7)
            np.testing.assert_allclose(steps, np.rint(steps), atol=1e-5)


@pytest.mark.slow
def test_an_export_of_four_bits_computes_the_fake_quantized_network(four_bits, demo_root, tmp_path):
    examples = str(demo_root / "examples")
    exporter.run(str(tmp_path / "export"), exporter.Parameters(), examples=examples, model=str(four_bits))
    layers = [node.layer for node in read_graph((tmp_path / "export/ser_int8.tflite").read_bytes()).nodes]
    weights = [layer.weights for layer in layers if isinstance(layer, Dense)]
    weights += [layer.recurrent_kernels for layer in layers if isinstance(layer, Lstm)]
    assert [np.abs(values).max() for values in weights] == [7] * 4
    assert (tmp_path / "export/ser_model.c").read_text().count("_4bit(") == 4
    dataset = make_split_dataset(examples, "validation", read_dataset(demo_root))
    inputs = np.stack([mfcc for mfcc, _ in dataset.as_numpy_iterator()])
    found = TFLite((tmp_path / "export/ser_int8.tflite").read_bytes()).predict(inputs).probabilities
    rounded = load_fake_quantized(str(four_bits / "fake_quantized.h5")).predict(inputs, verbose=0)
    assert np.abs(found - rounded).mean() < 0.01


def start_training(demo_root, output, *flags):
    """Starts `python -m components.trainer` as a process of its own."""
    options = ["--lstm_units=8,4", "--dense_units=8", "--epochs=4", "--patience=0", "--batch_size=64"]
    options += ["--learning_rate_schedule=cosine", *flags]
    command = [sys.executable, "-m", "components.trainer", f"--examples={demo_root / 'examples'}", f"--output={output}"]
    return subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)


def kill_after(process, epoch):
    for line in process.stdout:
        if line.startswith(f"epoch {epoch}"):
            # The line is printed before the backup of its epoch is written; the next epoch takes longer than that.
            break
    process.kill()
    process.wait()


@pytest.mark.slow
def test_killed_training_goes_on_and_ends_with_the_weights_of_an_undisturbed_run(demo_root, tmp_path):
    flags = "--ensemble=2", *QUANTIZED
    whole = start_training(demo_root, tmp_path / "whole", *flags)
    whole.communicate()
    assert whole.returncode == 0

    kill_after(start_training(demo_root, tmp_path / "killed [1]*", *flags), "3/4")
    assert not (tmp_path / "killed [1]*/training.json").exists()
    kill_after(start_training(demo_root, tmp_path / "killed [1]*", *flags), "3/4")  # of the second member
    kill_after(start_training(demo_root, tmp_path / "killed [1]*", *flags), "2/2")
    last = start_training(demo_root, tmp_path / "killed [1]*", *flags)
    shown, _ = last.communicate()
    assert last.returncode == 0 and shown.startswith("goes on after epoch")
    for name in ("ser.h5", "fake_quantized.h5", "history.csv", "training.json"):
        assert (tmp_path / "killed [1]*" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert not (tmp_path / "killed [1]*/backup").exists()


@pytest.mark.parametrize("memory_mb", [1, Parameters.memory_mb])
def test_each_record_is_seen_once_an_epoch_whether_or_not_all_fit_in_memory(demo_root, memory_mb):
    dataset = read_dataset(demo_root)
    examples, front_end = str(demo_root / "examples"), dataset.front_end
    assert dataset.splits["train"].examples * 4 * front_end.n_frames * front_end.n_features > 2e6
    splits = component.Splits(examples, dataset, Parameters(memory_mb=memory_mb, session_clips=0))
    data = splits.make_data(Parameters(batch_size=16))
    whole = make_split_dataset(examples, "train", dataset).as_numpy_iterator()
    records = collections.Counter(mfcc.tobytes() for mfcc, _ in whole)
    batches = data.training.as_numpy_iterator()
    orders = []
    for _ in range(2):
        seen = [mfcc.tobytes() for batch, *_ in itertools.islice(batches, data.updates_an_epoch) for mfcc in batch]
        assert len(seen) == 16 * data.updates_an_epoch and collections.Counter(seen) <= records
        orders.append(seen)
    assert orders[0] != orders[1]


@pytest.mark.slow
def test_a_backup_of_other_flags_is_not_gone_on_from(demo_root, tmp_path):
    kill_after(start_training(demo_root, tmp_path / "model"), "3/4")
    other = start_training(demo_root, tmp_path / "model", "--seed=1")
    shown, _ = other.communicate()
    assert other.returncode == 0 and "goes on" not in shown


def test_training_json_tells_all_that_a_user_of_the_model_needs(trained, demo_root):
    training = run_files.read(Training, str(trained[0]))
    dataset = read_dataset(demo_root)
    assert training.dataset_digest == dataset.digest
    assert training.standardisation == dataset.standardisation
    assert training.labels == ("neutral", "happy", "surprise", "unpleasant")
    assert training.synthetic
    assert training.parameters["lstm_units"] == "8,4"


def test_tensorboard_logs_are_written(trained):
    assert list((trained[0] / "logs").rglob("events.out.tfevents.*"))


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"lstm_units": "many"}, "--lstm_units=many"),
        ({"lstm_units": "8,0"}, "--lstm_units=8,0"),
        ({"epochs": 0}, "--epochs=0"),
        ({"dropout": 1.0}, "--dropout=1.0"),
        ({"patience": -1}, "--patience=-1"),
        ({"label_smoothing": 1.0}, "--label_smoothing=1.0"),
    ],
)
def test_wrong_flags_are_named(tmp_path, demo_root, parameters, complaint):
    with pytest.raises(UserError, match=complaint):
        component.run(str(tmp_path), component.Parameters(**parameters), examples=str(demo_root / "examples"))


def test_a_directory_without_a_dataset_is_told(tmp_path):
    with pytest.raises(UserError, match="is no step's finished work"):
        component.run(str(tmp_path / "out"), SMALL, examples=str(tmp_path))


def test_demo_run_has_as_many_records_as_its_dataset_says(demo_root):
    dataset = read_dataset(demo_root)
    assert len(read_split(str(demo_root / "examples"), "train")) == dataset.splits["train"].examples
