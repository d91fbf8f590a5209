"""ROOT/examples -> ROOT/model.

Writes:
  ser.h5             the Keras model with the weights that were kept, of 4 bits if asked for; takes standardised MFCCs
  fake_quantized.h5  of quantization-aware training: the same model with its roundings (ser_tinyml/network/fake_quantized.py)
  history.csv        loss, accuracy and UAR of every epoch
  logs/              TensorBoard
  training.json      written last: what the model takes and gives, and all that is needed to train it again
  backup/            while training runs: from where it goes on if it is killed
"""

import dataclasses
import functools
import hashlib
import importlib.metadata
import json
import tempfile

import numpy as np
import tensorflow as tf

from components.step import owns_output
from components.trainer.parameters import MAKES, Parameters
from schemas.run_files import Dataset, TrainedOn, Training
from ser_tinyml.audio.standardise import ONE_SESSION, Sessions, standardise_examples
from ser_tinyml.judging.provenance import who_trained
from ser_tinyml.network.architecture import Architecture, carry_weights
from ser_tinyml.network.averaging import KeepAverage
from ser_tinyml.network.ensemble import join
from ser_tinyml.network.fitting import Data, Plan, fit, format_history
from ser_tinyml.network.loading import encode_model
from ser_tinyml.network.quantization import float_network, make_quantized, round_weights
from ser_tinyml.network.temperature import scale_to_validation
from ser_tinyml.network.training_data import Drawing, make_split_dataset, make_utterance_dataset
from ser_tinyml.network.training_log import log_training
from ser_tinyml.network.uar import measure_uar
from ser_tinyml.store import files, run_files
from ser_tinyml.store.code_digest import digest_code
from ser_tinyml.store.dataset import list_clips, read_calibration
from ser_tinyml.store.digests import unit_hash

MODEL, FAKE_QUANTIZED = "ser.h5", "fake_quantized.h5"


@owns_output(MAKES, keeps="backup", varies="logs")
def run(output: str, parameters: Parameters, *, examples: str) -> None:
    """Trains the network; if asked, fine-tunes it with the roundings of int8.

    Training that was killed goes on from its last whole epoch when it is run again with the same parameters, examples and
    code, and ends with the weights of an undisturbed run.

    Raises:
      UserError: there are no training or validation examples.
    """
    dataset = run_files.read(Dataset, examples)
    parameters.check_front_end(dataset.front_end)
    tf.keras.backend.clear_session()  # layer names count from 1 again, whatever this process built before
    architecture, weight_bits = make_architecture(parameters, dataset), int(parameters.weight_bits)
    splits = Splits(examples, dataset, parameters)
    places = Places(files.join(output, "backup", _digest_run(parameters, dataset)), files.join(output, "logs"))

    plain, stages = train(architecture, splits, parameters, places)
    data = splits.make_data(parameters)
    if parameters.quantization_aware:
        network = make_quantized(
            architecture, plain, splits.calibration, weight_bits=weight_bits, training_seed=parameters.seed
        )
        plan = for_quantization(make_plan(parameters), parameters)
        stages["quantization_aware"] = fit(network, data, plan, **places.of_stage("quantized", "quantization_aware"))
        plain = float_network(architecture, network)

    if weight_bits < 8:
        round_weights(plain, weight_bits)
    first, *others = stages.values()  # of a single one the weights are those that it validated
    validation_uar = measure_uar(plain, data.validation) if others else first.score[0]
    temperature = splits.scale_temperature(architecture, plain) if parameters.temperature_scaling else 1.0
    _log(files.join(output, "logs", "model"), parameters, plain, validation_uar)
    contents = {MODEL: encode_model(plain), "history.csv": format_history(stages).encode()}
    if parameters.quantization_aware:
        rounded = make_quantized(architecture, plain, splits.calibration, weight_bits=weight_bits)
        contents[FAKE_QUANTIZED] = encode_model(rounded)
    for name, content in contents.items():
        files.write_bytes(files.join(output, name), content)
    trained = _Trained(
        plain.count_params(),
        data.updates_an_epoch,
        stages=stages,
        validation_uar=validation_uar,
        temperature=temperature,
        trained_on=who_trained(list_clips(examples, "train") | list_clips(examples, "validation")),
    )
    run_files.write(_describe(parameters, dataset, trained), output)
    files.delete_files(files.list_files(files.join(output, "backup")), below=output)


