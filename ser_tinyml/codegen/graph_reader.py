"""An int8 TFLite file -> the graph of layers that the generated engine runs."""

import enum
import math

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from schemas.errors import UserError
from ser_tinyml.codegen.engine_graph import (
    Dense,
    Factor,
    Flatten,
    Graph,
    Lstm,
    Softmax,
    TakeFrame,
)
from ser_tinyml.codegen.tflite_file import damage_told, name_operator, parse_model
from ser_tinyml.codegen.tflite_tensors import Tensors
from ser_tinyml.runtimes.int8 import Quantization

_MOST_CLASSES = 511  # of a softmax: TFLM's kernel, too, would shift 32 bits by more than 31
_LARGEST_SUM = 2**30  # of a row, with its bias, before it is scaled
_Q12, _Q15 = 2.0**-12, 2.0**-15  # what a step is worth of a gate before its nonlinearity, and behind it


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
_KERNELS = (
    LstmTensor.INPUT_TO_INPUT_WEIGHTS,
    LstmTensor.INPUT_TO_FORGET_WEIGHTS,
    LstmTensor.INPUT_TO_CELL_WEIGHTS,
    LstmTensor.INPUT_TO_OUTPUT_WEIGHTS,
)
_RECURRENT_KERNELS = (
    LstmTensor.RECURRENT_TO_INPUT_WEIGHTS,
    LstmTensor.RECURRENT_TO_FORGET_WEIGHTS,
    LstmTensor.RECURRENT_TO_CELL_WEIGHTS,
    LstmTensor.RECURRENT_TO_OUTPUT_WEIGHTS,
)
_BIASES = (
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


class _Reader:
    """Follows the operators from the model's input to its output."""

    def __init__(self, model: schema.ModelT):
        self._model = model
        self._graph = model.subgraphs[0]
        self._tensors = Tensors(model)
        self._n_frames = 0  # while the value at hand is a sequence; 0: it is a vector
        self._n_values = 0  # of a frame, or of the vector
        self._by_frame: list[Lstm | Dense | Softmax] = []
        self._joint: TakeFrame | Flatten | None = None
        self._by_window: list[Dense | Softmax] = []

    def read(self) -> Graph:
        if len(self._graph.inputs) != 1 or len(self._graph.outputs) != 1:
            counts = f"{len(self._graph.inputs)}, {len(self._graph.outputs)}"
            raise UserError(f"the engine takes one input and one output, not {counts}")
        first, last = int(self._graph.inputs[0]), int(self._graph.outputs[0])
        n_frames, n_inputs = self._read_input_shape(first)
        self._n_frames, self._n_values = n_frames, n_inputs
        model_input = self._tensors.activation(first)
        self._follow_operators(first, last)
        if self._n_frames:
            self._join(last, Flatten(math.prod(self._tensors.shape(last))))
        assert self._joint is not None, "what is no sequence any more went through a joint"
        return Graph(
            n_frames=n_frames,
            n_inputs=n_inputs,
            input=model_input,
            output=self._tensors.activation(last),
            by_frame=tuple(self._by_frame),
            joint=self._joint,
            by_window=tuple(self._by_window),
        )

    def _read_input_shape(self, index: int) -> tuple[int, int]:
        """Returns (frames, values in a frame)."""
        shape = self._tensors.shape(index)
        if len(shape) not in (2, 3):
            raise self._tensors.error(index, f"is of shape {shape}, expected [1, frames, inputs]")
        if 1 not in shape[:-1]:
            raise self._tensors.error(index, f"is of shape {shape}, expected a batch of 1")
        return (1, shape[1]) if len(shape) == 2 else (shape[0] * shape[1], shape[2])

    def _follow_operators(self, at_hand: int, last: int) -> None:
        readers = {
            "UNIDIRECTIONAL_SEQUENCE_LSTM": self._read_lstm,
            "FULLY_CONNECTED": self._read_dense,
            "SOFTMAX": self._read_softmax,
            "STRIDED_SLICE": self._read_slice,
            "RESHAPE": self._read_reshape,
        }
        for number, operator in enumerate(self._graph.operators):
            name = name_operator(self._model, operator)
            self._tensors.operator = f"operator {number}, {name}"
            output = int(operator.outputs[0])
            if name not in readers:
                raise self._tensors.error(output, f"the engine knows only {', '.join(readers)}")
            if int(operator.inputs[0]) != at_hand:
                raise self._tensors.error(int(operator.inputs[0]), "is not the output of the operator before")
            readers[name]([int(index) for index in operator.inputs], output, operator.builtinOptions)
            self._check_size(output)
            at_hand = output
        self._tensors.operator = "the model"
        if at_hand != last:
            raise self._tensors.error(last, "is not the output of the last operator")

    def _check_size(self, output: int) -> None:
        """Raises UserError where an operator's output has not as many values as its layer gives."""
        shape, expected = self._tensors.shape(output), (self._n_frames or 1) * self._n_values
        if math.prod(shape) != expected:
            raise self._tensors.error(output, f"is of shape {shape}, expected {expected} values")

    def _check_same_quantization(self, source: int, output: int) -> None:
        """Raises UserError where an operator that only moves values changes what they mean."""
        if self._tensors.activation(source) != self._tensors.activation(output):
            raise self._tensors.error(output, "is quantized otherwise than the operator's input")

    # ---- LSTM ----

    def _read_lstm(self, inputs: list[int], output: int, options: schema.UnidirectionalSequenceLSTMOptionsT) -> None:
        tensors = self._tensors
        self._check_lstm(inputs, output, options)
        x, hidden = tensors.activation(inputs[LstmTensor.INPUT]), tensors.activation(output)
        cell = tensors.activation(inputs[LstmTensor.CELL_STATE], "INT16")
        kernels = [tensors.weights(inputs[place]) for place in _KERNELS]
        recurrent_kernels = [tensors.weights(inputs[place]) for place in _RECURRENT_KERNELS]
        biases = [tensors.constant(inputs[p], "INT32") if inputs[p] >= 0 else np.int32(0) for p in _BIASES]
        tanh_shift = 12 + round(math.log2(cell.scale))
        clip = int(min(options.cellClip / float(cell.scale), 32767))
        layer = Lstm(
            name=self._name_layer(output, "lstm"),
            input=x,
            output=hidden,
            kernels=np.stack(kernels),
            recurrent_kernels=np.stack(recurrent_kernels),
            biases=np.stack([np.broadcast_to(bias, len(kernel)) for bias, kernel in zip(biases, kernels, strict=True)]),
            from_input=tuple(self._to_gate(x, inputs[place]) for place in _KERNELS),
            from_hidden=tuple(self._to_gate(hidden, inputs[place]) for place in _RECURRENT_KERNELS),
            keep=Factor.of(_Q15),
            write=Factor.of(_Q15 * _Q15 / float(cell.scale)),
            show=Factor.of(_Q15 * _Q15 / float(hidden.scale)),
            cell_min=-clip if options.cellClip else -32768,
            cell_max=clip if options.cellClip else 32767,
            tanh_multiplier=3 if tanh_shift < 0 else 3 << tanh_shift,
            tanh_shift=max(0, -tanh_shift),
        )
        for gate in range(4):
            factors = (layer.from_input[gate],), (layer.from_hidden[gate],)
            self._check_sums(inputs[_KERNELS[gate]], kernels[gate], factors=factors[0], biases=biases[gate])
            self._check_sums(inputs[_RECURRENT_KERNELS[gate]], recurrent_kernels[gate], factors=factors[1])
        self._add(layer)

    def _check_lstm(self, inputs: list[int], output: int, options: schema.UnidirectionalSequenceLSTMOptionsT) -> None:
        tensors, source = self._tensors, inputs[LstmTensor.INPUT]
        shape = tensors.shape(source)
        if not self._n_frames or len(shape) != 3 or shape[1 if options.timeMajor else 0] != 1:
            raise tensors.error(source, f"is of shape {shape}, expected a sequence, in a batch of 1")
        if len(inputs) <= LstmTensor.CELL_STATE:
            raise tensors.error(output, f"has {len(inputs)} inputs, expected 24")
        if options.fusedActivationFunction != schema.ActivationFunctionType.TANH:
            raise tensors.error(output, "the engine knows LSTMs with tanh only")
        if options.projClip or any(inputs[place] >= 0 for place in _NOT_KNOWN if place < len(inputs)):
            raise tensors.error(output, "the engine knows no peepholes, projection or normalisation")
        if any(inputs[place] < 0 for place in (*_KERNELS, *_RECURRENT_KERNELS)):
            raise tensors.error(output, "the engine needs all four gates")
        units = tensors.shape(output)[-1]
        for places, expected in (
            (_KERNELS, (units, self._n_values)),
            (_RECURRENT_KERNELS, (units, units)),
            (_BIASES, (units,)),
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

    # ---- layers of vectors ----

    def _read_dense(self, inputs: list[int], output: int, options: schema.FullyConnectedOptionsT) -> None:
        tensors = self._tensors
        source, weights_index = inputs[DenseTensor.INPUT], inputs[DenseTensor.WEIGHTS]
        x, y = tensors.activation(source), tensors.activation(output)
        if options.weightsFormat != schema.FullyConnectedOptionsWeightsFormat.DEFAULT:
            raise tensors.error(weights_index, "has shuffled weights")
        weights, shape = tensors.weights(weights_index, per_channel=True), tensors.shape(source)
        if self._n_values != weights.shape[1] or math.prod(shape) != (self._n_frames or 1) * self._n_values:
            raise tensors.error(source, f"{shape} does not fit weights of shape {weights.shape}")
        has_bias = len(inputs) > DenseTensor.BIAS and inputs[DenseTensor.BIAS] >= 0
        biases = np.zeros(len(weights), np.int32)
        if has_bias:
            biases = tensors.constant(inputs[DenseTensor.BIAS], "INT32")
            if biases.shape != (len(weights),):
                raise tensors.error(inputs[DenseTensor.BIAS], f"is of shape {biases.shape}, expected ({len(weights)},)")
        scales = tensors.scales(weights_index)
        factors = tuple(Factor.of(float(x.scale) * float(scale) / float(y.scale)) for scale in scales)
        self._check_sums(weights_index, weights, factors=factors, biases=biases)
        activation, low, high = self._read_activation(options.fusedActivationFunction, y, output)
        self._add(
            Dense(
                name=self._name_layer(output, "dense"),
                input=x,
                output=y,
                weights=weights,
                biases=biases,
                factors=factors,
                activation=activation,
                output_min=low - y.zero_point,
                output_max=high - y.zero_point,
            )
        )

    def _read_activation(self, function: int, y: Quantization, output: int) -> tuple[str, int, int]:
        """Returns (name, smallest, largest int8 value) of a fused activation function."""
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
        return name, smallest, 127 if high is None else min(127, _quantize(high, y))

    def _read_softmax(self, inputs: list[int], output: int, options: schema.SoftmaxOptionsT) -> None:
        tensors, source = self._tensors, inputs[0]
        x, y = tensors.activation(source), tensors.activation(output)
        if y != Quantization(1 / 256, -128):
            raise tensors.error(output, "of int8 SOFTMAX has scale 1/256 and zero point -128")
        beta = min(float(options.beta) * float(x.scale) * 2.0**26, 2.0**31 - 1)
        factor = Factor.of(beta)
        if beta <= 1 or factor.shift < 0:
            raise tensors.error(source, f"has the scale {x.scale}, too small for SOFTMAX")
        classes = tensors.shape(source)[-1]
        if classes > _MOST_CLASSES:
            raise tensors.error(
                output, f"is a SOFTMAX over {classes} classes, at most {_MOST_CLASSES} fit its fixed point"
            )
        self._add(
            Softmax(
                name=self._name_layer(output, "softmax"),
                input=x,
                output=y,
                n_outputs=classes,
                factor=factor,
                diff_min=-math.floor(31 * 2.0**26 / 2.0**factor.shift),
            )
        )

    # ---- from sequences to vectors ----

    def _read_slice(self, inputs: list[int], output: int, options: schema.StridedSliceOptionsT) -> None:
        shape = self._tensors.shape(inputs[SliceTensor.INPUT])
        everything = np.arange(math.prod(shape))
        self._check_same_quantization(inputs[SliceTensor.INPUT], output)
        try:
            taken = everything.reshape(shape)[self._read_picks(inputs, output, options)].ravel()
        except (IndexError, ValueError) as error:
            raise self._tensors.error(output, f"is a slice that its input does not have: {error}") from error
        if np.array_equal(taken, everything) and self._n_frames != 1:
            return
        size = shape[-1]
        frame = int(taken[0]) // size if len(taken) else -1
        if not self._n_frames or not np.array_equal(taken, np.arange(frame * size, (frame + 1) * size)):
            raise self._tensors.error(output, "the engine takes one whole frame of a sequence, not this part of it")
        self._join(output, TakeFrame(size, frame))

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
            picks.append(begin[axis] if shrinks else slice(first, last, stride[axis]))
        return tuple(picks)

    def _read_reshape(self, inputs: list[int], output: int, options: schema.ReshapeOptionsT) -> None:
        self._check_same_quantization(inputs[0], output)
        before, after = self._tensors.shape(inputs[0]), self._tensors.shape(output)
        is_vector = max(after, default=1) == math.prod(after)
        if not self._n_frames:
            if not is_vector:
                raise self._tensors.error(output, f"is of shape {after}: the engine makes no sequence of a vector")
        elif after[-1] != before[-1] or math.prod(after[:-1]) != self._n_frames:
            if not is_vector:
                raise self._tensors.error(output, f"is of shape {after}: the engine only flattens {before}")
            self._join(output, Flatten(math.prod(after)))

    def _join(self, output: int, joint: TakeFrame | Flatten) -> None:
        if self._joint is not None:
            raise self._tensors.error(output, "the engine leaves a sequence only once")
        self._joint = joint
        self._n_frames, self._n_values = 0, joint.n_outputs

    def _add(self, layer: Lstm | Dense | Softmax) -> None:
        self._n_values = layer.n_outputs
        if self._n_frames:
            self._by_frame.append(layer)
        else:
            assert not isinstance(layer, Lstm), "an LSTM of a vector was refused"
            self._by_window.append(layer)

    def _check_sums(
        self, index: int, weights: np.ndarray, *, factors: tuple[Factor, ...], biases: np.ndarray | np.integer | int = 0
    ) -> None:
        """Raises UserError where sums do not fit the kernels' 32 bits once they are scaled."""
        largest = np.abs(weights.astype(np.int64)).sum(axis=1) * 255 + np.abs(np.asarray(biases, np.int64))
        shifts = np.maximum(0, [factor.shift for factor in factors])
        if np.any(largest << shifts >= _LARGEST_SUM):
            raise self._tensors.error(index, "gives sums that do not fit 32 bits once they are scaled")

    def _name_layer(self, output: int, kind: str) -> str:
        """Returns the Keras layer's name where its output's tells it ("model/dense/MatMul;model/dense/Relu"), else the kind."""
        scopes = self._tensors.name(output).split(";")[0].split("/")
        return scopes[-2] if len(scopes) > 1 else kind


def _quantize(value: float, quantization: Quantization) -> int:
    steps = np.float32(value) / np.float32(quantization.scale)
    return quantization.zero_point + int(math.copysign(math.floor(abs(steps) + 0.5), steps))
