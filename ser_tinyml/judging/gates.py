"""Conditions that a model and its firmware must hold, and what is said of those that failed."""

from collections.abc import Callable, Sequence
from typing import Literal

from schemas.errors import GateFailed
from schemas.run_files import Gate, Question

CHANCE = -1.0  # as a least UAR: more than chance, for sure

_FORGIVEN = 1e-9  # to floating point

Bound = Literal["at most", "at least", "above"]

_HOLDS: dict[Bound, Callable[[float, float], bool]] = {
    "at most": lambda value, threshold: value <= threshold + _FORGIVEN,
    "at least": lambda value, threshold: value >= threshold - _FORGIVEN,
    "above": lambda value, threshold: value > threshold + _FORGIVEN,
}


def judge(
    name: str,
    value: float,
    bound: Bound,
    threshold: float,
    *,
    unit: str,
    question: Question = "faithful",
) -> Gate:
    """Judges whether a value is at most, at least, or above a threshold."""
    value, threshold = float(value), float(threshold)
    passed = bool(_HOLDS[bound](value, threshold))
    return Gate(name, value, bound=bound, threshold=threshold, unit=unit, passed=passed, question=question)


def describe(gate: Gate) -> str:
    """Returns a line for the console; of a gate that failed it says by how much."""
    lacking = abs(gate.value - gate.threshold)
    verdict = "passed" if gate.passed else f"FAILED by {lacking:.4g} {gate.unit}".rstrip()
    value = f"{gate.value:.7g} {gate.unit}".rstrip()
    return f"{gate.name}: {value}, {gate.bound} {gate.threshold:.7g}: {verdict}"


def require_passed(gates: Sequence[Gate], verdict: str) -> None:
    """Raises GateFailed with the verdict and the gates that failed, where there are any."""
    if failed := [describe(gate) for gate in gates if not gate.passed]:
        raise GateFailed(f"{verdict}:\n  " + "\n  ".join(failed))
