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
    write_shift: int  # bits by which input gate times candidate is finer than a cell state
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table(Layer):
    """A function of one value, as a table over all values of int8."""

    function: str  # the operator's name
    n_outputs: int
    values: np.ndarray  # int8 [256], of -128 to 127
    macs = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operand:
    """What an arithmetic layer takes beside its input: another value of the graph, or a constant.

    Its frames are as many as the result's, or one that stands beside each of them; so are the values of a frame.
    """

    quantization: Quantization
    n_frames: int
    n_values: int
    constant: np.ndarray | None = None  # int8 [n_frames, n_values]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sum(Layer):
    """A sum or a difference, value by value."""

    n_outputs: int
    operands: tuple[Operand, Operand]
    scales: tuple[Factor, Factor]  # of each operand, to a common scale
    scale: Factor  # of their sum
    sign: int  # of the second operand
    activation: str
    output_min: int
    output_max: int
    macs = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Product(Layer):
    """A product, value by value."""

    n_outputs: int
    operands: tuple[Operand, Operand]
    scale: Factor
    activation: str
    output_min: int
    output_max: int
    macs = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stretch:
    """Which frames a layer over time takes for each of its own: `size` from `stride * n - before` on, as far as there are."""

    size: int
    stride: int
    before: int
    n_frames: int  # of its result


@dataclasses.dataclass(frozen=True, kw_only=True)
class Convolution(Layer):
    """A convolution over time: a fully connected layer over a stretch of frames."""

    kernel: np.ndarray  # int8 [outputs, stretch.size, inputs]; dilated, with zeros in between
    biases: np.ndarray  # int32 [outputs]
    factors: tuple[Factor, ...]
    activation: str
    output_min: int
    output_max: int
    stretch: Stretch
    n_weights: int  # without what dilation adds

    @property
    def n_inputs(self) -> int:
        """The number of values in a frame."""
        return self.kernel.shape[2]

    @property
    def n_outputs(self) -> int:
        """The number of filters."""
        return self.kernel.shape[0]

    @property
    def macs(self) -> int:
        """The number of multiply-accumulates for a frame of the result."""
        return self.n_weights


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pool(Layer):
    """The largest, or the mean, of each value over a stretch of frames."""

    kind: str  # "max" or "average"
    n_outputs: int
    stretch: Stretch
    activation: str
    output_min: int
    output_max: int
    macs = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mean(Layer):
    """The mean of each value over all frames: their sum, times a factor that divides by their number."""

    n_outputs: int
    n_frames: int
    factor: Factor
    macs = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Move:
    """Values go on as they are, in another place."""

    name: str
    n_outputs: int
    macs = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class TakeFrame(Move):
    """One frame of a sequence."""

    frame: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flatten(Move):
    """All frames of a sequence, one behind the other."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reverse(Move):
    """A sequence, the last frame first."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Concatenate(Move):
    """Frames of several sequences, side by side."""


AnyLayer = Lstm | Dense | Softmax | Table | Sum | Product | Convolution | Pool | Mean | Move


@dataclasses.dataclass(frozen=True, kw_only=True)
class Node:
    """A layer in its place. Values are numbered: 0 is the model's input, n what the n-th node gives."""

    layer: AnyLayer
    sources: tuple[int, ...]  # the values that it takes
    n_frames: int  # that it gives

    @property
    def macs(self) -> int:
        """The number of multiply-accumulates for a window."""
        return self.n_frames * self.layer.macs


@dataclasses.dataclass(frozen=True, kw_only=True)
class Graph:
    """Layers in the order in which they run; the last one's result is the model's."""

    n_frames: int
    n_inputs: int  # of a frame
    input: Quantization
    output: Quantization
    nodes: tuple[Node, ...]

    @property
    def n_outputs(self) -> int:
        """The number of values that a window gives."""
        return self.nodes[-1].layer.n_outputs

    @property
    def macs(self) -> int:
        """The number of multiply-accumulates for a window."""
        return sum(node.macs for node in self.nodes)

    def with_lstm_names(self, names: Sequence[str]) -> "Graph":
        """Returns the graph with the Keras model's names of its LSTM layers, in order, which a TFLite file does not keep.

        It stays as it is where there are more names, or fewer, than LSTM layers.
        """
        places = [place for place, node in enumerate(self.nodes) if isinstance(node.layer, Lstm)]
        if len(places) != len(names):
            return self
        nodes = list(self.nodes)
        for place, name in zip(places, names, strict=True):
            layer = nodes[place].layer
            assert isinstance(layer, Lstm)
            nodes[place] = dataclasses.replace(nodes[place], layer=dataclasses.replace(layer, name=name))
        return dataclasses.replace(self, nodes=tuple(nodes))

    def without_names(self) -> "Graph":
        """Returns the graph with its layers named by their kinds alone, as every training of the same network has it."""
        renamed = (dataclasses.replace(node.layer, name=type(node.layer).__name__.lower()) for node in self.nodes)
        nodes = (dataclasses.replace(node, layer=layer) for node, layer in zip(self.nodes, renamed, strict=True))
        return dataclasses.replace(self, nodes=tuple(nodes))
