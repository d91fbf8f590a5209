"""An int8 TFLite file -> the graph of layers that the generated engine runs."""

import dataclasses
import enum
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from schemas.errors import UserError
from ser_tinyml.codegen.engine_graph import AnyLayer, Concatenate, Flatten, Graph, Node, Operand, Reverse, TakeFrame
from ser_tinyml.codegen.layer_reader import LayerReader
from ser_tinyml.codegen.tflite_file import damage_told, name_operator, parse_model
from ser_tinyml.codegen.tflite_tensors import Tensors


class SliceTensor(enum.IntEnum):
    """The inputs of STRIDED_SLICE, by their places as TFLM's strided_slice.h names them."""

    INPUT = 0
    BEGIN = 1
    END = 2
    STRIDES = 3


def read_graph(content: bytes) -> Graph:
    """Returns the layers of an int8 TFLite flatbuffer.

    Raises:
      UserError: it is damaged, or has an operator, a type, a shape or a quantization that the engine does not know; names
        operator and tensor.
    """
    model = parse_model(content)
    with damage_told():
        if len(model.subgraphs) != 1:
            raise UserError(f"the engine takes a model of one subgraph, this one has {len(model.subgraphs)}")
        return _Reader(model).read()


@dataclasses.dataclass(frozen=True)
class _Value:
    """What a tensor holds: a sequence of frames, or one, which is a vector. `number` is as in Node.sources."""

    number: int
    n_frames: int
    n_values: int  # of a frame


