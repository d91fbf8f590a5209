"""Whether a model is any good: on clips that training never heard, beside chance, and beside another run."""

import dataclasses

import numpy as np

from schemas.run_files import Comparison, Gate, Heard, ModelEvaluation, Scores
from ser_tinyml.judging import gates

_SUM_ERROR = 0.01  # of probabilities, beside what int8 rounds away


@dataclasses.dataclass(frozen=True)
class Standards:
    """What a model must reach."""

    min_uar: float  # CHANCE: the lower end of the interval over speakers must be above chance
    min_recall: float  # of the class that is found worst
    min_noisy_uar: float  # on the same clips with noise
    max_calibration_error: float
    allow_overlap: bool  # whether it may be judged on speakers and clips that training heard


@dataclasses.dataclass(frozen=True)
class Performance:
    """How the model that is flashed did: the int8 file on TFLM's kernels, whose bits are the engine's."""

    found: ModelEvaluation
    probabilities: np.ndarray  # float [windows, classes]
    noisy: Scores | None
    heard: Heard | None  # None where nobody knows what trained it
    baseline: Comparison | None


def judge_performance(did: Performance, standards: Standards) -> list[Gate]:
    """Judges whether a model is good enough; where no noisy clip was heard, it has failed on noise."""
    worst = did.found.worst_class
    recall = did.found.per_class[worst].recall
    judged = [_judge_uar(did.found, standards.min_uar)]
    judged.append(_judge(f"recall of {worst}, the worst class", recall, "at least", standards.min_recall))
    if standards.min_noisy_uar:
        noisy = did.noisy.uar if did.noisy else 0.0
        judged.append(_judge("UAR on the same clips with noise", noisy, "at least", standards.min_noisy_uar))
    error, classes = did.found.calibration_error, did.probabilities.shape[1]
    judged.append(_judge("calibration error", error, "at most", standards.max_calibration_error))
    off = max(float(np.abs(did.probabilities.sum(axis=1) - 1).max()), -float(did.probabilities.min()))
    most = _SUM_ERROR + classes / 256
    judged.append(_judge("largest deviation of a window's probabilities from a sum of 1", off, "at most", most))
    if did.heard and not standards.allow_overlap:
        judged.append(
            _judge("speakers of these clips who trained it", len(did.heard.speakers), "at most", 0, "speakers")
        )
        judged.append(_judge("these clips that trained it", did.heard.clips, "at most", 0, "clips"))
    if did.baseline:
        gain = did.baseline.intervals["uar"][1]
        name = f"UAR gained on {did.baseline.other}, upper end of its 95 % interval"
        judged.append(_judge(name, gain, "at least", 0))
    return judged


def _judge_uar(found: ModelEvaluation, least: float) -> Gate:
    if least >= 0:
        return _judge("UAR", found.scores.uar, "at least", least)
    lower = found.scores.intervals["uar"][0]
    return _judge("UAR, lower end of its 95 % interval over speakers, against chance", lower, "above", found.chance)


def _judge(name: str, value: float, bound: gates.Bound, threshold: float, unit: str = "") -> Gate:
    return gates.judge(name, value, bound, threshold, unit=unit, question="good enough")
