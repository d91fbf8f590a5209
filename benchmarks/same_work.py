"""Checks that the two sides of a benchmark did the same work. Where they did not, a ratio of seconds says nothing: the
benchmark ends with an error."""

import dataclasses
import pathlib
import sys

import numpy as np

from schemas.run_files import Training
from ser_tinyml.store.dataset import read_split

# Between librosa's features and the data job's; tests/ser_tinyml/audio/test_features.py holds it over all real recordings.
TOLERANCE = 1e-3

# Between the losses of two networks that make the same updates in float32, from the same weights.
LOSS_TOLERANCE = 1e-3

Copy = tuple[str, int]  # clip id, number of the copy


@dataclasses.dataclass(frozen=True)
class Features:
    """What one copy of a clip became."""

    label: int
    mfcc: np.ndarray  # float32 [frames, coefficients]


def read_job(examples: pathlib.Path) -> dict[Copy, Features]:
    """Reads what the data job made; ends with an error where a copy has several windows."""
    records = [record for split in ("train", "validation", "test") for record in read_split(str(examples), split)]
    found = {(record.clip_id, record.copy): Features(record.label, record.mfcc) for record in records}
    if len(found) != len(records):
        sys.exit(f"error: different work: the data job made {len(records)} windows of {len(found)} copies")
    return found


def read_loop(arrays: pathlib.Path) -> dict[Copy, Features]:
    """Reads what `notebook_loop.py` made."""
    with np.load(arrays) as stored:
        columns = (stored["clip_id"].tolist(), stored["copy"].tolist(), stored["label"].tolist(), stored["mfcc"])
        return {(clip_id, copy): Features(label, mfcc) for clip_id, copy, label, mfcc in zip(*columns, strict=True)}


def check_features(loop: dict[Copy, Features], job: dict[Copy, Features]) -> float:
    """Returns the largest difference between the features of both sides.

    Ends with an error where one side lacks a copy, or where a label differs, or a feature by more than TOLERANCE.
    """
    if loop.keys() != job.keys():
        alone = sorted(loop.keys() ^ job.keys())
        sys.exit(f"error: different work: only one side made {len(alone)} copies, the first is {alone[0]}")
    differences = {copy: _compare(loop[copy], job[copy]) for copy in loop}
    worst = max(differences, key=lambda copy: differences[copy])
    if differences[worst] > TOLERANCE:
        count = sum(difference > TOLERANCE for difference in differences.values())
        sys.exit(
            f"error: different work: {count} of {len(loop)} copies differ by more than {TOLERANCE}; the worst is "
            f"{worst}, by {differences[worst]}"
        )
    return differences[worst]


def _compare(one: Features, other: Features) -> float:
    if one.label != other.label or one.mfcc.shape != other.mfcc.shape:
        return np.inf
    difference = float(np.abs(one.mfcc - other.mfcc).max())
    return difference if np.isfinite(difference) else np.inf  # NaN is neither more nor less than any other


@dataclasses.dataclass(frozen=True)
class Fitting:
    """How much a training did."""

    updates: int
    examples_an_update: int
    trainable_parameters: int


def check_networks(fittings: dict[str, Fitting]) -> None:
    """Ends with an error where not all trained networks have the same number of parameters."""
    if len({fitting.trainable_parameters for fitting in fittings.values()}) != 1:
        sys.exit("error: different work: " + "; ".join(f"{name}: {fitting}" for name, fitting in fittings.items()))


def check_updates(updates: dict[str, int]) -> None:
    """Ends with an error where not all trainings made the same number of updates."""
    if len(set(updates.values())) != 1:
        sys.exit(f"error: different work: updates: {updates}")


def check_losses(losses: dict[str, list[float]]) -> float:
    """Returns the largest difference between two trainings' losses of an update; ends with an error beyond LOSS_TOLERANCE."""
    one, other = map(np.array, losses.values())
    difference = float(np.abs(one - other).max()) if len(one) == len(other) else np.inf
    if not difference <= LOSS_TOLERANCE:
        sys.exit(f"error: different work: the losses of {' and '.join(losses)} differ by {difference}")
    return difference


def check_decoded(decoded: int, clips: int) -> None:
    """Ends with an error where a job did not decode all clips that it was given."""
    if decoded != clips:
        sys.exit(f"error: different work: {decoded} of {clips} clips were decoded")


def check_datasets(made: set[tuple[int, str]]) -> None:
    """Ends with an error where (records, digest) are not the same of all datasets."""
    if len(made) != 1:
        sys.exit(f"error: different work: {len(made)} datasets: {sorted(made)}")


def check_recipes(one: Training, other: Training) -> None:
    """Ends with an error where two models were trained with other parameters, or other passes over their training splits."""
    if (one.parameters, one.epochs_trained) != (other.parameters, other.epochs_trained):
        sys.exit(
            f"error: different work: {one.parameters} and {one.epochs_trained} epochs, "
            f"{other.parameters} and {other.epochs_trained} epochs"
        )