class _Reader:
    """Follows the operators from the model's input to its output."""

    def __init__(self, model: schema.ModelT):
        self._model = model
        self._graph = model.subgraphs[0]
        self._tensors = Tensors(model)
        self.layers = LayerReader(self._tensors)
        self._values: dict[int, _Value] = {}  # by tensor
        self._nodes: list[Node] = []

    def read(self) -> Graph:
        if len(self._graph.inputs) != 1 or len(self._graph.outputs) != 1:
            counts = f"{len(self._graph.inputs)}, {len(self._graph.outputs)}"
            raise UserError(f"the engine takes one input and one output, not {counts}")
        first, last = int(self._graph.inputs[0]), int(self._graph.outputs[0])
        n_frames, n_inputs = self._read_input_shape(first)
        self._values[first] = _Value(0, n_frames, n_inputs)
        model_input = self._tensors.activation(first)
        self._follow_operators()
        self._tensors.operator = "the model"
        found = self._values.get(last)
        if found is None or found.number != len(self._nodes):
            raise self._tensors.error(last, "is not the output of the last operator")
        if found.n_frames > 1 or not self._nodes:
            flat = Flatten(name="output", n_outputs=found.n_frames * found.n_values)
            self._nodes.append(Node(layer=flat, sources=(found.number,), n_frames=1))
        return Graph(
            n_frames=n_frames,
            n_inputs=n_inputs,
            input=model_input,
            output=self._tensors.activation(last),
            nodes=tuple(self._nodes),
        )

    def _read_input_shape(self, index: int) -> tuple[int, int]:
        """Returns (frames, values in a frame)."""
        shape = self._tensors.shape(index)
        if len(shape) not in (2, 3):
            raise self._tensors.error(index, f"is of shape {shape}, expected [1, frames, inputs]")
        if 1 not in shape[:-1] or min(shape) < 1:
            raise self._tensors.error(index, f"is of shape {shape}, expected a batch of 1")
        return (1, shape[1]) if len(shape) == 2 else (shape[0] * shape[1], shape[2])

    def _follow_operators(self) -> None:
        for number, operator in enumerate(self._graph.operators):
            name = name_operator(self._model, operator)
            self._tensors.operator = f"operator {number}, {name}"
            output = int(operator.outputs[0])
            if name not in _READERS:
                raise self._tensors.error(output, f"the engine knows only {', '.join(_READERS)}")
            inputs = [int(index) for index in operator.inputs]
            value = _READERS[name](self, inputs, output, operator)
            shape = self._tensors.shape(output)
            if math.prod(shape) != value.n_frames * value.n_values or (shape and shape[-1] != value.n_values):
                raise self._tensors.error(
                    output, f"is of shape {shape}, expected {value.n_frames} frames of {value.n_values} values"
                )
            self._values[output] = value

    def value(self, index: int) -> _Value:
        """Returns what a tensor holds; UserError where no operator before gave it."""
        if index not in self._values:
            raise self._tensors.error(index, "is not the output of an operator before")
        return self._values[index]

    def add(self, layer: AnyLayer, sources: tuple[_Value, ...], n_frames: int) -> _Value:
        """Adds a node; returns its result."""
        self._nodes.append(Node(layer=layer, sources=tuple(source.number for source in sources), n_frames=n_frames))
        return _Value(len(self._nodes), n_frames, layer.n_outputs)

    # ---- layers ----

    def _read_sum(self, inputs: list[int], output: int, operator: schema.OperatorT, *, sign: int) -> _Value:
        operands, sources, n_frames = self._read_operands(inputs, output)
        return self.add(self.layers.read_sum(operands, output, operator.builtinOptions, sign=sign), sources, n_frames)

    def _read_product(self, inputs: list[int], output: int, operator: schema.OperatorT) -> _Value:
        operands, sources, n_frames = self._read_operands(inputs, output)
        return self.add(self.layers.read_product(operands, output, operator.builtinOptions), sources, n_frames)

    def _read_operands(self, inputs: list[int], output: int) -> tuple[tuple[Operand, Operand], tuple[_Value, ...], int]:
        """Returns the two operands, those of them that are values, and the number of frames of the result."""
        operands, sources = [], []
        for index in inputs[:2]:
            quantization, constant = self._tensors.activation(index), None
            if index in self._values:
                value = self._values[index]
                sources.append(value)
                n_frames, n_values = value.n_frames, value.n_values
            else:
                constant = self._tensors.constant(index, "INT8")
                constant = constant.reshape(-1, constant.shape[-1] if constant.shape else 1)
                n_frames, n_values = constant.shape
            operands.append(Operand(quantization=quantization, n_frames=n_frames, n_values=n_values, constant=constant))
        a, b = operands
        most = max(a.n_frames, b.n_frames), max(a.n_values, b.n_values)
        for operand, index in zip(operands, inputs, strict=False):
            if operand.n_frames not in (1, most[0]) or operand.n_values not in (1, most[1]):
                raise self._tensors.error(
                    index, f"is of shape {self._tensors.shape(index)}, which does not fit the other operand"
                )
        if not sources:
            raise self._tensors.error(output, "is made of constants alone")
        return (a, b), tuple(sources), most[0]

    # ---- layers over time ----

    def _read_convolution(self, inputs: list[int], output: int, operator: schema.OperatorT) -> _Value:
        value = self.value(inputs[0])
        sizes = {"n_frames": value.n_frames, "n_values": value.n_values}
        layer = self.layers.read_convolution(inputs, output, operator.builtinOptions, **sizes)
        return self.add(layer, (value,), layer.stretch.n_frames)

    def _read_pool(self, inputs: list[int], output: int, operator: schema.OperatorT, *, kind: str) -> _Value:
        value = self.value(inputs[0])
        self._check_same_quantization(inputs[0], output)
        sizes = {"n_frames": value.n_frames, "n_values": value.n_values}
        layer = self.layers.read_pool(inputs[0], output, operator.builtinOptions, kind=kind, **sizes)
        return self.add(layer, (value,), layer.stretch.n_frames)

    def _read_mean(self, inputs: list[int], output: int, operator: schema.OperatorT) -> _Value:
        value = self.value(inputs[0])
        sizes = {"n_frames": value.n_frames, "n_values": value.n_values}
        return self.add(self.layers.read_mean(inputs[0], inputs[1], output, **sizes), (value,), 1)

    def _read_largest(self, inputs: list[int], output: int, operator: schema.OperatorT) -> _Value:
        value = self.value(inputs[0])
        self._check_same_quantization(inputs[0], output)
        sizes = {"n_frames": value.n_frames, "n_values": value.n_values}
        return self.add(self.layers.read_largest(inputs[0], inputs[1], output, **sizes), (value,), 1)

    # ---- operators that only move values ----

    def _check_same_quantization(self, source: int, output: int) -> None:
        """Raises UserError where an operator that only moves values changes what they mean."""
        if self._tensors.activation(source) != self._tensors.activation(output):
            raise self._tensors.error(output, "is quantized otherwise than the operator's input")

    def _read_slice(self, inputs: list[int], output: int, operator: schema.OperatorT) -> _Value:
        shape = self._tensors.shape(inputs[SliceTensor.INPUT])
        places = np.arange(math.prod(shape)).reshape(shape)
        try:
            taken = places[self._read_picks(inputs, output, operator.builtinOptions)].ravel()
        except (IndexError, ValueError) as error:
            raise self._tensors.error(output, f"is a slice that its input does not have: {error}") from error
        return self._move(inputs[SliceTensor.INPUT], output, taken)

    def _read_reverse(self, inputs: list[int], output: int, operator: schema.OperatorT) -> _Value:
        shape, axes = self._tensors.shape(inputs[0]), self._tensors.constant(inputs[1], "INT32").ravel().tolist()
        if not all(-len(shape) <= axis < len(shape) for axis in axes):
            raise self._tensors.error(output, f"reverses the axes {axes} of {shape}")
        return self._move(inputs[0], output, np.flip(np.arange(math.prod(shape)).reshape(shape), axes).ravel())

    def _move(self, source: int, output: int, taken: np.ndarray) -> _Value:
        """Returns the value that consists of these places of a tensor: all of them, one frame, or all frames in reverse."""
        self._check_same_quantization(source, output)
        value, name = self.value(source), self.layers.name_layer(output, "frames")
        frames = np.arange(value.n_frames * value.n_values).reshape(value.n_frames, value.n_values)
        if np.array_equal(taken, frames.ravel()):
            return value
        if np.array_equal(taken, frames[::-1].ravel()):
            return self.add(Reverse(name=name, n_outputs=value.n_values), (value,), value.n_frames)
        frame = int(taken[0]) // value.n_values if len(taken) else 0
        if not np.array_equal(taken, frames[frame]):
            raise self._tensors.error(
                output, "the engine takes one whole frame of a sequence or turns it round, not this part of it"
            )
        return self.add(TakeFrame(name=name, n_outputs=value.n_values, frame=frame), (value,), 1)

    def _read_picks(
        self, inputs: list[int], output: int, options: schema.StridedSliceOptionsT
    ) -> tuple[slice | int, ...]:
        """Returns what a slice picks, as numpy's index of each axis."""
        if options.ellipsisMask or options.newAxisMask:
            raise self._tensors.error(output, "the engine knows slices without an ellipsis and new axes only")
        if options.beginMask & options.shrinkAxisMask:
            raise self._tensors.error(output, "is a slice that takes one place of an axis, and does not say which")
        places = (SliceTensor.BEGIN, SliceTensor.END, SliceTensor.STRIDES)
        begin, end, stride = (self._tensors.constant(inputs[place], "INT32").tolist() for place in places)
        picks: list[slice | int] = []
        for axis in range(len(begin)):
            first = None if options.beginMask >> axis & 1 else begin[axis]
            last = None if options.endMask >> axis & 1 else end[axis]
            shrinks = options.shrinkAxisMask >> axis & 1
            if shrinks and stride[axis] != 1:
                raise self._tensors.error(
                    output, f"is a slice that takes one place of an axis with a stride of {stride[axis]}"
                )
            picks.append(begin[axis] if shrinks else slice(first, last, stride[axis]))
        return tuple(picks)

    def _read_reshape(self, inputs: list[int], output: int, operator: schema.OperatorT) -> _Value:
        self._check_same_quantization(inputs[0], output)
        value, after = self.value(inputs[0]), self._tensors.shape(output)
        if not after or after[-1] == value.n_values:
            return value
        if max(after) != value.n_frames * value.n_values or value.n_frames == 1:
            raise self._tensors.error(output, f"is of shape {after}: the engine only flattens")
        flat = Flatten(name=self.layers.name_layer(output, "flatten"), n_outputs=max(after))
        return self.add(flat, (value,), 1)

    def _read_concatenation(self, inputs: list[int], output: int, operator: schema.OperatorT) -> _Value:
        rank, values = len(self._tensors.shape(output)), tuple(self.value(index) for index in inputs)
        for index in inputs:
            self._check_same_quantization(index, output)
        if operator.builtinOptions.axis not in (-1, rank - 1) or len({value.n_frames for value in values}) != 1:
            raise self._tensors.error(output, "the engine puts the values of frames side by side, and nothing else")
        if operator.builtinOptions.fusedActivationFunction != schema.ActivationFunctionType.NONE:
            raise self._tensors.error(output, "has an activation function, which the engine does not know there")
        name = self.layers.name_layer(output, "concatenation")
        layer = Concatenate(name=name, n_outputs=sum(value.n_values for value in values))
        return self.add(layer, values, values[0].n_frames)


