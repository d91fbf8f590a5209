"""Operators of an int8 TFLite file -> layers with their constants, as TFLM derives them."""

import enum
import math
from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from ser_tinyml.codegen.engine_graph import (
    Convolution,
    Dense,
    Factor,
    Lstm,
    Mean,
    Operand,
    Pool,
    Product,
    Softmax,
    Stretch,
    Sum,
    Table,
)
from ser_tinyml.codegen.operator_table import tabulate
from ser_tinyml.codegen.tflite_tensors import Tensors
from ser_tinyml.runtimes.int8 import Quantization

_Q12, _Q15 = 2.0**-12, 2.0**-15  # what a step is worth of a gate before its nonlinearity, and behind it
_SUM_SHIFT = 20  # bits by which TFLM shifts the operands of a sum to the left


class LstmTensor(enum.IntEnum):
    """The inputs of UNIDIRECTIONAL_SEQUENCE_LSTM, by their places as TFLM's lstm_shared.h names them (kLstmInputTensor …)."""

    INPUT = 0
    INPUT_TO_INPUT_WEIGHTS = 1
    INPUT_TO_FORGET_WEIGHTS = 2
    INPUT_TO_CELL_WEIGHTS = 3
    INPUT_TO_OUTPUT_WEIGHTS = 4
    RECURRENT_TO_INPUT_WEIGHTS = 5
    RECURRENT_TO_FORGET_WEIGHTS = 6
    RECURRENT_TO_CELL_WEIGHTS = 7
    RECURRENT_TO_OUTPUT_WEIGHTS = 8
    CELL_TO_INPUT_WEIGHTS = 9
    CELL_TO_FORGET_WEIGHTS = 10
    CELL_TO_OUTPUT_WEIGHTS = 11
    INPUT_GATE_BIAS = 12
    FORGET_GATE_BIAS = 13
    CELL_GATE_BIAS = 14
    OUTPUT_GATE_BIAS = 15
    PROJECTION_WEIGHTS = 16
    PROJECTION_BIAS = 17
    OUTPUT_STATE = 18
    CELL_STATE = 19
    INPUT_LAYER_NORM_COEFFICIENTS = 20
    FORGET_LAYER_NORM_COEFFICIENTS = 21
    CELL_LAYER_NORM_COEFFICIENTS = 22
    OUTPUT_LAYER_NORM_COEFFICIENTS = 23


# Of the four gates, in the engine's order.
KERNELS = (
    LstmTensor.INPUT_TO_INPUT_WEIGHTS,
    LstmTensor.INPUT_TO_FORGET_WEIGHTS,
    LstmTensor.INPUT_TO_CELL_WEIGHTS,
    LstmTensor.INPUT_TO_OUTPUT_WEIGHTS,
)
RECURRENT_KERNELS = (
    LstmTensor.RECURRENT_TO_INPUT_WEIGHTS,
    LstmTensor.RECURRENT_TO_FORGET_WEIGHTS,
    LstmTensor.RECURRENT_TO_CELL_WEIGHTS,
    LstmTensor.RECURRENT_TO_OUTPUT_WEIGHTS,
)
BIASES = (
    LstmTensor.INPUT_GATE_BIAS,
    LstmTensor.FORGET_GATE_BIAS,
    LstmTensor.CELL_GATE_BIAS,
    LstmTensor.OUTPUT_GATE_BIAS,
)
_NOT_KNOWN = (
    LstmTensor.CELL_TO_INPUT_WEIGHTS,
    LstmTensor.CELL_TO_FORGET_WEIGHTS,
    LstmTensor.CELL_TO_OUTPUT_WEIGHTS,
    LstmTensor.PROJECTION_WEIGHTS,
    LstmTensor.PROJECTION_BIAS,
    LstmTensor.INPUT_LAYER_NORM_COEFFICIENTS,
    LstmTensor.FORGET_LAYER_NORM_COEFFICIENTS,
    LstmTensor.CELL_LAYER_NORM_COEFFICIENTS,
    LstmTensor.OUTPUT_LAYER_NORM_COEFFICIENTS,
)


class DenseTensor(enum.IntEnum):
    """The inputs of FULLY_CONNECTED, by their places as TFLM's fully_connected.h names them."""

    INPUT = 0
    WEIGHTS = 1
    BIAS = 2


