"""ROOT/examples -> ROOT/model.

Writes:
  ser.h5          the Keras model with the weights of the best epoch; takes standardised MFCCs
  history.csv     loss and accuracy of every epoch
  logs/           TensorBoard
  training.json   written last: what the model takes and gives, and all that it was trained with
"""

import csv
import dataclasses
import io
import pathlib
import tempfile
import warnings

import tensorflow as tf

from components.command import parameter
from components.trainer.averaging import BestAverage, make_optimizer
from components.trainer.dataset import make_split_dataset, make_training_dataset
from components.trainer.network import build_network
from schemas import artifacts
from schemas.artifacts import UserError
from schemas.frontend import FrontEnd


@dataclasses.dataclass(frozen=True)
class Parameters:
    """The network and how it is trained. All defaults but the averaging are the original notebook's."""

    lstm_units: str = parameter("128,64", "Units of each LSTM layer.")
    dense_units: int = parameter(64, "Units of the ReLU layer behind the LSTMs.")
    dropout: float = parameter(0.3, "Share of the ReLU layer's outputs dropped in training.")
    learning_rate: float = parameter(1e-3, "Adam's learning rate.")
    batch_size: int = parameter(32, "Examples an update.")
    epochs: int = parameter(20, "Passes over the training split.")
    weight_average: float = parameter(
        1.0, "Epochs that the moving average of the weights looks back, which is validated and kept; 0: no averaging."
    )
    seed: int = parameter(0, "Of initial weights, shuffling and dropout.")


def run(output: str, parameters: Parameters, examples: str) -> None:
    """Trains the network and keeps the averaged weights of the epoch that did best on the validation split.

    Raises:
      UserError: a flag is wrong, or there are no training or validation examples.
    """
    lstm_units = _check(parameters)
    dataset = artifacts.read_json(artifacts.join(examples, "dataset.json"))
    tf.keras.backend.clear_session()  # layer names count from 1 again, whatever this process built before
    tf.keras.utils.set_random_seed(parameters.seed)
    train = make_split_dataset(examples, "train", dataset)
    validation = make_split_dataset(examples, "validation", dataset)
    train_examples = dataset["splits"]["train"]["examples"]
    batch_size = min(parameters.batch_size, train_examples)
    front_end = FrontEnd.from_dict(dataset["front_end"])
    network = build_network(
        (front_end.n_frames, front_end.n_mfcc),
        lstm_units,
        parameters.dense_units,
        parameters.dropout,
        len(dataset["labels"]),
    )
    network.compile(
        make_optimizer(parameters.learning_rate, parameters.weight_average * (train_examples // batch_size)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    best = BestAverage()
    history = network.fit(
        make_training_dataset(train, train_examples, batch_size, parameters.seed),
        validation_data=validation.batch(batch_size).cache(),
        epochs=parameters.epochs,
        verbose=0,
        callbacks=[best, _Progress(parameters.epochs), tf.keras.callbacks.TensorBoard(artifacts.join(output, "logs"))],
    )
    network.set_weights(best.weights)
    artifacts.write_bytes(artifacts.join(output, "ser.h5"), _model_bytes(network))
    artifacts.write_text(artifacts.join(output, "history.csv"), _history_csv(history.history))
    artifacts.write_json(
        artifacts.join(output, "training.json"),
        {
            "model": "ser.h5",
            "labels": dataset["labels"],
            "front_end": dataset["front_end"],
            "standardisation": dataset["standardisation"],
            "synthetic": dataset["synthetic"],
            "protocol": dataset["protocol"],
            "dataset_digest": dataset["digest"],
            "parameters": dataclasses.asdict(parameters),
            "trainable_parameters": network.count_params(),
            "best_epoch": best.epoch + 1,
            "best_validation_accuracy": best.score[0],
        },
    )


def _check(parameters: Parameters) -> tuple[int, ...]:
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
    ):
        if getattr(parameters, name) < least:
            raise UserError(f"--{name}={getattr(parameters, name)}: at least {least}")
    if min(lstm_units) < 1 or parameters.dropout >= 1:
        raise UserError(
            f"--lstm_units={parameters.lstm_units} are above 0 and --dropout={parameters.dropout} is below 1"
        )
    return lstm_units


class _Progress(tf.keras.callbacks.Callback):
    """A line an epoch."""

    def __init__(self, epochs: int):
        super().__init__()
        self._epochs = epochs

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        print(
            f"epoch {epoch + 1}/{self._epochs}: loss {logs['loss']:.3f}, accuracy {logs['accuracy']:.3f}; "
            f"validation loss {logs['val_loss']:.3f}, accuracy {logs['val_accuracy']:.3f}",
            flush=True,
        )


def _model_bytes(network: tf.keras.Model) -> bytes:
    """HDF5: unlike the .keras archive it holds no date, so that the same weights are the same bytes."""
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are saving your model as an HDF5 file")
        path = pathlib.Path(directory, "ser.h5")
        tf.keras.models.save_model(network, path, include_optimizer=False, save_format="h5")
        return path.read_bytes()


def _history_csv(history: dict[str, list[float]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", *history])
    writer.writerows([epoch, *values] for epoch, values in enumerate(zip(*history.values(), strict=True), start=1))
    return text.getvalue()
