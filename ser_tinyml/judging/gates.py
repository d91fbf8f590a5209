"""What a model must hold to be blessed."""

import dataclasses

import numpy as np

from ser_tinyml.runtimes.predict import Predictions


@dataclasses.dataclass(frozen=True)
class Gate:
    """One condition: `value` is at most, or at least, `threshold`."""

    name: str
    value: float
    bound: str  # "at most" or "at least"
    threshold: float
    unit: str

    @property
    def passed(self) -> bool:
        """Whether it holds; a billionth is forgiven to floating point."""
        return self.missed_by <= 1e-9

    @property
    def missed_by(self) -> float:
        """How much is lacking; negative where there is room."""
        return self.value - self.threshold if self.bound == "at most" else self.threshold - self.value

    def to_dict(self) -> dict:
        """For evaluation.json."""
        return dataclasses.asdict(self) | {"passed": self.passed}

    def describe(self) -> str:
        """A line for the console."""
        verdict = "passed" if self.passed else f"FAILED by {self.missed_by:.4g} {self.unit}"
        return f"{self.name}: {self.value:.4g} {self.unit}, {self.bound} {self.threshold:.4g}: {verdict}"


def judge(
    true: np.ndarray,
    votes: dict[str, np.ndarray],
    predictions: dict[str, Predictions],
    differing_source_bytes: int | None,
    max_accuracy_loss: float,
    min_agreement: float,
    min_tflm_agreement: float,
    max_tflm_difference: int,
    max_source_difference: int,
    min_fake_quantized_agreement: float,
) -> list[Gate]:
    """All gates, judged.

    Args:
      true: int64 [clips], the true classes.
      votes: int64 [clips] of "keras", "int8" and "tflm", and of "fake_quantized" where there is such a model: the classes that
        the clips' windows elect.
      predictions: of the windows, by "int8" and "tflm".
      differing_source_bytes: how many bytes of the compiled TFLM source differ from the int8 file; None: it was not compiled.
      max_accuracy_loss: percentage points that int8 may lose against Keras.
      min_agreement: share of clips on which int8 and Keras must give the same class.
      min_tflm_agreement: share of clips on which TFLM and TFLite, both int8, must give the same class.
      max_tflm_difference: between outputs of TFLM and TFLite, in steps of 1/256.
      max_source_difference: bytes.
      min_fake_quantized_agreement: share of clips on which int8 must give the class of the network that was fine-tuned with
        its roundings.
    """
    int8, tflm = predictions["int8"], predictions["tflm"]
    assert int8.quantized is not None and tflm.quantized is not None, "int8 models give int8"
    lost = (np.sum(votes["keras"] == true) - np.sum(votes["int8"] == true)) / len(true)
    difference = np.abs(int8.quantized.astype(int) - tflm.quantized.astype(int)).max()
    gates = [
        Gate("int8 accuracy loss against Keras", 100 * float(lost), "at most", max_accuracy_loss, "points"),
        Gate(
            "int8 agreement with Keras", agreement(votes["int8"], votes["keras"]), "at least", min_agreement, "of clips"
        ),
        Gate(
            "TFLM agreement with TFLite int8",
            agreement(votes["tflm"], votes["int8"]),
            "at least",
            min_tflm_agreement,
            "of clips",
        ),
        Gate("TFLM output difference from TFLite int8", float(difference), "at most", max_tflm_difference, "of 256"),
    ]
    if differing_source_bytes is not None:
        value = float(differing_source_bytes)
        gates.append(Gate("TFLM source difference", value, "at most", max_source_difference, "bytes"))
    if "fake_quantized" in votes:
        value = agreement(votes["int8"], votes["fake_quantized"])
        name = "int8 agreement with the fake-quantized network"
        gates.append(Gate(name, value, "at least", min_fake_quantized_agreement, "of clips"))
    return gates


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Share of clips to which both give the same class."""
    return float(np.mean(one == other))
