"""What judges the exports, as flags."""

import dataclasses

from components.step import StepParameters, parameter
from ser_tinyml.judging.gates import CHANCE

# The names of all files that the step writes, as a regular expression.
MAKES = r"evaluation\.json|predictions\.jsonl|windows\.npz|curves\.png|logs/.*"


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """The gates: what makes the exports faithful, and what makes the model good enough."""

    max_accuracy_loss: float = parameter(
        1.0,
        "Percentage points of accuracy that int8 may lose against Keras; below 0: so many it must gain.",
        at_least=-100,
        at_most=100,
    )
    min_agreement: float = parameter(
        0.97, "Share of clips on which int8 and Keras must give the same class.", at_least=0, at_most=1
    )
    min_tflm_agreement: float = parameter(
        0.99, "Share of clips on which TFLM and TFLite int8 must give the same class.", at_least=0, at_most=1
    )
    min_fake_quantized_agreement: float = parameter(
        0.99,
        "Share of clips on which int8 must give the class of the fake-quantized network that was fine-tuned.",
        at_least=0,
        at_most=1,
    )
    max_tflm_difference: int = parameter(
        16, "Largest difference between TFLM's and TFLite's int8 outputs, in 1/256.", at_least=0, at_most=255
    )
    max_source_difference: int = parameter(
        0,
        "Bytes in which the compiled ser_model_data.cc may differ from the int8 file.",
        at_least=0,
        at_most=1_000_000,
    )
    min_uar: float = parameter(
        CHANCE,
        "UAR that int8 must reach; -1: the lower end of its 95 % interval over speakers must be above chance.",
        at_least=CHANCE,
        at_most=1,
    )
    min_recall: float = parameter(0.05, "Recall that int8 must reach of its worst class.", at_least=0, at_most=1)
    min_noisy_uar: float = parameter(
        0.0, "UAR that int8 must reach on the noisy copies of the same clips; 0: not judged.", at_least=0, at_most=1
    )
    max_calibration_error: float = parameter(
        0.3, "How far int8's probabilities may be, on average, from how often they are right.", at_least=0, at_most=1
    )
    noise_clips: int = parameter(
        40,
        "Held-out clips, chosen by hash, that int8 hears with noise of 22 kinds and levels; 0: none.",
        at_least=0,
        at_most=100_000,
    )
    allow_overlap: bool = parameter(
        False, "Judges on speakers and clips that training heard, too; the report says so in red."
    )
    baseline: str = parameter(
        "", "ROOT of another run on the same clips: the model must not be worse, by an interval over speakers."
    )
