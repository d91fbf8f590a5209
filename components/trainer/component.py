"""ROOT/examples -> ROOT/model.

Writes:
  ser.h5             the Keras model with the weights that were kept; takes standardised MFCCs
  fake_quantized.h5  of quantization-aware training: the same model with its roundings (components/fake_quantized.py)
  history.csv        loss, accuracy and UAR of every epoch
  logs/              TensorBoard
  training.json      written last: what the model takes and gives, and all that is needed to train it again
  backup/            while training runs: from where it goes on if it is killed
"""

import csv
import dataclasses
import hashlib
import importlib.metadata
import io
import json
import pathlib
import tempfile
import warnings
from typing import Literal

import numpy as np
import tensorflow as tf

from components.step import parameter
from schemas.errors import UserError
from schemas.front_end import FrontEnd, Standardisation
from ser_tinyml.audio.standardise import standardise
from ser_tinyml.network import fake_quantized
from ser_tinyml.network.architecture import Architecture
from ser_tinyml.network.averaging import KeepAverage, make_optimizer
from ser_tinyml.network.quantization import float_network, make_quantized
from ser_tinyml.network.temperature import scale_to_validation
from ser_tinyml.network.training_data import (
    Masks,
    make_split_dataset,
    make_training_dataset,
    make_validation_dataset,
)
from ser_tinyml.network.uar import UnweightedAverageRecall
from ser_tinyml.store import files
from ser_tinyml.store.dataset import read_calibration

_UPDATES_AN_EXECUTION = 100  # in one call of TensorFlow, between which Python does no work and hears no interrupt


@dataclasses.dataclass(frozen=True)
class Parameters:
    """The network and how it is trained."""

    lstm_units: str = parameter("128,64", "Units of each LSTM layer.")
    dense_units: int = parameter(64, "Units of the ReLU layer behind the LSTMs.")
    dropout: float = parameter(0.3, "Share of the ReLU layer's outputs dropped in training.")
    learning_rate: float = parameter(2e-3, "Adam's learning rate, the highest of its schedule.")
    learning_rate_schedule: Literal["constant", "cosine"] = parameter(
        "cosine", "cosine: up from 0 in the first twentieth of all updates, then down to 0 along a cosine."
    )
    batch_size: int = parameter(64, "Examples an update.")
    epochs: int = parameter(5, "Passes over the training split.")
    patience: int = parameter(
        0,
        "Training stops after so many epochs without a better validation UAR, and the best epoch's weights are kept; "
        "0: it runs to its end, and the last weights are kept.",
    )
    weight_average: float = parameter(
        0.25, "Epochs that the moving average of the weights looks back, which is validated and kept; 0: no averaging."
    )
    class_weights: Literal["none", "balanced"] = parameter(
        "none", "balanced: every class counts the same in the loss, however many examples it has."
    )
    label_smoothing: float = parameter(0.0, "Share of an example's label that is spread over all classes.")
    temperature_scaling: bool = parameter(
        True, "Divides the trained network's logits so that its probabilities fit the validation split."
    )
    time_mask: int = parameter(0, "Up to so many frames in a row of a training example are hidden, each time anew.")
    frequency_mask: int = parameter(0, "The same for coefficients.")
    quantization_aware: bool = parameter(
        False, "Fine-tunes the trained network with the roundings of its int8 form (tfmot's quantizers)."
    )
    quantization_aware_epochs: int = parameter(1, "Passes over the training split of this fine-tuning.")
    quantization_aware_learning_rate: float = parameter(1e-4, "Adam's learning rate, for this fine-tuning.")
    seed: int = parameter(0, "Of initial weights, shuffling, masks and dropout.")


@dataclasses.dataclass(frozen=True)
class Data:
    """What a network is fitted to."""

    training: tf.data.Dataset  # without end
    validation: tf.data.Dataset
    updates_an_epoch: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """How long and how fast a network is fitted."""

    epochs: int
    learning_rate: float
    learning_rate_schedule: str
    label_smoothing: float
    weight_average: float
    patience: int

    @classmethod
    def from_parameters(cls, parameters: Parameters) -> "Plan":
        """That of training in float."""
        return cls(**{field.name: getattr(parameters, field.name) for field in dataclasses.fields(cls)})

    def for_quantization(self, parameters: Parameters) -> "Plan":
        """That of fine-tuning with the roundings of int8."""
        epochs, rate = parameters.quantization_aware_epochs, parameters.quantization_aware_learning_rate
        return dataclasses.replace(self, epochs=epochs, learning_rate=rate)


