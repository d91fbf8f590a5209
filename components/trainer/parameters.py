"""The network and how it is trained, as flags."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Literal

from components.step import StepParameters, parameter
from schemas.errors import UsageError
from schemas.front_end import FrontEnd

_MOST_LAYERS, _MOST_UNITS, _MOST_EPOCHS = 8, 1024, 100_000

# The names of all files that the step writes, as a regular expression.
MAKES = r"(ser|fake_quantized)\.h5|history\.csv|training\.json|(logs|backup)/.*"


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """The network and how it is trained."""

    lstm_units: str = parameter("128,64", 'Units of each LSTM layer; "" for a network without.')
    bidirectional: bool = parameter(
        False, "Each LSTM reads the window from both ends: its last frame must be there before it begins."
    )
    conv_filters: str = parameter(
        "",
        "Filters of each convolution over time before the LSTMs, with batch normalisation, ReLU and pooling, like 32,32.",
    )
    conv_kernel: int = parameter(5, "Frames that a convolution takes.", at_least=1, at_most=64)
    conv_pool: int = parameter(2, "Frames of which pooling keeps the largest; 1: no pooling.", at_least=1, at_most=64)
    frame_pooling: Literal["last", "mean", "flatten"] = parameter(
        "last",
        "How frames become one vector. last: the last LSTM's state behind the last frame. mean: the mean of all frames. "
        "flatten: all frames in a row.",
    )
    dense_units: int = parameter(64, "Units of the ReLU layer behind the LSTMs.", at_least=1, at_most=_MOST_UNITS)
    dropout: float = parameter(0.3, "Share of the ReLU layer's outputs dropped in training.", at_least=0, below=1)
    ensemble: int = parameter(
        1,
        "So many networks of the widths that the other flags give, trained apart, stand side by side as one: their logits are "
        "averaged.",
        at_least=1,
        at_most=16,
    )
    session_clips: float = parameter(
        10.0,
        "Training hears speakers in sessions of so many clips, on average, behind nothing or behind another speaker, and "
        "standardises by what was heard (online CMVN): so much the better are strangers understood, also where constants "
        "standardise (without --cmvn_prior_windows). 0: training standardises as the device does, of a speaker in one session.",
        at_least=0,
        at_most=1e6,
    )
    learning_rate: float = parameter(
        2e-3, "Adam's learning rate, the highest of its schedule.", at_least=1e-12, at_most=1
    )
    learning_rate_schedule: Literal["constant", "cosine"] = parameter(
        "cosine", "cosine: up from 0 in the first twentieth of all updates, then down to 0 along a cosine."
    )
    batch_size: int = parameter(64, "Examples an update.", at_least=1, at_most=65_536)
    epochs: int = parameter(5, "Passes over the training split.", at_least=1, at_most=_MOST_EPOCHS)
    patience: int = parameter(
        0,
        "Training stops after so many epochs without a better validation UAR, and the best epoch's weights are kept; "
        "0: it runs to its end, and the last weights are kept.",
        at_least=0,
        at_most=_MOST_EPOCHS,
    )
    weight_average: float = parameter(
        0.25,
        "Epochs that the moving average of the weights looks back, which is validated and kept; 0: no averaging.",
        at_least=0,
        at_most=_MOST_EPOCHS,
    )
    memory_mb: int = parameter(
        4096,
        "Megabytes of training records that are kept in memory. More records than that are kept in a file in the temporary "
        "folder, and shuffled as many at a time as fit.",
        at_least=1,
        at_most=10_000_000,
    )
    class_weights: Literal["none", "balanced"] = parameter(
        "none", "balanced: every class counts the same in the loss, however many examples it has."
    )
    label_smoothing: float = parameter(
        0.0, "Share of an example's label that is spread over all classes.", at_least=0, below=1
    )
    temperature_scaling: bool = parameter(
        True, "Divides the trained network's logits so that its probabilities fit the validation split."
    )
    quantization_aware: bool = parameter(
        False, "Fine-tunes the trained network with the roundings of its int8 form (tfmot's quantizers)."
    )
    quantization_aware_epochs: int = parameter(
        1, "Passes over the training split of this fine-tuning.", at_least=1, at_most=_MOST_EPOCHS
    )
    quantization_aware_learning_rate: float = parameter(
        1e-4, "Adam's learning rate, for this fine-tuning.", at_least=1e-12, at_most=1
    )
    weight_bits: Literal["8", "4"] = parameter(
        "8",
        "Bits of the weights that --quantization_aware rounds to, and that the int8 model then has. 4: the generated engine "
        "packs them two to a byte.",
    )
    seed: int = parameter(0, "Of initial weights, shuffling and dropout.", at_least=0, below=2**32)

    def list_checks(self) -> Sequence[Callable[[], object]]:
        """Returns the checks of the network."""
        return (lambda: self.read_units("lstm_units"), lambda: self.read_units("conv_filters"), self._check_network)

    def _check_network(self) -> None:
        try:
            lstms, convolutions = self.read_units("lstm_units"), self.read_units("conv_filters")
        except UsageError:
            return  # told by its own check
        if not lstms and self.frame_pooling == "last":
            raise UsageError("--frame_pooling=last is of an LSTM; without one it is mean or flatten")
        if self.bidirectional and not lstms:
            raise UsageError("--bidirectional is of LSTMs, and --lstm_units names none")
        if self.weight_bits != "8" and not self.quantization_aware:
            raise UsageError(f"--weight_bits={self.weight_bits} is of --quantization_aware, and goes with it")
        if self.quantization_aware and (convolutions or self.bidirectional or self.frame_pooling != "last"):
            raise UsageError(
                "--quantization_aware knows the roundings of LSTMs and dense layers: it goes without --conv_filters, "
                "--bidirectional and another --frame_pooling"
            )

    def read_units(self, flag: str) -> tuple[int, ...]:
        """Returns the sizes that a flag lists; UsageError where it lists none, or too many."""
        return _parse_units(flag, getattr(self, flag))

    def check_front_end(self, front_end: FrontEnd) -> None:
        """Raises UsageError where the network does not fit the windows."""
        if front_end.streaming and (self.bidirectional or self.conv_filters or self.frame_pooling != "last"):
            raise UsageError(
                "--streaming goes on with the states of LSTMs: without --conv_filters, --bidirectional and another "
                "--frame_pooling"
            )
        if front_end.streaming and (self.quantization_aware or self.ensemble > 1):
            raise UsageError(
                "--streaming is trained in float, as one network: without --quantization_aware and --ensemble"
            )
        pools = len(self.read_units("conv_filters"))
        if front_end.n_frames // self.conv_pool**pools < 1:
            raise UsageError(
                f"--conv_pool={self.conv_pool}: of {front_end.n_frames} frames none is left behind {pools} pools"
            )


def _parse_units(flag: str, text: str) -> tuple[int, ...]:
    try:
        units = tuple(int(number) for number in text.split(",")) if text else ()
    except ValueError:
        raise UsageError(f"--{flag}={text}: expected numbers, like 128,64") from None
    if len(units) > _MOST_LAYERS or not all(1 <= number <= _MOST_UNITS for number in units):
        raise UsageError(f"--{flag}={text}: at most {_MOST_LAYERS} layers, each of 1 to {_MOST_UNITS}")
    return units
