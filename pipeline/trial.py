"""One training among many: what its int8 form says of held-out clips, kept in one file.

`ser-tinyml tune` and benchmarks/strangers.py compare such trainings.
"""

import dataclasses
import functools
import io
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.trainer.parameters import Parameters
from pipeline.execution import run_side_by_side
from schemas.front_end import Standardisation
from schemas.record import Example
from schemas.run_files import Dataset
from ser_tinyml.store import files, run_files

# Of a split's clips: true [clips], probabilities of int8 and in_float [clips, classes], speakers [clips]; where the front end
# learns its speaker, int8's of each clip heard otherwise, too (`ALONE`, `BEHIND_A_STRANGER`).
Predicted = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Training:
    """One training on a dataset's records."""

    examples: str
    parameters: Parameters
    prosody: tuple[str, ...]  # the columns that the network takes, of those that the records have
    splits: tuple[str, ...]  # that are predicted
    cmvn_prior_windows: int | None = None  # of the network's front end; None: of the records'


def train_side_by_side(trainings: Mapping[str, tuple[Training, str]], jobs: int) -> None:
    """Trains what has no file yet, so many at once, each on one core.

    Args:
      trainings: what the console calls it -> the training, and the file for `read_predicted`.
      jobs: how many at once, each in a process of its own where it is above 1.

    Raises:
      UserError: one could not be trained.
    """
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    missing = {told: each for told, each in trainings.items() if not files.exists(each[1])}
    run_side_by_side({told: functools.partial(_train, *each) for told, each in missing.items()}, jobs)


def read_predicted(path: str, split: str) -> Predicted:
    """Returns what was predicted of a split's clips."""
    with files.open_binary(path) as file, np.load(file) as stored:
        prefix = f"{split}/"
        return {name.removeprefix(prefix): stored[name] for name in stored.files if name.startswith(prefix)}


def _train(training: Training, path: str) -> None:
    """Trains one network, and keeps what it says of clips, whole or not at all."""
    from components.trainer.component import Splits, forget_networks, make_architecture, train
    from ser_tinyml.audio.standardise import standardise_examples
    from ser_tinyml.codegen.convert import convert_int8, fix_batch_size
    from ser_tinyml.runtimes.tflite import TFLite
    from ser_tinyml.store.dataset import read_calibration

    whole = run_files.read(Dataset, training.examples)
    columns = _find_columns(whole, training.prosody)
    dataset = _narrow(whole, training.prosody, columns)
    if training.cmvn_prior_windows is not None:  # the records hold features that are not standardised
        front_end = dataclasses.replace(dataset.front_end, cmvn_prior_windows=training.cmvn_prior_windows)
        dataset = dataclasses.replace(dataset, front_end=front_end)
    parameters = training.parameters
    parameters.check_front_end(dataset.front_end)
    forget_networks()
    splits = Splits(training.examples, dataset, parameters)
    architecture = make_architecture(parameters, dataset)
    network, _ = train(architecture, splits, parameters)
    if parameters.temperature_scaling:
        splits.scale_temperature(architecture, network)
    chosen = [_narrow_record(record, training.prosody) for record in read_calibration(training.examples)]
    calibration = standardise_examples(chosen, dataset.front_end, dataset.standardisation)
    int8 = TFLite(convert_int8(fix_batch_size(network), calibration))
    kept = dict[str, np.ndarray]()
    for split in training.splits:
        predicted = _predict(training, split, dataset=dataset, network=network, int8=int8)
        kept |= {f"{split}/{name}": values for name, values in predicted.items()}
    file = io.BytesIO()
    np.savez(file, **kept)
    files.write_bytes(path, file.getvalue())


def _find_columns(whole: Dataset, prosody: Sequence[str]) -> list[int]:
    """Returns which values of the records' frames a network takes: the MFCCs, and some columns of prosody."""
    n_mfcc, stored = whole.front_end.n_mfcc, whole.front_end.prosody
    return [*range(n_mfcc), *(n_mfcc + stored.index(name) for name in prosody)]


def _narrow(whole: Dataset, prosody: tuple[str, ...], columns: list[int]) -> Dataset:
    """Returns a dataset as if its records had these columns of prosody alone."""
    mean, deviation = whole.standardisation.mean, whole.standardisation.deviation
    return dataclasses.replace(
        whole,
        front_end=dataclasses.replace(whole.front_end, prosody=prosody),
        standardisation=Standardisation(
            tuple(mean[column] for column in columns), tuple(deviation[column] for column in columns)
        ),
    )


def _narrow_record(record: Example, prosody: tuple[str, ...]) -> Example:
    return dataclasses.replace(record, prosody={name: record.prosody[name] for name in prosody})


def _predict(training: Training, split: str, *, dataset: Dataset, network: Any, int8: Any) -> Predicted:
    from ser_tinyml.judging.held_out import HeldOut
    from ser_tinyml.runtimes.keras import Keras
    from ser_tinyml.store.dataset import read_split

    records = [_narrow_record(record, training.prosody) for record in read_split(training.examples, split)]
    classes = np.arange(len(dataset.labels))
    held_out = HeldOut.from_records(records, classes, dataset.standardisation, dataset.front_end)
    otherwise = {
        way: held_out.vote(int8.predict(inputs, held_out.begins).probabilities)
        for way, inputs in held_out.otherwise.items()
    }
    return otherwise | {
        "true": held_out.true,
        "probabilities": held_out.vote(int8.predict(held_out.inputs, held_out.begins).probabilities),
        "in_float": held_out.vote(Keras(network).run(held_out.inputs, held_out.begins)),
        "speakers": np.array([clip.speaker_key for clip in held_out.clips]),
    }