def run(output: str, parameters: Parameters, examples: str) -> None:
    """Trains the network; if asked, fine-tunes it with the roundings of int8.

    Training that was killed goes on from its last whole epoch when it is run again with the same parameters, examples and
    code, and ends with the weights of an undisturbed run.

    Raises:
      UserError: a flag is wrong, or there are no training or validation examples.
    """
    lstm_units = check(parameters)
    dataset = files.read_json(files.join(examples, "dataset.json"))
    tf.keras.backend.clear_session()  # layer names count from 1 again, whatever this process built before
    tf.keras.utils.set_random_seed(parameters.seed)
    n_classes = len(dataset["labels"])
    front_end = FrontEnd.from_dict(dataset["front_end"])
    architecture = Architecture(
        (front_end.n_frames, front_end.n_mfcc), lstm_units, parameters.dense_units, parameters.dropout, n_classes
    )
    train = make_split_dataset(examples, "train", dataset).cache()
    validation = make_split_dataset(examples, "validation", dataset)
    data = make_data(parameters, train, validation, dataset)
    backup = files.join(output, "backup", _digest_run(parameters, dataset))

    network = architecture.build_for_training(parameters.seed)
    plan = Plan.from_parameters(parameters)
    kept = fit(network, data, plan, files.join(backup, "float"), files.join(output, "logs", "float"))
    stages = {"float": kept}
    if parameters.quantization_aware:
        standardisation = Standardisation.from_dict(dataset["standardisation"])
        calibration = standardise(np.stack([example.mfcc for example in read_calibration(examples)]), standardisation)
        network = make_quantized(architecture, network, calibration, training_seed=parameters.seed)
        plan = plan.for_quantization(parameters)
        # begins anew, whether or not the stage before ran here
        data = make_data(parameters, train, validation, dataset)
        directories = (files.join(backup, "quantized"), files.join(output, "logs", "quantization_aware"))
        stages["quantization_aware"] = fit(network, data, plan, *directories)

    plain = float_network(architecture, network)
    temperature = scale_to_validation(plain, validation) if parameters.temperature_scaling else 1.0
    contents = {"ser.h5": _model_bytes(plain), "history.csv": _history_csv(stages).encode()}
    if parameters.quantization_aware:
        contents["fake_quantized.h5"] = _model_bytes(make_quantized(architecture, plain, calibration))
    last = stages[list(stages)[-1]]
    for name, content in contents.items():
        files.write_bytes(files.join(output, name), content)
    files.write_json(
        files.join(output, "training.json"),
        {
            "model": "ser.h5",
            "fake_quantized": "fake_quantized.h5" if parameters.quantization_aware else None,
            "labels": dataset["labels"],
            "front_end": dataset["front_end"],
            "standardisation": dataset["standardisation"],
            "synthetic": dataset["synthetic"],
            "protocol": dataset["protocol"],
            "dataset_digest": dataset["digest"],
            "dataset_parameters": dataset["parameters"],
            "splits": {name: split["examples"] for name, split in dataset["splits"].items()},
            "parameters": dataclasses.asdict(parameters),
            "libraries": {"tensorflow": tf.__version__, "tf-keras": importlib.metadata.version("tf-keras")},
            "trainable_parameters": plain.count_params(),
            "updates_an_epoch": data.updates_an_epoch,
            "epochs_trained": {stage: len(kept.history) for stage, kept in stages.items()},
            "best_epoch": sum(len(kept.history) for kept in stages.values() if kept is not last) + last.epoch + 1,
            "best_validation_uar": last.score[0],
            "temperature": temperature,
        },
    )
    tf.io.gfile.rmtree(files.join(output, "backup"))


def make_data(parameters: Parameters, train: tf.data.Dataset, validation: tf.data.Dataset, dataset: dict) -> Data:
    """What one stage of training is fitted to; each stage begins its sequence of epochs anew."""
    examples = dataset["splits"]["train"]["examples"]
    n_classes = len(dataset["labels"])
    batch_size = min(parameters.batch_size, examples)
    counts = np.bincount([int(label) for _, label in train.as_numpy_iterator()], minlength=n_classes)
    balanced = parameters.class_weights == "balanced"
    weights = examples / n_classes / np.maximum(counts, 1) if balanced else np.ones(n_classes)
    return Data(
        make_training_dataset(
            train,
            examples,
            batch_size,
            parameters.seed,
            weights,
            Masks(parameters.time_mask, parameters.frequency_mask),
        ),
        make_validation_dataset(validation, dataset["splits"]["validation"]["examples"], n_classes),
        examples // batch_size,
    )


