"""Whether every export of a model computes what was trained."""

import dataclasses

import numpy as np

from schemas.run_files import Gate
from ser_tinyml.judging.gates import judge
from ser_tinyml.judging.intervals import hit_difference_interval
from ser_tinyml.runtimes.predictions import Predictions


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """How far the exports of a model may be from what was trained."""

    max_accuracy_loss: float  # percentage points that int8 may lose against Keras
    min_agreement: float  # share of clips on which int8 and Keras must give the same class
    min_tflm_agreement: float  # share of clips on which TFLM and TFLite, both int8, must give the same class
    max_tflm_difference: int  # between outputs of TFLM and TFLite, in steps of 1/256
    max_source_difference: int  # bytes in which the compiled TFLM source may differ from the int8 file
    min_fake_quantized_agreement: float  # share of clips on which int8 must give the fake-quantized network's class


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What the gates look at."""

    true: np.ndarray  # int64 [clips]: the classes
    elected: dict[str, np.ndarray]  # runtime -> int64 [clips]: the classes that the clips' windows elect
    predictions: dict[str, Predictions]  # runtime -> its outputs for the windows
    differing_source_bytes: int | None  # between the compiled TFLM source and the int8 file; None: it was not compiled


def judge_exports(evidence: Evidence, thresholds: Thresholds) -> list[Gate]:
    """Judges whether every export computes what was trained, as far as the evidence goes.

    Of the runtimes "keras", "int8", "tflm" and "fake_quantized" the evidence holds what there is of a model, or is asked for,
    and gates are of pairs that are there. What rounding costs is judged by the end of an interval over the clips, so that no
    single clip decides.
    """
    true, elected = evidence.true, evidence.elected
    gates = []
    if {"keras", "int8"} <= set(elected):
        lost = 100 * hit_difference_interval(true, elected["keras"], elected["int8"])[0]
        name = "int8 accuracy loss against Keras, lower end of its 95 % interval"
        gates.append(judge(name, lost, "at most", thresholds.max_accuracy_loss, unit="points"))
    shares = [
        ("int8 agreement with Keras", "keras", "int8", thresholds.min_agreement),
        ("TFLM agreement with TFLite int8", "tflm", "int8", thresholds.min_tflm_agreement),
        (
            "int8 agreement with the fake-quantized network",
            "fake_quantized",
            "int8",
            thresholds.min_fake_quantized_agreement,
        ),
    ]
    gates += [
        judge(name, agreement(elected[one], elected[other]), "at least", threshold, unit="of clips")
        for name, one, other, threshold in shares
        if {one, other} <= set(elected)
    ]
    if {"int8", "tflm"} <= set(elected):
        difference = compare_outputs(evidence.predictions["int8"], evidence.predictions["tflm"]).max()
        name = "TFLM output difference from TFLite int8"
        gates.append(judge(name, difference, "at most", thresholds.max_tflm_difference, unit="of 256"))
    if (differing := evidence.differing_source_bytes) is not None:
        gates.append(
            judge("TFLM source difference", differing, "at most", thresholds.max_source_difference, unit="bytes")
        )
    return gates


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the share of clips to which both give the same class, of int64 [clips] each."""
    return float(np.mean(one == other))


def compare_outputs(one: Predictions, other: Predictions) -> np.ndarray:
    """Returns the largest difference of each window's int8 outputs, in steps of 1/256: int64 [windows]."""
    assert one.quantized is not None and other.quantized is not None, "int8 models give int8"
    return np.abs(one.quantized.astype(int) - other.quantized.astype(int)).max(axis=1)