class LayerReader:
    """Reads one operator at a time.

    `inputs` and `output` are its tensors, `n_values` the values in a frame of the first. What the engine does not know is a
    UserError that names operator and tensor.
    """

    def __init__(self, tensors: Tensors):
        self._tensors = tensors

    # ---- LSTM ----

    def read_lstm(self, inputs: list[int], output: int, operator: schema.OperatorT, n_values: int) -> Lstm:
        """Reads UNIDIRECTIONAL_SEQUENCE_LSTM."""
        tensors, options = self._tensors, operator.builtinOptions
        self._check_lstm(inputs, output, options, n_values=n_values)
        x, hidden = tensors.activation(inputs[LstmTensor.INPUT]), tensors.activation(output)
        cell = tensors.activation(inputs[LstmTensor.CELL_STATE], "INT16")
        kernels = [tensors.weights(inputs[place]) for place in KERNELS]
        recurrent_kernels = [tensors.weights(inputs[place]) for place in RECURRENT_KERNELS]
        biases = [tensors.constant(inputs[p], "INT32") if inputs[p] >= 0 else np.int32(0) for p in BIASES]
        tanh_shift = 12 + round(math.log2(cell.scale))
        clip = int(min(options.cellClip / float(cell.scale), 32767))
        return Lstm(
            name=self.name_layer(output, "lstm"),
            input=x,
            output=hidden,
            kernels=np.stack(kernels),
            recurrent_kernels=np.stack(recurrent_kernels),
            biases=np.stack([np.broadcast_to(bias, len(kernel)) for bias, kernel in zip(biases, kernels, strict=True)]),
            from_input=tuple(self._to_gate(x, inputs[place]) for place in KERNELS),
            from_hidden=tuple(self._to_gate(hidden, inputs[place]) for place in RECURRENT_KERNELS),
            write_shift=30 + round(math.log2(cell.scale)),
            show=Factor.of(_Q15 * _Q15 / float(hidden.scale)),
            cell_min=-clip if options.cellClip else -32768,
            cell_max=clip if options.cellClip else 32767,
            tanh_multiplier=3 if tanh_shift < 0 else 3 << tanh_shift,
            tanh_shift=max(0, -tanh_shift),
        )

    def _check_lstm(
        self, inputs: list[int], output: int, options: schema.UnidirectionalSequenceLSTMOptionsT, *, n_values: int
    ) -> None:
        tensors, source = self._tensors, inputs[LstmTensor.INPUT]
        shape = tensors.shape(source)
        if len(shape) != 3 or shape[1 if options.timeMajor else 0] != 1:
            raise tensors.error(source, f"is of shape {shape}, expected a sequence, in a batch of 1")
        if len(inputs) <= LstmTensor.CELL_STATE:
            raise tensors.error(output, f"has {len(inputs)} inputs, expected 24")
        if options.fusedActivationFunction != schema.ActivationFunctionType.TANH:
            raise tensors.error(output, "the engine knows LSTMs with tanh only")
        if options.projClip or any(inputs[place] >= 0 for place in _NOT_KNOWN if place < len(inputs)):
            raise tensors.error(output, "the engine knows no peepholes, projection or normalisation")
        if any(inputs[place] < 0 for place in (*KERNELS, *RECURRENT_KERNELS)):
            raise tensors.error(output, "the engine needs all four gates")
        units = tensors.shape(output)[-1]
        for places, expected in (
            (KERNELS, (units, n_values)),
            (RECURRENT_KERNELS, (units, units)),
            (BIASES, (units,)),
            ((LstmTensor.OUTPUT_STATE, LstmTensor.CELL_STATE), (1, units)),
        ):
            for index in (inputs[place] for place in places if inputs[place] >= 0):
                if tensors.shape(index) != expected:
                    raise tensors.error(index, f"is of shape {tensors.shape(index)}, expected {expected}")
        for place in (LstmTensor.OUTPUT_STATE, LstmTensor.CELL_STATE):
            if not tensors.is_variable(inputs[place]):
                raise tensors.error(inputs[place], "is no variable, expected a state")
        if tensors.activation(output) != tensors.activation(inputs[LstmTensor.OUTPUT_STATE]):
            raise tensors.error(output, "is quantized otherwise than the hidden state")
        cell = tensors.activation(inputs[LstmTensor.CELL_STATE], "INT16")
        if cell.scale != 2.0 ** round(math.log2(cell.scale)) or cell.zero_point:
            raise tensors.error(
                inputs[LstmTensor.CELL_STATE], f"has the scale {cell.scale}, expected a power of two and zero point 0"
            )

    def _to_gate(self, source: Quantization, weights: int) -> Factor:
        return Factor.of(float(source.scale) * float(self._tensors.scales(weights)[0]) / _Q12)

    # ---- layers of one frame ----

    def read_dense(self, inputs: list[int], output: int, operator: schema.OperatorT, n_values: int) -> Dense:
        """Reads FULLY_CONNECTED."""
        tensors, options = self._tensors, operator.builtinOptions
        source, weights_index = inputs[DenseTensor.INPUT], inputs[DenseTensor.WEIGHTS]
        x, y = tensors.activation(source), tensors.activation(output)
        if options.weightsFormat != schema.FullyConnectedOptionsWeightsFormat.DEFAULT:
            raise tensors.error(weights_index, "has shuffled weights")
        weights = tensors.weights(weights_index, per_channel=True)
        if n_values != weights.shape[1]:
            raise tensors.error(source, f"{tensors.shape(source)} does not fit weights of shape {weights.shape}")
        biases, factors = self._read_sums(inputs, weights, x=x, y=y)
        return Dense(
            name=self.name_layer(output, "dense"),
            input=x,
            output=y,
            weights=weights,
            biases=biases,
            factors=factors,
            **self._read_activation(options.fusedActivationFunction, y, output),
        )

    def _read_sums(
        self, inputs: list[int], weights: np.ndarray, *, x: Quantization, y: Quantization
    ) -> tuple[np.ndarray, tuple[Factor, ...]]:
        """Returns the biases, int32 [outputs], and the factors that scale the sums of int8 [outputs, ...] weights."""
        tensors, n_outputs = self._tensors, len(weights)
        biases = np.zeros(n_outputs, np.int32)
        if len(inputs) > DenseTensor.BIAS and inputs[DenseTensor.BIAS] >= 0:
            biases = tensors.constant(inputs[DenseTensor.BIAS], "INT32")
            if biases.shape != (n_outputs,):
                raise tensors.error(inputs[DenseTensor.BIAS], f"is of shape {biases.shape}, expected ({n_outputs},)")
        scales = tensors.scales(inputs[DenseTensor.WEIGHTS])
        factors = tuple(Factor.of(float(x.scale) * float(scale) / float(y.scale)) for scale in scales)
        return biases, factors

    def _read_activation(self, function: int, y: Quantization, output: int) -> dict[str, Any]:
        """Returns what a layer keeps of a fused activation function: its name, and the bounds of what it leaves."""
        known = {
            schema.ActivationFunctionType.NONE: ("no activation", None, None),
            schema.ActivationFunctionType.RELU: ("ReLU", 0.0, None),
            schema.ActivationFunctionType.RELU6: ("ReLU6", 0.0, 6.0),
            schema.ActivationFunctionType.RELU_N1_TO_1: ("ReLU from -1 to 1", -1.0, 1.0),
        }
        if function not in known:
            raise self._tensors.error(output, "the engine knows no activation but NONE, RELU, RELU6 and RELU_N1_TO_1")
        name, low, high = known[function]
        smallest = -128 if low is None else max(-128, _quantize(low, y))
        largest = 127 if high is None else min(127, _quantize(high, y))
        return {"activation": name, "output_min": smallest - y.zero_point, "output_max": largest - y.zero_point}

    def read_softmax(self, inputs: list[int], output: int, operator: schema.OperatorT, n_values: int) -> Softmax:
        """Reads SOFTMAX."""
        options = operator.builtinOptions
        tensors, source = self._tensors, inputs[0]
        x, y = tensors.activation(source), tensors.activation(output)
        if y != Quantization(1 / 256, -128):
            raise tensors.error(output, "of int8 SOFTMAX has scale 1/256 and zero point -128")
        beta = min(float(options.beta) * float(x.scale) * 2.0**26, 2.0**31 - 1)
        factor = Factor.of(beta)
        if beta <= 1 or factor.shift < 0:
            raise tensors.error(source, f"has the scale {x.scale}, too small for SOFTMAX")
        return Softmax(
            name=self.name_layer(output, "softmax"),
            input=x,
            output=y,
            n_outputs=n_values,
            factor=factor,
            diff_min=-math.floor(31 * 2.0**26 / 2.0**factor.shift),
        )

    def read_table(
        self, inputs: list[int], output: int, operator: schema.OperatorT, n_values: int, *, name: str
    ) -> Table:
        """Reads an operator that makes each value of one value, as LOGISTIC; `name` says which."""
        tensors = self._tensors
        x, y = tensors.activation(inputs[0]), tensors.activation(output)
        expected = {"TANH": Quantization(1 / 128, 0), "LOGISTIC": Quantization(1 / 256, -128)}.get(name, y)
        if y != expected:
            raise tensors.error(
                output, f"of int8 {name} has scale {expected.scale} and zero point {expected.zero_point}"
            )
        for index, scale in ((inputs[0], x.scale), (output, y.scale)):
            if not 2.0**-24 <= scale <= 2.0**8:
                raise tensors.error(index, f"has the scale {scale}, which no activation has")
        return Table(
            name=self.name_layer(output, name.lower()),
            input=x,
            output=y,
            function=name,
            n_outputs=n_values,
            values=tabulate(operator, name, x, y),
        )

    def read_sum(self, operands: tuple[Operand, Operand], output: int, options: Any, *, sign: int) -> Sum:
        """Reads ADD, or with the sign -1 SUB, whose scales TFLM divides in float32."""
        a, b = (float(operand.quantization.scale) for operand in operands)
        y = self._tensors.activation(output)
        twice = 2 * max(a, b)
        if sign > 0:
            reals = (a / twice, b / twice, twice / (2**_SUM_SHIFT * float(y.scale)))
        else:
            one, other, whole = np.float32(a), np.float32(b), np.float32(twice)
            rest = whole / (np.float32(2**_SUM_SHIFT) * np.float32(y.scale))
            reals = (float(one / whole), float(other / whole), float(rest))
        if not all(0 < real < 1 for real in reals):
            raise self._tensors.error(output, f"has the scale {y.scale}, which does not fit those of its operands")
        scale_a, scale_b, scale = (Factor.of(real) for real in reals)
        return Sum(
            name=self.name_layer(output, "sum"),
            input=operands[0].quantization,
            output=y,
            n_outputs=max(operand.n_values for operand in operands),
            operands=operands,
            scales=(scale_a, scale_b),
            scale=scale,
            sign=sign,
            **self._read_activation(options.fusedActivationFunction, y, output),
        )

    def read_product(self, operands: tuple[Operand, Operand], output: int, options: Any) -> Product:
        """Reads MUL."""
        a, b = (float(operand.quantization.scale) for operand in operands)
        y = self._tensors.activation(output)
        return Product(
            name=self.name_layer(output, "product"),
            input=operands[0].quantization,
            output=y,
            n_outputs=max(operand.n_values for operand in operands),
            operands=operands,
            scale=Factor.of(a * b / float(y.scale)),
            **self._read_activation(options.fusedActivationFunction, y, output),
        )

    # ---- layers over time ----

    def read_convolution(
        self, inputs: list[int], output: int, options: schema.Conv2DOptionsT, *, n_frames: int, n_values: int
    ) -> Convolution:
        """Reads CONV_2D along one axis: the other one is of size 1 in the input and in the filters."""
        tensors, source, filters = self._tensors, inputs[DenseTensor.INPUT], inputs[DenseTensor.WEIGHTS]
        x, y = tensors.activation(source), tensors.activation(output)
        weights = tensors.weights(filters, per_channel=True, rank=4)  # [outputs, height, width, inputs]
        axis = self._find_time_axis(source, weights.shape[1:3])
        if weights.shape[3] != n_values:
            raise tensors.error(filters, f"is of shape {weights.shape}: the engine knows no convolution in groups")
        biases, factors = self._read_sums(inputs, weights, x=x, y=y)
        stride = (options.strideH, options.strideW)[axis]
        dilation = (options.dilationHFactor, options.dilationWFactor)[axis]
        taps = weights.shape[1 + axis]
        if min(stride, dilation) < 1:
            raise tensors.error(output, f"has stride {stride} and dilation {dilation}, expected at least 1")
        kernel = np.zeros((len(weights), (taps - 1) * dilation + 1, n_values), np.int8)
        kernel[:, ::dilation] = weights.reshape(len(weights), taps, n_values)
        return Convolution(
            name=self.name_layer(output, "convolution"),
            input=x,
            output=y,
            kernel=kernel,
            biases=biases,
            factors=factors,
            stretch=self._read_stretch(output, options.padding, size=kernel.shape[1], stride=stride, n_frames=n_frames),
            n_weights=weights.size,
            **self._read_activation(options.fusedActivationFunction, y, output),
        )

    def read_pool(
        self, source: int, output: int, options: schema.Pool2DOptionsT, *, kind: str, n_frames: int, n_values: int
    ) -> Pool:
        """Reads MAX_POOL_2D or AVERAGE_POOL_2D along one axis."""
        axis = self._find_time_axis(source, (options.filterHeight, options.filterWidth))
        size, stride = (options.filterHeight, options.filterWidth)[axis], (options.strideH, options.strideW)[axis]
        if min(size, stride) < 1:
            raise self._tensors.error(output, f"has size {size} and stride {stride}, expected at least 1")
        y = self._tensors.activation(output)
        return Pool(
            name=self.name_layer(output, f"{kind}_pool"),
            input=y,
            output=y,
            kind=kind,
            n_outputs=n_values,
            stretch=self._read_stretch(output, options.padding, size=size, stride=stride, n_frames=n_frames),
            **self._read_activation(options.fusedActivationFunction, y, output),
        )

    def read_largest(self, source: int, axes: int, output: int, *, n_frames: int, n_values: int) -> Pool:
        """Reads REDUCE_MAX over all frames."""
        self._check_axes(source, axes, output)
        y = self._tensors.activation(output)
        return Pool(
            name=self.name_layer(output, "max"),
            input=y,
            output=y,
            kind="max",
            n_outputs=n_values,
            stretch=Stretch(size=n_frames, stride=1, before=0, n_frames=1),
            activation="no activation",
            output_min=-128 - y.zero_point,
            output_max=127 - y.zero_point,
        )

    def read_mean(self, source: int, axes: int, output: int, *, n_frames: int, n_values: int) -> Mean:
        """Reads MEAN over all frames: the division by their number is a part of the factor."""
        self._check_axes(source, axes, output)
        x, y = self._tensors.activation(source), self._tensors.activation(output)
        factor = Factor.of(float(x.scale) / float(y.scale))
        shift = min(n_frames.bit_length() - 1, 32, 31 + factor.shift)
        factor = Factor((factor.multiplier << shift) // n_frames, factor.shift - shift)
        return Mean(
            name=self.name_layer(output, "mean"),
            input=x,
            output=y,
            n_outputs=n_values,
            n_frames=n_frames,
            factor=factor,
        )

    def _find_time_axis(self, source: int, sizes: tuple[int, ...]) -> int:
        """Returns 0 where time is the height, 1 where it is the width of [1, height, width, values]."""
        shape = self._tensors.shape(source)
        if len(shape) != 4 or shape[0] != 1:
            raise self._tensors.error(source, f"is of shape {shape}, expected [1, height, width, values]")
        for axis in (1, 0):
            if shape[1:3][1 - axis] == 1 == sizes[1 - axis]:
                return axis
        raise self._tensors.error(source, f"is of shape {shape}: the engine knows layers along one axis, time, only")

    def _read_stretch(self, output: int, padding: int, *, size: int, stride: int, n_frames: int) -> Stretch:
        if padding == schema.Padding.SAME:
            made = -(-n_frames // stride)
            before = max(0, (made - 1) * stride + size - n_frames) // 2
        else:
            made, before = (n_frames - size) // stride + 1, 0
        if made < 1:
            raise self._tensors.error(output, f"takes {size} frames at a time, there are {n_frames}")
        return Stretch(size=size, stride=stride, before=before, n_frames=made)

    def _check_axes(self, source: int, axes: int, output: int) -> None:
        """Raises UserError unless axes are those of all frames, and the values of a frame are left."""
        shape, stated = self._tensors.shape(source), self._tensors.constant(axes, "INT32").ravel().tolist()
        reduced = {axis % len(shape) for axis in stated if -len(shape) <= axis < len(shape)}
        kept = [axis for axis, size in enumerate(shape) if axis not in reduced and size > 1]
        if len(reduced) != len(stated) or len(shape) - 1 in reduced or kept not in ([len(shape) - 1], []):
            raise self._tensors.error(
                output, f"goes over the axes {stated} of {shape}: the engine takes all frames together"
            )

    # ---- parts ----

    def name_layer(self, output: int, kind: str) -> str:
        """Returns the Keras layer's name where its output's tells it ("model/dense/MatMul;model/dense/Relu"), else the kind."""
        scopes = self._tensors.name(output).split(";")[0].split("/")
        return scopes[-2] if len(scopes) > 1 else kind


def _quantize(value: float, quantization: Quantization) -> int:
    steps = np.float32(value) / np.float32(quantization.scale)
    return quantization.zero_point + int(math.copysign(math.floor(abs(steps) + 0.5), steps))