def _log(folder: str, parameters: Parameters, network: tf.keras.Model, uar: float) -> None:
    """Writes what TensorBoard shows of the finished training."""
    weights = {f"{layer.name}/{w.name.split(':')[0]}": w.numpy() for layer in network.layers for w in layer.weights}
    log_training(folder, dataclasses.asdict(parameters), {"validation UAR": uar}, weights)


def train(
    architecture: Architecture, splits: "Splits", parameters: Parameters, places: "Places | None" = None
) -> tuple[tf.keras.Model, dict[str, KeepAverage]]:
    """Trains the network in float, each member of an ensemble by itself; returns it as it is stored, and each training.

    Args:
      architecture: of the whole network.
      splits: what it is trained on.
      parameters: how.
      places: where backups and logs are; None: there are none.
    """
    of_member = dataclasses.replace(architecture, members=1)
    members, stages = [], {}
    for number in range(parameters.ensemble):
        stage = f"float_{number + 1}" if number else "float"
        seed = int(unit_hash("member", parameters.seed, number) * 2**32) if number else parameters.seed
        tf.keras.utils.set_random_seed(seed)
        network = splits.build_for_training(of_member, seed)
        data = splits.make_data(dataclasses.replace(parameters, seed=seed))
        stages[stage] = fit(network, data, make_plan(parameters), **places.of_stage(stage, stage) if places else {})
        members.append(float_network(of_member, network))
    return join(of_member, members) if len(members) > 1 else members[0], stages


_PRIOR_WINDOWS = 8  # of CMVN in training where the front end itself has none
_BEHIND_ANOTHER = 0.5  # the share of training's sessions that begin behind another speaker
_MOST_WINDOWS = 6  # of an utterance that a network goes on over in training: with the defaults 3 s