def fit(network: tf.keras.Model, data: Data, plan: Plan, backup: str = "", logs: str = "") -> KeepAverage:
    """Fits a network, leaves the kept weights in it, and gives back what was kept and the history.

    Args:
      network: is compiled here.
      data: what it is fitted to.
      plan: for how long, and how fast.
      backup: directory to go on from and to back up to after each epoch; "": no backup.
      logs: TensorBoard's directory; "": no logs.
    """
    network.compile(
        make_optimizer(_schedule(plan, data.updates_an_epoch), plan.weight_average * data.updates_an_epoch),
        loss=tf.keras.losses.CategoricalCrossentropy(label_smoothing=plan.label_smoothing),
        metrics=["accuracy", UnweightedAverageRecall(network.output_shape[-1])],
        steps_per_execution=min(data.updates_an_epoch, _UPDATES_AN_EXECUTION),
    )
    network.optimizer.build(network.trainable_variables)  # a backup holds its state
    network.evaluate(data.validation, verbose=0)  # makes the metrics' variables: else training's graph is built twice
    kept = KeepAverage(plan.patience, backup)
    callbacks: list[tf.keras.callbacks.Callback] = [_LogLearningRate(), kept, _Progress(plan.epochs)]
    if logs:
        callbacks.append(tf.keras.callbacks.TensorBoard(logs))
    done = 0
    if backup:
        callbacks.append(tf.keras.callbacks.BackupAndRestore(backup, delete_checkpoint=False))
        if done := _epochs_backed_up(backup):
            kept.restore(done)
            print(f"goes on after epoch {done}/{plan.epochs}, from {backup}", flush=True)
    if done < plan.epochs and not kept.stops:
        network.fit(
            data.training.skip(done * data.updates_an_epoch) if done else data.training,
            validation_data=data.validation,
            epochs=plan.epochs,
            steps_per_epoch=data.updates_an_epoch,
            verbose=0,
            callbacks=callbacks,
        )
    network.set_weights(kept.weights)
    return kept


def _schedule(plan: Plan, updates_an_epoch: int):
    if plan.learning_rate_schedule == "constant":
        return plan.learning_rate
    updates = plan.epochs * updates_an_epoch
    warm_up = max(1, updates // 20)
    return tf.keras.optimizers.schedules.CosineDecay(
        0.0, max(1, updates - warm_up), warmup_target=plan.learning_rate, warmup_steps=warm_up
    )


def _epochs_backed_up(backup: str) -> int:
    """How many epochs the backup in a directory holds."""
    if not (checkpoint := tf.train.latest_checkpoint(f"{backup}/chief")):
        return 0
    return int(tf.train.load_variable(checkpoint, "ckpt_saved_epoch/.ATTRIBUTES/VARIABLE_VALUE")) + 1


def _digest_run(parameters: Parameters, dataset: dict) -> str:
    """Of all that decides the weights: a backup of anything else is none of this training."""
    sources = [*sorted(pathlib.Path(__file__).parent.glob("*.py")), pathlib.Path(fake_quantized.__file__)]
    code = [path.read_text() for path in sources]
    decisive = [dataclasses.asdict(parameters), dataset["digest"], tf.__version__, code]
    return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:16]


def check(parameters: Parameters) -> tuple[int, ...]:
    """The LSTM layers' units; raises UserError for what can't be trained with."""
    try:
        lstm_units = tuple(int(units) for units in parameters.lstm_units.split(","))
    except ValueError:
        raise UserError(f"--lstm_units={parameters.lstm_units}: expected numbers, like 128,64") from None
    for name, least in (
        ("epochs", 1),
        ("batch_size", 1),
        ("dense_units", 1),
        ("learning_rate", 1e-12),
        ("dropout", 0),
        ("weight_average", 0),
        ("patience", 0),
        ("label_smoothing", 0),
        ("time_mask", 0),
        ("frequency_mask", 0),
        ("quantization_aware_epochs", 1),
        ("quantization_aware_learning_rate", 1e-12),
    ):
        if getattr(parameters, name) < least:
            raise UserError(f"--{name}={getattr(parameters, name)}: at least {least}")
    if min(lstm_units) < 1:
        raise UserError(f"--lstm_units={parameters.lstm_units}: each at least 1")
    for name in ("dropout", "label_smoothing"):
        if getattr(parameters, name) >= 1:
            raise UserError(f"--{name}={getattr(parameters, name)}: below 1")
    return lstm_units


class _LogLearningRate(tf.keras.callbacks.Callback):
    """Adds the learning rate of an epoch's last update to its logs."""

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        logs["learning_rate"] = float(tf.keras.backend.get_value(self.model.optimizer.learning_rate))


class _Progress(tf.keras.callbacks.Callback):
    """A line an epoch."""

    def __init__(self, epochs: int):
        super().__init__()
        self._epochs = epochs

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        print(
            f"epoch {epoch + 1}/{self._epochs}: loss {logs['loss']:.3f}, UAR {logs['uar']:.3f}; "
            f"validation loss {logs['val_loss']:.3f}, UAR {logs['val_uar']:.3f}",
            flush=True,
        )


def _model_bytes(network: tf.keras.Model) -> bytes:
    """HDF5: unlike the .keras archive it holds no date, so that the same weights are the same bytes."""
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are saving your model as an HDF5 file")
        path = pathlib.Path(directory, "ser.h5")
        network.compile(loss="categorical_crossentropy")  # else Keras warns that it is not; no part of the file
        tf.keras.models.save_model(network, path, include_optimizer=False, save_format="h5")
        return path.read_bytes()


def _history_csv(stages: dict[str, KeepAverage]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    rows = [(stage, epoch) for stage, kept in stages.items() for epoch in kept.history]
    writer.writerow(["epoch", "stage", *rows[0][1]])
    writer.writerows([number, stage, *epoch.values()] for number, (stage, epoch) in enumerate(rows, start=1))
    return text.getvalue()
