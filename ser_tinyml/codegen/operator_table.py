"""Operators that make each int8 value of one int8 value, as tables: TFLM's own kernel fills them."""

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from ser_tinyml.runtimes.int8 import Quantization

_ALL = np.arange(-128, 128, dtype=np.int8)
_ARENA_BYTES = 1 << 16


def tabulate(operator: schema.OperatorT, name: str, x: Quantization, y: Quantization) -> np.ndarray:
    """Returns what an operator makes of -128 to 127, int8 [256].

    Args:
      operator: with its options.
      name: as schema.fbs has it.
      x: how its input is quantized.
      y: how its output is quantized.
    """
    from tflite_micro import runtime  # here: an engine without such an operator is made where there is no wheel of it

    interpreter = runtime.Interpreter.from_bytes(_make_model(operator, name, x, y), arena_size=_ARENA_BYTES)
    interpreter.set_input(_ALL[np.newaxis], 0)
    interpreter.invoke()
    return np.array(interpreter.get_output(0).ravel())


def _make_model(operator: schema.OperatorT, name: str, x: Quantization, y: Quantization) -> bytes:
    """Returns a TFLite file with this operator alone."""
    model, graph, only = schema.ModelT(), schema.SubGraphT(), schema.OperatorT()
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, name)
    code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
    only.opcodeIndex, only.inputs, only.outputs = 0, [0], [1]
    only.builtinOptions, only.builtinOptionsType = operator.builtinOptions, operator.builtinOptionsType
    graph.tensors = [_make_tensor(quantization) for quantization in (x, y)]
    graph.inputs, graph.outputs, graph.operators = [0], [1], [only]
    model.version, model.buffers, model.operatorCodes, model.subgraphs = 3, [schema.BufferT()], [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _make_tensor(quantization: Quantization) -> schema.TensorT:
    tensor = schema.TensorT()
    tensor.shape, tensor.type, tensor.name = [1, len(_ALL)], schema.TensorType.INT8, "values"
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.zeroPoint = [quantization.scale], [quantization.zero_point]
    return tensor