class Splits:
    """The training and the validation split of a dataset, and the records that calibrate int8.

    Examples are windows; of a network that goes on from window to window they are utterances.
    """

    def __init__(self, examples: str, dataset: Dataset, parameters: Parameters):
        self._examples, self._dataset = examples, dataset
        count, size = dataset.splits["train"].examples, 4 * dataset.front_end.n_frames * dataset.front_end.n_features
        self._in_memory = max(1, min(count, parameters.memory_mb * 10**6 // size))  # records
        self._file = tempfile.TemporaryDirectory() if self._in_memory < count else None
        kept = files.join(self._file.name, "records") if self._file else ""
        self._train = self._open_training(parameters).cache(kept)
        self.validation = self._open("validation", dataset).cache()

    def _open_training(self, parameters: Parameters) -> tf.data.Dataset:
        """Opens the training split, standardised as by a device that hears speakers in sessions, or as by the front end."""
        if not parameters.session_clips:
            return self._open("train", self._dataset)
        front_end = self._dataset.front_end
        learning = dataclasses.replace(front_end, cmvn_prior_windows=front_end.cmvn_prior_windows or _PRIOR_WINDOWS)
        sessions = Sessions(parameters.session_clips, behind_another=_BEHIND_ANOTHER)
        return self._open("train", dataclasses.replace(self._dataset, front_end=learning), sessions)

    def _open(self, split: str, dataset: Dataset, sessions: Sessions = ONE_SESSION) -> tf.data.Dataset:
        if dataset.front_end.streaming:
            return make_utterance_dataset(self._examples, split, dataset, _MOST_WINDOWS, sessions)
        return make_split_dataset(self._examples, split, dataset, sessions)

    def build_for_training(self, architecture: Architecture, seed: int) -> tf.keras.Model:
        """Returns the network that takes these examples."""
        if self._dataset.front_end.streaming:
            return architecture.build_for_utterances(seed, _MOST_WINDOWS)
        return architecture.build_for_training(seed)

    def scale_temperature(self, architecture: Architecture, plain: tf.keras.Model) -> float:
        """Fits the probabilities of a network, as it is stored, to the validation split; returns the temperature."""
        if not self._dataset.front_end.streaming:
            return scale_to_validation(plain, self.validation)
        trained = self.build_for_training(architecture, 0)
        carry_weights(plain, trained)
        return scale_to_validation(plain, self.validation, trained)

    @functools.cached_property
    def calibration(self) -> np.ndarray:
        """What the exporter calibrates with: training records, standardised, float32 [examples, frames, coefficients]."""
        dataset = self._dataset
        return standardise_examples(read_calibration(self._examples), dataset.front_end, dataset.standardisation)

    def make_data(self, parameters: Parameters) -> Data:
        """Returns what one stage of training is fitted to; its sequence of epochs begins anew."""
        return Data.from_splits(
            self._train,
            self.validation,
            n_classes=len(self._dataset.labels),
            drawing=Drawing(parameters.batch_size, parameters.seed, self._in_memory),
            balanced=parameters.class_weights == "balanced",
        )


def forget_networks() -> None:
    """Forgets the networks that this process made before another training, and what TensorFlow says of tracing again."""
    tf.get_logger().setLevel("ERROR")
    tf.keras.backend.clear_session()


def make_architecture(parameters: Parameters, dataset: Dataset) -> Architecture:
    """Returns the network that the parameters describe, for the records of a dataset."""
    return Architecture(
        input_shape=(dataset.front_end.n_frames, dataset.front_end.n_features),
        lstm_units=parameters.read_units("lstm_units"),
        conv_filters=parameters.read_units("conv_filters"),
        conv_kernel=parameters.conv_kernel,
        conv_pool=parameters.conv_pool,
        bidirectional=parameters.bidirectional,
        frame_pooling=parameters.frame_pooling,
        dense_units=parameters.dense_units,
        dropout=parameters.dropout,
        members=parameters.ensemble,
        n_classes=len(dataset.labels),
    )


def make_plan(parameters: Parameters) -> Plan:
    """Returns the plan of training in float."""
    return Plan(**{field.name: getattr(parameters, field.name) for field in dataclasses.fields(Plan)})


def for_quantization(plan: Plan, parameters: Parameters) -> Plan:
    """Returns the plan of fine-tuning with the roundings of int8."""
    epochs, rate = parameters.quantization_aware_epochs, parameters.quantization_aware_learning_rate
    return dataclasses.replace(plan, epochs=epochs, learning_rate=rate)


@dataclasses.dataclass(frozen=True)
class Places:
    """Where training keeps what it goes on from, and its logs."""

    backup: str
    logs: str

    def of_stage(self, backup: str, log: str) -> dict[str, str]:
        return {"backup": files.join(self.backup, backup), "logs": files.join(self.logs, log)}


@dataclasses.dataclass(frozen=True)
class _Trained:
    parameters: int
    updates_an_epoch: int
    stages: dict[str, KeepAverage]
    validation_uar: float
    temperature: float
    trained_on: TrainedOn


def _describe(parameters: Parameters, dataset: Dataset, trained: _Trained) -> Training:
    *before, last = trained.stages.values()
    return Training(
        model=MODEL,
        fake_quantized=FAKE_QUANTIZED if parameters.quantization_aware else None,
        labels=dataset.labels,
        front_end=dataset.front_end,
        standardisation=dataset.standardisation,
        synthetic=dataset.synthetic,
        dataset_digest=dataset.digest,
        dataset_parameters=dataset.parameters,
        splits={name: split.examples for name, split in dataset.splits.items()},
        parameters=dataclasses.asdict(parameters),
        libraries={"tensorflow": tf.__version__, "tf-keras": importlib.metadata.version("tf-keras")},
        trainable_parameters=trained.parameters,
        updates_an_epoch=trained.updates_an_epoch,
        epochs_trained={stage: len(kept.history) for stage, kept in trained.stages.items()},
        best_epoch=sum(len(kept.history) for kept in before) + last.epoch + 1,
        best_validation_uar=trained.validation_uar,
        temperature=trained.temperature,
        trained_on=trained.trained_on,
    )


def _digest_run(parameters: Parameters, dataset: Dataset) -> str:
    """Returns a digest of all that decides the weights: a backup of anything else is none of this training."""
    decisive = [dataclasses.asdict(parameters), dataset.digest, tf.__version__, digest_code(__name__)]
    return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:16]
