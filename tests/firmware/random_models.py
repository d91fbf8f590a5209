"""Int8 TFLite files of random sizes, weights and scales, made as the converter lays them out: what no training would give."""

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from schemas.front_end import FrontEnd

_ACTIVATIONS = schema.ActivationFunctionType
_DTYPES = {schema.TensorType.INT8: np.int8, schema.TensorType.INT16: np.int16, schema.TensorType.INT32: np.int32}


class ModelWriter:
    """Adds tensors and operators one by one; `at_hand` is the tensor that the next operator takes."""

    def __init__(self, rng: np.random.Generator, n_frames: int, n_inputs: int, quantization=None):
        """Begins with the input; `quantization` is its scale and zero point, drawn where they are not given."""
        self._rng = rng
        self._model = schema.ModelT()
        self._model.version = 3
        self._model.buffers = [schema.BufferT()]
        self._model.operatorCodes = []
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._model.subgraphs = [self._graph]
        self.n_frames, self.n_features = n_frames, n_inputs
        self.weight_bits = 8  # of the layers that are added next
        self.at_hand = self.add_activation((1, n_frames, n_inputs), quantization)
        self._graph.inputs = [self.at_hand]

    def add_lstm(self, units: int) -> schema.OperatorT:
        scale, zero_point = self._rng.uniform(0.003, 0.01), int(self._rng.integers(-60, 60))
        hidden = self.add_tensor((1, units), schema.TensorType.INT8, scale, zero_point, variable=True)
        cell = self.add_tensor((1, units), schema.TensorType.INT16, 2.0 ** -self._rng.integers(9, 16), 0, variable=True)
        output = self.add_tensor((1, self.n_frames, units), schema.TensorType.INT8, scale, zero_point)
        kernels = [self.add_weights((units, self.n_features), 2.0) for _ in range(4)]
        recurrent = [self.add_weights((units, units), 1.0) for _ in range(4)]
        biases = [self.add_bias(units, kernel) for kernel in kernels]
        inputs = [self.at_hand, *kernels, *recurrent, -1, -1, -1, *biases, -1, -1, hidden, cell, -1, -1, -1, -1]
        options = schema.UnidirectionalSequenceLSTMOptionsT()
        options.fusedActivationFunction = _ACTIVATIONS.TANH
        options.cellClip = float(self._rng.choice([0.0, 1.0, 10.0]))
        operator = self.add_operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, output, options)
        unused = [self.add_tensor((0,), schema.TensorType.FLOAT32) for _ in range(4)]
        operator.intermediates = [*unused, self.add_tensor((0,), schema.TensorType.INT8, scale, zero_point)]
        self.n_features = units
        return operator

    def add_dense(self, outputs: int) -> schema.OperatorT:
        per_channel = bool(self._rng.integers(2))
        weights = self.add_weights((outputs, self.n_features), 1.0, per_channel)
        shape = self._graph.tensors[self.at_hand].shape
        inputs = [self.at_hand, weights, self.add_bias(outputs, weights) if self._rng.integers(4) else -1]
        options = schema.FullyConnectedOptionsT()
        choices = [_ACTIVATIONS.NONE, _ACTIVATIONS.RELU, _ACTIVATIONS.RELU6, _ACTIVATIONS.RELU_N1_TO_1]
        options.fusedActivationFunction = int(self._rng.choice(choices))
        options.keepNumDims = len(shape) == 3
        operator = self.add_operator("FULLY_CONNECTED", inputs, self.add_activation((*shape[:-1], outputs)), options)
        self.n_features = outputs
        return operator

    def add_softmax(self) -> None:
        output = self.add_tensor(self._graph.tensors[self.at_hand].shape, schema.TensorType.INT8, 1 / 256, -128)
        options = schema.SoftmaxOptionsT()
        options.beta = float(self._rng.choice([1.0, 0.5, 2.0]))
        self.add_operator("SOFTMAX", [self.at_hand], output, options)

    def add_slice(self, frame: int) -> None:
        source = self._graph.tensors[self.at_hand]
        output = self.add_tensor((1, self.n_features), schema.TensorType.INT8, *self._quantization(source))
        ends = [self.add_constant(np.array(value, np.int32)) for value in ([0, frame, 0], [0, frame + 1, 0], [1, 1, 1])]
        options = schema.StridedSliceOptionsT()
        options.beginMask, options.endMask, options.shrinkAxisMask = 5, 5, 2
        self.add_operator("STRIDED_SLICE", [self.at_hand, *ends], output, options)

    def add_flatten(self) -> None:
        source = self._graph.tensors[self.at_hand]
        self.n_features *= self.n_frames
        output = self.add_tensor((1, self.n_features), schema.TensorType.INT8, *self._quantization(source))
        shape = self.add_constant(np.array([1, self.n_features], np.int32))
        options = schema.ReshapeOptionsT()
        options.newShape = [1, self.n_features]
        self.add_operator("RESHAPE", [self.at_hand, shape], output, options)

    # ---- layers over time: they may change `n_frames` ----

    def add_convolution(self, outputs: int) -> schema.OperatorT:
        """Along the width or the height, with a stride and SAME padding or a dilation."""
        options, along_width = schema.Conv2DOptionsT(), bool(self._rng.integers(2))
        taps, stride = int(self._rng.integers(1, min(6, self.n_frames + 1))), int(self._rng.integers(1, 4))
        options.padding = int(self._rng.integers(2))
        fits = (self.n_frames - 1) // max(1, taps - 1) if taps > 1 else 1
        dilation = int(self._rng.integers(1, min(3, fits) + 1)) if options.padding == schema.Padding.VALID else 1
        options.strideW, options.strideH = (stride, 1) if along_width else (1, stride)
        options.dilationWFactor, options.dilationHFactor = (dilation, 1) if along_width else (1, dilation)
        options.fusedActivationFunction = int(
            self._rng.choice([_ACTIVATIONS.NONE, _ACTIVATIONS.RELU, _ACTIVATIONS.RELU6])
        )
        self._add_axis(along_width)
        shape = (outputs, 1, taps, self.n_features) if along_width else (outputs, taps, 1, self.n_features)
        weights = self.add_weights((outputs, taps * self.n_features), 1.0, per_channel=True)
        self._graph.tensors[weights].shape = list(shape)
        bias = self.add_bias(outputs, weights) if self._rng.integers(4) else -1
        made = self._count_frames(options.padding, (taps - 1) * dilation + 1, stride)
        output = self.add_activation(self._shape_along(along_width, made, outputs))
        operator = self.add_operator("CONV_2D", [self.at_hand, weights, bias], output, options)
        self.n_frames, self.n_features = made, outputs
        self._drop_axis()
        return operator

    def add_pool(self, kind: str) -> None:
        """Of kind "MAX" or "AVERAGE"."""
        options, along_width = schema.Pool2DOptionsT(), bool(self._rng.integers(2))
        size, stride = int(self._rng.integers(1, min(5, self.n_frames + 1))), int(self._rng.integers(1, 4))
        options.padding = int(self._rng.integers(2))
        options.filterWidth, options.filterHeight = (size, 1) if along_width else (1, size)
        options.strideW, options.strideH = (stride, 1) if along_width else (1, stride)
        options.fusedActivationFunction = int(self._rng.choice([_ACTIVATIONS.NONE, _ACTIVATIONS.RELU]))
        self._add_axis(along_width)
        quantization = self._quantization(self._graph.tensors[self.at_hand])
        made = self._count_frames(options.padding, size, stride)
        output = self.add_activation(self._shape_along(along_width, made, self.n_features), quantization)
        self.add_operator(f"{kind}_POOL_2D", [self.at_hand], output, options)
        self.n_frames = made
        self._drop_axis()

    def add_mean(self) -> None:
        self._add_reduction("MEAN", None if self._rng.integers(4) else self._quantization(self._source()))

    def add_largest(self) -> None:
        self._add_reduction("REDUCE_MAX", self._quantization(self._source()))

    def add_reverse(self) -> None:
        axis = self.add_constant(np.array([int(self._rng.choice([1, -2]))], np.int32))
        output = self.add_activation(tuple(self._source().shape), self._quantization(self._source()))
        self.add_operator("REVERSE_V2", [self.at_hand, axis], output, schema.ReverseV2OptionsT())

    # ---- layers of each value ----

    def add_table(self, name: str) -> None:
        """TANH, LOGISTIC, RELU, RELU6, LEAKY_RELU, HARD_SWISH or QUANTIZE."""
        quantization = {"TANH": (1 / 128, 0), "LOGISTIC": (1 / 256, -128)}.get(name)
        options = None
        if name == "LEAKY_RELU":
            options = schema.LeakyReluOptionsT()
            options.alpha = float(self._rng.uniform(0.01, 0.5))
        output = self.add_activation(tuple(self._source().shape), quantization)
        self.add_operator(name, [self.at_hand], output, options)

    def add_arithmetic(self, name: str, other: int | None = None) -> None:
        """ADD, SUB or MUL with another tensor; by default with a constant, of one value or of one for each of a frame."""
        shape = tuple(self._source().shape)
        if other is None:
            size = [(), (self.n_features,), (1, 1, self.n_features), (1, self.n_frames, self.n_features)]
            of = size[self._rng.integers(4 if len(shape) == 3 else 2)]
            scale, zero_point = self._rng.uniform(0.01, 0.1), int(self._rng.integers(-100, 100))
            other = self.add_tensor(of, schema.TensorType.INT8, scale, zero_point, self._rng.integers(-128, 128, of))
        options = {"ADD": schema.AddOptionsT, "SUB": schema.SubOptionsT, "MUL": schema.MulOptionsT}[name]()
        options.fusedActivationFunction = int(self._rng.choice([_ACTIVATIONS.NONE, _ACTIVATIONS.RELU]))
        operands = [self.at_hand, other] if self._rng.integers(2) else [other, self.at_hand]
        self.add_operator(name, operands, self.add_activation(shape), options)

    def add_both_ways(self, units: int) -> None:
        """LSTMs from both ends, side by side."""
        before, n_before = self.at_hand, self.n_features
        self.add_lstm(units)
        quantization, forwards = self._quantization(self._source()), self.at_hand
        self.at_hand, self.n_features = before, n_before
        self.add_reverse()
        self.add_lstm(units)
        self.add_reverse()
        self.add_operator(
            "QUANTIZE", [self.at_hand], self.add_activation(tuple(self._source().shape), quantization), None
        )
        self.add_concatenation(forwards)

    def add_side_by_side(self, units: tuple[int, ...]) -> None:
        """LSTMs that take the same, their last frames, and a dense layer behind each; one beside the other."""
        before, n_before, vectors = self.at_hand, self.n_features, list[int]()
        for count in units:
            self.at_hand, self.n_features = before, n_before
            self.add_lstm(count)
            self.add_slice(self.n_frames - 1)
            self.add_dense(count + 1)
            if vectors:
                self._source().quantization = self._graph.tensors[vectors[0]].quantization
                self.add_concatenation(vectors[-1])
            vectors.append(self.at_hand)

    def add_concatenation(self, other: int) -> None:
        """Of a tensor that is quantized as the one at hand, and that."""
        size = self._graph.tensors[other].shape[-1] + self.n_features
        shape = (*self._source().shape[:-1], size)
        options = schema.ConcatenationOptionsT()
        options.axis = int(self._rng.choice([-1, len(shape) - 1]))
        output = self.add_activation(shape, self._quantization(self._source()))
        self.add_operator("CONCATENATION", [other, self.at_hand], output, options)
        self.n_features = size

    def finish(self) -> bytes:
        self._graph.outputs = [self.at_hand]
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    # ---- parts ----

    def add_activation(self, shape: tuple[int, ...], quantization=None) -> int:
        scale, zero_point = quantization or (self._rng.uniform(0.01, 0.1), int(self._rng.integers(-128, 128)))
        return self.add_tensor(shape, schema.TensorType.INT8, scale, zero_point)

    def add_weights(self, shape: tuple[int, int], deviation: float, per_channel: bool = False) -> int:
        """Of a scale by which sums of random inputs have about such a deviation, times 0.3 to 3."""
        spread = 45 * self._largest_weight / 127
        drawn = np.rint(self._rng.normal(0, spread, shape))
        values = np.clip(drawn, -self._largest_weight, self._largest_weight).astype(np.int8)
        channels = shape[0] if per_channel else 1
        scale = deviation / spread / np.sqrt(shape[1]) / 2 * self._rng.uniform(0.3, 3, channels)
        return self.add_tensor(shape, schema.TensorType.INT8, scale, 0, values)

    def add_bias(self, size: int, weights: int) -> int:
        """Of the scale of sums of the value at hand times `weights`."""
        tensors = self._graph.tensors
        scale = tensors[self.at_hand].quantization.scale[0] * np.array(tensors[weights].quantization.scale)
        limit = 2**14 * self._largest_weight // 127
        return self.add_tensor((size,), schema.TensorType.INT32, scale, 0, self._rng.integers(-limit, limit, size))

    def add_constant(self, values: np.ndarray) -> int:
        return self.add_tensor(values.shape, schema.TensorType.INT32, values=values)

    def add_tensor(self, shape, kind: int, scale=None, zero_point=0, values=None, variable=False) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.isVariable = list(shape), kind, variable
        tensor.name = f"tensor_{len(self._graph.tensors)}"
        if scale is not None:
            scales = np.atleast_1d(scale)
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = scales.tolist()
            tensor.quantization.zeroPoint = [zero_point] * len(scales)
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.asarray(values).astype(_DTYPES[kind]).tobytes()
            tensor.buffer = len(self._model.buffers)
            self._model.buffers.append(buffer)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def add_operator(self, name: str, inputs: list[int], output: int, options) -> schema.OperatorT:
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self._model.operatorCodes)
        operator.inputs, operator.outputs = inputs, [output]
        operator.builtinOptions = options
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        self._model.operatorCodes.append(code)
        self._graph.operators.append(operator)
        self.at_hand = output
        return operator

    @property
    def _largest_weight(self) -> int:
        return 2 ** (self.weight_bits - 1) - 1

    def _source(self) -> schema.TensorT:
        return self._graph.tensors[self.at_hand]

    def _count_frames(self, padding: int, size: int, stride: int) -> int:
        valid = (self.n_frames - size) // stride + 1
        return valid if padding == schema.Padding.VALID else -(-self.n_frames // stride)

    def _shape_along(self, along_width: bool, n_frames: int, n_values: int) -> tuple[int, ...]:
        return (1, 1, n_frames, n_values) if along_width else (1, n_frames, 1, n_values)

    def _add_axis(self, along_width: bool) -> None:
        self._reshape(self._shape_along(along_width, self.n_frames, self.n_features))

    def _drop_axis(self) -> None:
        self._reshape((1, self.n_frames, self.n_features))

    def _reshape(self, shape: tuple[int, ...]) -> None:
        output = self.add_activation(shape, self._quantization(self._source()))
        self.add_operator("RESHAPE", [self.at_hand, self.add_constant(np.array(shape, np.int32))], output, None)

    def _add_reduction(self, name: str, quantization) -> None:
        axes = self.add_constant(np.array([int(self._rng.choice([1, -2]))], np.int32))
        options = schema.ReducerOptionsT()
        options.keepDims = bool(self._rng.integers(2))
        shape = (1, 1, self.n_features) if options.keepDims else (1, self.n_features)
        self.add_operator(name, [self.at_hand, axes], self.add_activation(shape, quantization), options)

    def _quantization(self, tensor: schema.TensorT) -> tuple[float, int]:
        return tensor.quantization.scale[0], tensor.quantization.zeroPoint[0]


def make_small_model(front_end: FrontEnd, n_labels: int = 4, quantization=(1.0, 0)) -> bytes:
    """Makes a model that takes a front end's features, quantized with this scale and zero point."""
    writer = ModelWriter(np.random.default_rng(0), front_end.n_frames, front_end.n_features, quantization)
    writer.add_lstm(2)
    writer.add_slice(front_end.n_frames - 1)
    writer.add_dense(n_labels)
    writer.add_softmax()
    return writer.finish()


def make_random_model(seed: int) -> bytes:
    """1 to 3 LSTMs of 1 to 160 units over 1 to 100 frames, their outputs taken in one of three ways, up to 2 dense layers and
    perhaps a softmax behind them; every third seed's with weights of 4 bits."""
    rng = np.random.default_rng(seed)

    def draw_size(largest: int) -> int:
        return int(np.exp(rng.uniform(0, np.log(largest + 1))))

    writer = ModelWriter(rng, draw_size(100), draw_size(40))
    writer.weight_bits = 4 if seed % 3 == 2 else 8
    for _ in range(rng.integers(1, 4)):
        writer.add_lstm(draw_size(160))
    way = rng.integers(4)
    if way == 0:
        writer.add_dense(draw_size(20))  # of each frame
    if way < 2 and writer.n_frames * writer.n_features < 3000:
        writer.add_flatten()
    else:
        writer.add_slice(writer.n_frames - 1 if way == 2 else int(rng.integers(writer.n_frames)))
    for _ in range(rng.integers(0, 3)):
        writer.add_dense(draw_size(70))
    if rng.integers(2) and writer.n_features < 512:
        writer.add_softmax()
    return writer.finish()


def make_random_network(seed: int) -> bytes:
    """1 to 5 layers of every kind over 1 to 60 frames, joined in one of five ways, and up to 3 layers behind them; every third
    seed's with weights of 4 bits."""
    rng = np.random.default_rng(seed)

    def draw_size(largest: int) -> int:
        return int(np.exp(rng.uniform(0, np.log(largest + 1))))

    writer = ModelWriter(rng, draw_size(60), draw_size(40))
    writer.weight_bits = 4 if seed % 3 == 2 else 8
    for _ in range(rng.integers(1, 6)):
        before, n_before = writer.at_hand, writer.n_features
        way = rng.integers(10)
        if way < 2:
            writer.add_convolution(draw_size(40))
        elif way == 2:
            writer.add_pool("MAX" if rng.integers(2) else "AVERAGE")
        elif way == 3:
            writer.add_table(str(rng.choice(_TABLES)))
        elif way == 4:
            writer.add_arithmetic(str(rng.choice(_ARITHMETIC)))
        elif way == 5:
            writer.add_dense(draw_size(40))
        elif way == 6:
            writer.add_lstm(draw_size(40))
        elif way == 7:
            writer.add_both_ways(draw_size(30))
        elif way == 8:
            writer.add_reverse()
        else:
            writer.add_lstm(n_before)
            writer.add_arithmetic(str(rng.choice(_ARITHMETIC)), other=before)
    way = rng.integers(5)
    if way == 0 and writer.n_frames * writer.n_features < 3000:
        writer.add_flatten()
    elif way == 4:
        writer.add_side_by_side(tuple(draw_size(30) for _ in range(rng.integers(2, 5))))
    elif way == 1:
        writer.add_mean()
    elif way == 2:
        writer.add_largest()
    else:
        writer.add_slice(writer.n_frames - 1 if rng.integers(2) else int(rng.integers(writer.n_frames)))
    for _ in range(rng.integers(0, 4)):
        way = rng.integers(4)
        if way == 0:
            writer.add_table(str(rng.choice(_TABLES)))
        elif way == 1:
            before = writer.at_hand
            writer.add_table("LOGISTIC")
            writer.add_arithmetic("MUL", other=before)
        else:
            writer.add_dense(draw_size(70))
    if rng.integers(2) and writer.n_features < 512:
        writer.add_softmax()
    return writer.finish()


_TABLES = ("TANH", "LOGISTIC", "RELU", "RELU6", "LEAKY_RELU", "HARD_SWISH", "QUANTIZE")
_ARITHMETIC = ("ADD", "SUB", "MUL")


def random_windows(graph, count: int, seed: int) -> np.ndarray:
    """int8 [count, frames, inputs]; every fourth window holds nothing but the two ends of int8."""
    rng = np.random.default_rng(seed)
    windows = rng.integers(-128, 128, (count, graph.n_frames, graph.n_inputs), dtype=np.int8)
    windows[::4] = np.where(windows[::4] < 0, -128, 127)
    return windows
