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
        values = np.clip(np.rint(self._rng.normal(0, 45, shape)), -127, 127).astype(np.int8)
        channels = shape[0] if per_channel else 1
        scale = deviation / 45 / np.sqrt(shape[1]) / 2 * self._rng.uniform(0.3, 3, channels)
        return self.add_tensor(shape, schema.TensorType.INT8, scale, 0, values)

    def add_bias(self, size: int, weights: int) -> int:
        """Of the scale of sums of the value at hand times `weights`."""
        tensors = self._graph.tensors
        scale = tensors[self.at_hand].quantization.scale[0] * np.array(tensors[weights].quantization.scale)
        return self.add_tensor((size,), schema.TensorType.INT32, scale, 0, self._rng.integers(-(2**14), 2**14, size))

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
        kind = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        self._model.operatorCodes.append(code)
        self._graph.operators.append(operator)
        self.at_hand = output
        return operator

    def _quantization(self, tensor: schema.TensorT) -> tuple[float, int]:
        return tensor.quantization.scale[0], tensor.quantization.zeroPoint[0]


def make_small_model(front_end: FrontEnd, n_labels: int = 4, quantization=(1.0, 0)) -> bytes:
    """Makes a model that takes a front end's features, quantized with this scale and zero point."""
    writer = ModelWriter(np.random.default_rng(0), front_end.n_frames, front_end.n_mfcc, quantization)
    writer.add_lstm(2)
    writer.add_slice(front_end.n_frames - 1)
    writer.add_dense(n_labels)
    writer.add_softmax()
    return writer.finish()


def make_random_model(seed: int) -> bytes:
    """1 to 3 LSTMs of 1 to 160 units over 1 to 100 frames, their outputs taken in one of three ways, up to 2 dense layers and
    perhaps a softmax behind them."""
    rng = np.random.default_rng(seed)

    def draw_size(largest: int) -> int:
        return int(np.exp(rng.uniform(0, np.log(largest + 1))))

    writer = ModelWriter(rng, draw_size(100), draw_size(40))
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


def random_windows(graph, count: int, seed: int) -> np.ndarray:
    """int8 [count, frames, inputs]; every fourth window holds nothing but the two ends of int8."""
    rng = np.random.default_rng(seed)
    windows = rng.integers(-128, 128, (count, graph.n_frames, graph.n_inputs), dtype=np.int8)
    windows[::4] = np.where(windows[::4] < 0, -128, 127)
    return windows
