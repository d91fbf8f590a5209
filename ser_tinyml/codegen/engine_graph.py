"""The layers that the generated engine knows, with their constants as TFLM derives them from a TFLite file's scales."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from ser_tinyml.runtimes.int8 import Quantization


@dataclasses.dataclass(frozen=True)
class Factor:
    """A positive factor as fixed point: multiplier * 2^(shift - 31), the multiplier 0 or in [2^30, 2^31)."""

    multiplier: int
    shift: int

    @classmethod
    def of(cls, factor: float) -> "Factor":
        """Returns the nearest fixed-point factor, as TFLite's QuantizeMultiplier does."""
        mantissa, shift = math.frexp(factor)
        multiplier = math.floor(mantissa * 2**31 + 0.5)
        if multiplier == 2**31:
            multiplier, shift = multiplier // 2, shift + 1
        return cls(0, 0) if shift < -31 else cls(multiplier, shift)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layer:
    """What all layers have. `name` is the Keras layer's where it is known, else the layer's kind."""

    name: str
    input: Quantization
    output: Quantization


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lstm(Layer):
    """A layer of LSTM units; gates are in the order input, forget, cell, output."""

    kernels: np.ndarray  # int8 [4, units, inputs]
    recurrent_kernels: np.ndarray  # int8 [4, units, units]
    biases: np.ndarray  # int32 [4, units]
    from_input: tuple[Factor, ...]  # of each gate: sums over the input to Q3.12
    from_hidden: tuple[Factor, ...]
    keep: Factor  # forget gate times cell state, to a cell state
    write: Factor  # input gate times candidate, to a cell state
    show: Factor  # output gate times tanh of the cell state, to a hidden state
    cell_min: int
    cell_max: int
    tanh_multiplier: int
    tanh_shift: int

    @property
    def n_inputs(self) -> int:
        """The number of values in a frame."""
        return self.kernels.shape[2]

    @property
    def n_outputs(self) -> int:
        """The number of units."""
        return self.kernels.shape[1]

    @property
    def macs(self) -> int:
        """The number of multiply-accumulates for a frame."""
        return self.kernels.size + self.recurrent_kernels.size


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dense(Layer):
    """A fully connected layer."""

    weights: np.ndarray  # int8 [outputs, inputs]
    biases: np.ndarray  # int32 [outputs]
    factors: tuple[Factor, ...]  # one for all outputs, or one for each
    activation: str
    output_min: int  # of the activation function, less the output's zero point
    output_max: int

    @property
    def n_inputs(self) -> int:
        """The number of values in an input vector."""
        return self.weights.shape[1]

    @property
    def n_outputs(self) -> int:
        """The number of values in an output vector."""
        return self.weights.shape[0]

    @property
    def macs(self) -> int:
        """The number of multiply-accumulates for a vector."""
        return self.weights.size


@dataclasses.dataclass(frozen=True, kw_only=True)
class Softmax(Layer):
    """A softmax over a vector."""

    n_outputs: int
    factor: Factor
    diff_min: int
    macs = 0


@dataclasses.dataclass(frozen=True)
class TakeFrame:
    """One frame of a sequence goes on."""

    n_outputs: int
    frame: int


@dataclasses.dataclass(frozen=True)
class Flatten:
    """All frames of a sequence go on, one behind the other."""

    n_outputs: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Graph:
    """Layers, one behind the other: some run a frame at a time, up to a TakeFrame or Flatten, the others once a window."""

    n_frames: int
    n_inputs: int  # of a frame
    input: Quantization
    output: Quantization
    by_frame: tuple[Lstm | Dense | Softmax, ...]
    joint: TakeFrame | Flatten
    by_window: tuple[Dense | Softmax, ...]

    @property
    def n_outputs(self) -> int:
        """The number of values that a window gives."""
        return self.by_window[-1].n_outputs if self.by_window else self.joint.n_outputs

    @property
    def macs(self) -> int:
        """The number of multiply-accumulates for a window."""
        return self.n_frames * sum(layer.macs for layer in self.by_frame) + sum(layer.macs for layer in self.by_window)

    def with_lstm_names(self, names: Sequence[str]) -> "Graph":
        """Returns the graph with the Keras model's names of its LSTM layers, in order, which a TFLite file does not keep.

        It stays as it is where there are more names, or fewer, than LSTM layers.
        """
        places = [place for place, layer in enumerate(self.by_frame) if isinstance(layer, Lstm)]
        if len(places) != len(names):
            return self
        layers = list(self.by_frame)
        for place, name in zip(places, names, strict=True):
            layers[place] = dataclasses.replace(layers[place], name=name)
        return dataclasses.replace(self, by_frame=tuple(layers))
