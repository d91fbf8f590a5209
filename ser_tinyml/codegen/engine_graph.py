"""An int8 TFLite file -> the layers that the generated engine knows, checked, with their constants as TFLM derives them."""

import dataclasses
import math

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from schemas.errors import UserError

_OPERATORS = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
_TYPES = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
_DTYPES = {"INT8": np.int8, "INT16": np.int16, "INT32": np.int32}
_MOST_CLASSES = 511  # of a softmax: TFLM's kernel, too, would shift 32 bits by more than 31
_LARGEST_SUM = 2**30  # of a row, with its bias, before it is scaled


@dataclasses.dataclass(frozen=True)
class Factor:
    """A positive factor as fixed point: multiplier * 2^(shift - 31), the multiplier 0 or in [2^30, 2^31)."""

    multiplier: int
    shift: int

    @classmethod
    def of(cls, factor: float) -> "Factor":
        """TFLite's QuantizeMultiplier."""
        mantissa, shift = math.frexp(factor)
        multiplier = math.floor(mantissa * 2**31 + 0.5)
        if multiplier == 2**31:
            multiplier, shift = multiplier // 2, shift + 1
        return cls(0, 0) if shift < -31 else cls(multiplier, shift)


@dataclasses.dataclass(frozen=True)
class Quantization:
    """real = scale * (q - zero_point)."""

    scale: np.floating
    zero_point: int


@dataclasses.dataclass(frozen=True)
class Lstm:
    """A layer of LSTM units; gates in the order input, forget, cell, output."""

    kernels: np.ndarray  # int8 [4, units, inputs]
    recurrent_kernels: np.ndarray  # int8 [4, units, units]
    biases: np.ndarray  # int32 [4, units]
    from_input: tuple[Factor, ...]
    from_hidden: tuple[Factor, ...]
    keep: Factor
    write: Factor
    output: Factor
    cell_min: int
    cell_max: int
    tanh_multiplier: int
    tanh_shift: int
    hidden_min: int
    hidden_max: int

    @property
    def n_inputs(self) -> int:
        """Of a frame."""
        return self.kernels.shape[2]

    @property
    def n_outputs(self) -> int:
        """Units."""
        return self.kernels.shape[1]

    @property
    def macs(self) -> int:
        """Of a frame."""
        return self.kernels.size + self.recurrent_kernels.size


@dataclasses.dataclass(frozen=True)
class Dense:
    """A fully connected layer."""

    weights: np.ndarray  # int8 [outputs, inputs]
    biases: np.ndarray  # int32 [outputs]
    factors: tuple[Factor, ...]  # of all outputs, or of each
    output_min: int
    output_max: int

    @property
    def n_inputs(self) -> int:
        """Of a vector."""
        return self.weights.shape[1]

    @property
    def n_outputs(self) -> int:
        """Of a vector."""
        return self.weights.shape[0]

    @property
    def macs(self) -> int:
        """Of a vector."""
        return self.weights.size


@dataclasses.dataclass(frozen=True)
class Softmax:
    """Over a vector."""

    n_outputs: int
    factor: Factor
    diff_min: int
    macs = 0


@dataclasses.dataclass(frozen=True)
class TakeFrame:
    """Of a sequence, one frame goes on."""

    n_outputs: int
    frame: int
    macs = 0


@dataclasses.dataclass(frozen=True)
class Flatten:
    """All frames of a sequence, one behind the other, go on."""

    n_outputs: int
    macs = 0


@dataclasses.dataclass(frozen=True)
class Graph:
    """Layers, one behind the other: some a frame at a time, up to a TakeFrame or Flatten, the others once a window."""

    n_frames: int
    n_inputs: int  # of a frame
    input: Quantization
    output: Quantization
    by_frame: tuple[Lstm | Dense | Softmax, ...]
    joint: TakeFrame | Flatten
    by_window: tuple[Dense | Softmax, ...]

    @property
    def n_outputs(self) -> int:
        """Of a window."""
        return self.by_window[-1].n_outputs if self.by_window else self.joint.n_outputs

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a window."""
        return self.n_frames * sum(layer.macs for layer in self.by_frame) + sum(layer.macs for layer in self.by_window)


def read_graph(content: bytes) -> Graph:
    """Parses a TFLite flatbuffer.

    Raises:
      UserError: it has an operator, a type, a shape or a quantization that the engine does not know; names operator and tensor.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    if len(model.subgraphs) != 1:
        raise UserError(f"the engine takes a model of one subgraph, this one has {len(model.subgraphs)}")
    return _Reader(model).read()