_Read = Callable[[_Reader, list[int], int, Any], _Value]


def _of_each_frame(read: Callable[..., AnyLayer], **options: Any) -> _Read:
    """Returns what reads an operator that makes each frame of one: `read` is a method of LayerReader."""

    def read_operator(reader: _Reader, inputs: list[int], output: int, operator: schema.OperatorT) -> _Value:
        value = reader.value(inputs[0])
        layer = read(reader.layers, inputs, output, operator, value.n_values, **options)
        return reader.add(layer, (value,), value.n_frames)

    return read_operator


_TABLES = ("TANH", "LOGISTIC", "RELU", "RELU6", "LEAKY_RELU", "HARD_SWISH", "QUANTIZE")

_READERS: dict[str, _Read] = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _of_each_frame(LayerReader.read_lstm),
    "FULLY_CONNECTED": _of_each_frame(LayerReader.read_dense),
    "SOFTMAX": _of_each_frame(LayerReader.read_softmax),
    "CONV_2D": _Reader._read_convolution,
    "MAX_POOL_2D": functools.partial(_Reader._read_pool, kind="max"),
    "AVERAGE_POOL_2D": functools.partial(_Reader._read_pool, kind="average"),
    "MEAN": _Reader._read_mean,
    "REDUCE_MAX": _Reader._read_largest,
    "ADD": functools.partial(_Reader._read_sum, sign=1),
    "SUB": functools.partial(_Reader._read_sum, sign=-1),
    "MUL": _Reader._read_product,
    **{name: _of_each_frame(LayerReader.read_table, name=name) for name in _TABLES},
    "STRIDED_SLICE": _Reader._read_slice,
    "REVERSE_V2": _Reader._read_reverse,
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), _Reader._read_reshape),
    "CONCATENATION": _Reader._read_concatenation,
}