class _Reader:
    """Follows the operators from the model's input to its output."""

    def __init__(self, model: schema.ModelT):
        self._model = model
        self._graph = model.subgraphs[0]
        self._operator = "the model"
        self._n_frames = 0  # while the value at hand is a sequence; 0: it is a vector
        self._layers: dict[str, list] = {"by_frame": [], "joint": [], "by_window": []}

    def read(self) -> Graph:
        graph = self._graph
        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            raise UserError(f"the engine takes one input and one output, not {len(graph.inputs)}, {len(graph.outputs)}")
        at_hand = int(graph.inputs[0])
        shape = self._shape(at_hand)
        if len(shape) not in (2, 3):
            raise self._error(at_hand, f"is of shape {shape}, expected [1, frames, inputs]")
        n_frames, n_inputs = (1, shape[1]) if len(shape) == 2 else (shape[0] * shape[1], shape[2])
        if 1 not in shape[: len(shape) - 1]:
            raise self._error(at_hand, f"is of shape {shape}, expected a batch of 1")
        self._n_frames = n_frames
        model_input = self._quantization(at_hand, "INT8")
        for number, operator in enumerate(graph.operators):
            code = self._model.operatorCodes[operator.opcodeIndex]
            name = _OPERATORS.get(max(code.builtinCode, code.deprecatedBuiltinCode), "an unknown operator")
            self._operator = f"operator {number}, {name}"
            readers = {
                "UNIDIRECTIONAL_SEQUENCE_LSTM": self._read_lstm,
                "FULLY_CONNECTED": self._read_dense,
                "SOFTMAX": self._read_softmax,
                "STRIDED_SLICE": self._read_slice,
                "RESHAPE": self._read_reshape,
            }
            if name not in readers:
                raise self._error(int(operator.outputs[0]), f"the engine knows only {', '.join(readers)}")
            if int(operator.inputs[0]) != at_hand:
                raise self._error(int(operator.inputs[0]), "is not the output of the operator before")
            readers[name](operator)
            at_hand = int(operator.outputs[0])
        self._operator = "the model"
        if at_hand != int(graph.outputs[0]):
            raise self._error(int(graph.outputs[0]), "is not the output of the last operator")
        if self._n_frames:
            self._add_joint(Flatten(math.prod(self._shape(at_hand))))
        if len(self._layers["joint"]) > 1:
            raise self._error(at_hand, "the engine leaves a sequence only once")
        return Graph(
            n_frames,
            n_inputs,
            model_input,
            self._quantization(at_hand, "INT8"),
            tuple(self._layers["by_frame"]),
            self._layers["joint"][0],
            tuple(self._layers["by_window"]),
        )

    # ---- operators ----

    def _read_lstm(self, operator: schema.OperatorT) -> None:
        options, inputs = operator.builtinOptions, [int(index) for index in operator.inputs]
        shape = self._shape(inputs[0])
        if not self._n_frames or len(shape) != 3 or shape[0 if not options.timeMajor else 1] != 1:
            raise self._error(inputs[0], f"is of shape {shape}, expected a sequence, in a batch of 1")
        if options.fusedActivationFunction != schema.ActivationFunctionType.TANH:
            raise self._error(int(operator.outputs[0]), "the engine knows LSTMs with tanh only")
        if options.projClip or any(index >= 0 for index in (*inputs[9:12], *inputs[16:18], *inputs[20:24])):
            raise self._error(int(operator.outputs[0]), "the engine knows no peepholes, projection or normalisation")
        if any(index < 0 for index in inputs[1:9]):
            raise self._error(int(operator.outputs[0]), "the engine needs all four gates")
        hidden, cell = self._quantization(inputs[18], "INT8"), self._quantization(inputs[19], "INT16")
        x = self._quantization(inputs[0], "INT8")
        if self._quantization(int(operator.outputs[0]), "INT8") != hidden:
            raise self._error(int(operator.outputs[0]), "is quantized otherwise than the hidden state")
        power = round(math.log2(cell.scale))
        if cell.scale != 2.0**power or cell.zero_point:
            raise self._error(inputs[19], f"has the scale {cell.scale}, expected a power of two and zero point 0")
        tanh_shift = 12 + power
        gates, states = inputs[1:5], inputs[5:9]
        biases = [self._constant(index, "INT32") if index >= 0 else 0 for index in inputs[12:16]]
        kernels = np.stack([self._weights(index) for index in gates])
        recurrent_kernels = np.stack([self._weights(index) for index in states])
        q12, q15 = 2.0**-12, 2.0**-15
        clip = int(min(options.cellClip / float(cell.scale), 32767))
        layer = Lstm(
            kernels,
            recurrent_kernels,
            np.broadcast_to(np.stack([np.broadcast_to(bias, kernels.shape[1]) for bias in biases]), kernels.shape[:2]),
            tuple(Factor.of(float(x.scale) * float(self._scales(index)[0]) / q12) for index in gates),
            tuple(Factor.of(float(hidden.scale) * float(self._scales(index)[0]) / q12) for index in states),
            Factor.of(q15 * float(cell.scale) / float(cell.scale)),
            Factor.of(q15 * q15 / float(cell.scale)),
            Factor.of(q15 * q15 / float(hidden.scale)),
            -clip if options.cellClip else -32768,
            clip if options.cellClip else 32767,
            3 if tanh_shift < 0 else 3 << tanh_shift,
            max(0, -tanh_shift),
            -128 - hidden.zero_point,
            127 - hidden.zero_point,
        )
        for gate in range(4):
            self._check_sums(gates[gate], kernels[gate], layer.biases[gate], layer.from_input[gate : gate + 1])
            self._check_sums(states[gate], recurrent_kernels[gate], 0, layer.from_hidden[gate : gate + 1])
        self._add(layer)

    def _read_dense(self, operator: schema.OperatorT) -> None:
        options, inputs, output = operator.builtinOptions, list(operator.inputs), int(operator.outputs[0])
        x, y = self._quantization(int(inputs[0]), "INT8"), self._quantization(output, "INT8")
        if options.weightsFormat != schema.FullyConnectedOptionsWeightsFormat.DEFAULT:
            raise self._error(int(inputs[1]), "has shuffled weights")
        weights = self._weights(int(inputs[1]), per_channel=True)
        if self._shape(int(inputs[0]))[-1] != weights.shape[1] and (
            self._n_frames or math.prod(self._shape(int(inputs[0]))) != weights.shape[1]
        ):
            raise self._error(
                int(inputs[0]), f"{self._shape(int(inputs[0]))} does not fit weights of shape {weights.shape}"
            )
        has_bias = len(inputs) > 2 and inputs[2] >= 0
        biases = self._constant(int(inputs[2]), "INT32") if has_bias else np.zeros(len(weights), np.int32)
        factors = tuple(
            Factor.of(float(x.scale) * float(scale) / float(y.scale)) for scale in self._scales(int(inputs[1]))
        )
        self._check_sums(int(inputs[1]), weights, biases, factors)
        low, high = self._activation_range(options.fusedActivationFunction, y, output)
        self._add(Dense(weights, biases, factors, low - y.zero_point, high - y.zero_point))

    def _read_softmax(self, operator: schema.OperatorT) -> None:
        x, output = self._quantization(int(operator.inputs[0]), "INT8"), int(operator.outputs[0])
        if self._quantization(output, "INT8") != Quantization(np.float32(1 / 256), -128):
            raise self._error(output, "of int8 SOFTMAX has scale 1/256 and zero point -128")
        beta = min(float(operator.builtinOptions.beta) * float(x.scale) * 2.0**26, 2.0**31 - 1)
        factor = Factor.of(beta)
        if beta <= 1 or factor.shift < 0:
            raise self._error(int(operator.inputs[0]), f"has the scale {x.scale}, too small for SOFTMAX")
        radius = math.floor(31 * 2.0**26 / 2.0**factor.shift)
        classes = self._shape(int(operator.inputs[0]))[-1]
        if classes > _MOST_CLASSES:
            raise self._error(
                output, f"is a SOFTMAX over {classes} classes, at most {_MOST_CLASSES} fit its fixed point"
            )
        self._add(Softmax(classes, factor, -radius))

    def _read_slice(self, operator: schema.OperatorT) -> None:
        source, output = int(operator.inputs[0]), int(operator.outputs[0])
        shape, options = self._shape(source), operator.builtinOptions
        begin, end, stride = (self._constant(int(index), "INT32").tolist() for index in operator.inputs[1:4])
        if options.ellipsisMask or options.newAxisMask:
            raise self._error(output, "the engine knows slices without an ellipsis and new axes only")
        picks: list[slice | int] = []
        for axis in range(len(begin)):
            if options.shrinkAxisMask >> axis & 1:
                picks.append(begin[axis])
                continue
            first = None if options.beginMask >> axis & 1 else begin[axis]
            last = None if options.endMask >> axis & 1 else end[axis]
            picks.append(slice(first, last, stride[axis]))
        taken = np.arange(math.prod(shape)).reshape(shape)[tuple(picks)].ravel()
        size = shape[-1]
        if np.array_equal(taken, np.arange(math.prod(shape))) and (not self._n_frames or self._n_frames > 1):
            return
        frame = int(taken[0]) // size if len(taken) else -1
        if not self._n_frames or not np.array_equal(taken, np.arange(frame * size, (frame + 1) * size)):
            raise self._error(output, "the engine takes one whole frame of a sequence, not this part of it")
        self._add_joint(TakeFrame(size, frame))

    def _read_reshape(self, operator: schema.OperatorT) -> None:
        before, after = self._shape(int(operator.inputs[0])), self._shape(int(operator.outputs[0]))
        if not self._n_frames:
            if max(after, default=1) != math.prod(after):
                raise self._error(
                    int(operator.outputs[0]), f"is of shape {after}: the engine makes no sequence of a vector"
                )
        elif after[-1] != before[-1] or math.prod(after[:-1]) != self._n_frames:
            if max(after) != math.prod(after):
                raise self._error(int(operator.outputs[0]), f"is of shape {after}: the engine only flattens {before}")
            self._add_joint(Flatten(math.prod(after)))

    def _add(self, layer: Lstm | Dense | Softmax) -> None:
        self._layers["by_frame" if self._n_frames else "by_window"].append(layer)

    def _add_joint(self, joint: TakeFrame | Flatten) -> None:
        self._layers["joint"].append(joint)
        self._n_frames = 0

    # ---- tensors ----

    def _shape(self, index: int) -> tuple[int, ...]:
        shape = self._graph.tensors[index].shape
        return tuple(int(size) for size in shape) if shape is not None else ()

    def _scales(self, index: int) -> np.ndarray:
        """float32 [1], or [channels]."""
        quantization = self._graph.tensors[index].quantization
        if quantization is None or quantization.scale is None or not len(quantization.scale):
            raise self._error(index, "is not quantized")
        return np.asarray(quantization.scale, np.float32)

    def _quantization(self, index: int, dtype: str) -> Quantization:
        """Of an activation."""
        self._check_type(index, dtype)
        scales = self._scales(index)
        if len(scales) != 1:
            raise self._error(index, "is quantized per channel, expected one scale")
        return Quantization(scales[0], int(self._graph.tensors[index].quantization.zeroPoint[0]))

    def _constant(self, index: int, dtype: str) -> np.ndarray:
        self._check_type(index, dtype)
        data = self._model.buffers[self._graph.tensors[index].buffer].data
        if data is None or not len(data):
            raise self._error(index, "is not constant")
        return np.frombuffer(bytes(data), np.dtype(_DTYPES[dtype]).newbyteorder("<")).reshape(self._shape(index))

    def _weights(self, index: int, per_channel: bool = False) -> np.ndarray:
        """int8 [outputs, inputs]."""
        weights, quantization = self._constant(index, "INT8"), self._graph.tensors[index].quantization
        if len(self._scales(index)) not in ((1, len(weights)) if per_channel else (1,)):
            raise self._error(index, f"has {len(self._scales(index))} scales, expected 1")
        if len(self._scales(index)) > 1 and quantization.quantizedDimension != 0:
            raise self._error(index, "is quantized along its inputs")
        if np.any(quantization.zeroPoint):
            raise self._error(index, "has a zero point, expected 0")
        if weights.min() < -127:
            raise self._error(index, "has the weight -128; TFLite's int8 weights are -127 to 127")
        return weights

    def _check_type(self, index: int, dtype: str) -> None:
        found = _TYPES.get(self._graph.tensors[index].type)
        if found != dtype:
            raise self._error(index, f"is {found}, expected {dtype}")

    def _check_sums(self, index: int, weights: np.ndarray, biases, factors: tuple[Factor, ...]) -> None:
        """The kernels scale sums in 32 bits."""
        largest = np.abs(weights.astype(np.int64)).sum(axis=1) * 255 + np.abs(np.asarray(biases, np.int64))
        shifts = np.maximum(0, [factor.shift for factor in factors])
        if np.any(largest << shifts >= _LARGEST_SUM):
            raise self._error(index, "gives sums that do not fit 32 bits once they are scaled")

    def _activation_range(self, function: int, y: Quantization, output: int) -> tuple[int, int]:
        bounds = {
            schema.ActivationFunctionType.NONE: (None, None),
            schema.ActivationFunctionType.RELU: (0.0, None),
            schema.ActivationFunctionType.RELU6: (0.0, 6.0),
            schema.ActivationFunctionType.RELU_N1_TO_1: (-1.0, 1.0),
        }
        if function not in bounds:
            raise self._error(output, "the engine knows no activation but NONE, RELU, RELU6 and RELU_N1_TO_1")

        def quantize(value: float) -> int:
            steps = np.float32(value) / y.scale
            return y.zero_point + int(math.copysign(math.floor(abs(steps) + 0.5), steps))

        low, high = bounds[function]
        return max(-128, quantize(low)) if low is not None else -128, min(
            127, quantize(high)
        ) if high is not None else 127

    def _error(self, index: int, problem: str) -> UserError:
        tensor = self._graph.tensors[index]
        return UserError(f"{self._operator}, tensor {index} ({tensor.name.decode()}): {problem}")
