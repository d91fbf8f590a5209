"""What a TFLite file holds: operators and tensors."""

import contextlib
import struct
from collections.abc import Iterator

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from schemas.errors import UserError
from schemas.run_files import ModelDescription, Tensor

_IDENTIFIER = b"TFL3"
_ALIGNMENT = 16  # of a buffer's data, as schema.fbs asks
_OPERATOR_NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
TYPE_NAMES = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}


def parse_model(content: bytes) -> schema.ModelT:
    """Returns the parsed flatbuffer of a TFLite file; UserError where it is none, or damaged."""
    if content[4:8] != _IDENTIFIER:
        raise UserError("the file is no TFLite model: it lacks the identifier TFL3")
    with damage_told():
        return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def pack_model(model: schema.ModelT) -> bytes:
    """Returns the flatbuffer of a parsed model; the same model gives the same bytes."""
    model.buffers = [_AlignedBuffer(buffer) for buffer in model.buffers]
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


class _AlignedBuffer(schema.BufferT):
    """A buffer whose data stand where schema.fbs wants them; the generated class leaves that out."""

    def __init__(self, buffer: schema.BufferT):
        super().__init__()
        self.data = buffer.data

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802, the generated name
        data = b"" if self.data is None else np.asarray(self.data, np.uint8).tobytes()
        if data:
            builder.StartVector(1, len(data), _ALIGNMENT)
            builder.head -= len(data)
            builder.Bytes[builder.head : builder.head + len(data)] = data
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if data:
            schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


def without_leftovers(content: bytes) -> bytes:
    """Returns the TFLite file with nothing in the buffers that no tensor and no metadata uses.

    What the converter leaves there differs between two conversions of one network: it was in memory before.
    """
    model = parse_model(content)
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {metadata.buffer for metadata in model.metadata or ()}
    for place, buffer in enumerate(model.buffers):
        if place not in used:
            buffer.data = None
    return pack_model(model)


@contextlib.contextmanager
def damage_told() -> Iterator[None]:
    """Makes a UserError of what comes of following a flatbuffer whose offsets, lengths or indices lead nowhere.

    Python's flatbuffers have no verifier: a damaged file is found where it is read.
    """
    try:
        yield
    except (struct.error, TypeError, AttributeError, IndexError, KeyError, ValueError, ArithmeticError) as error:
        raise UserError(f"the TFLite model is damaged: {str(error) or type(error).__name__}") from error


def name_operator(model: schema.ModelT, operator: schema.OperatorT) -> str:
    """Returns the name of an operator, as schema.fbs has it; "an unknown operator" where it is newer than TensorFlow."""
    code = model.operatorCodes[operator.opcodeIndex]
    return _OPERATOR_NAMES.get(max(code.builtinCode, code.deprecatedBuiltinCode), "an unknown operator")


def describe_model(content: bytes) -> ModelDescription:
    """Returns what a TFLite flatbuffer with one subgraph in use, one input and one output holds."""
    model = parse_model(content)
    graph = model.subgraphs[0]
    tensors = tuple(_describe_tensor(tensor) for tensor in graph.tensors)
    return ModelDescription(
        operators=tuple(name_operator(model, operator) for operator in graph.operators),
        tensors=tensors,
        input=tensors[graph.inputs[0]],
        output=tensors[graph.outputs[0]],
    )


def _describe_tensor(tensor: schema.TensorT) -> Tensor:
    quantization = tensor.quantization
    per_tensor = quantization is not None and quantization.scale is not None and len(quantization.scale) == 1
    return Tensor(
        name=tensor.name.decode(),
        shape=tuple(int(size) for size in tensor.shape) if tensor.shape is not None else (),
        dtype=TYPE_NAMES[tensor.type].lower(),
        scale=float(quantization.scale[0]) if per_tensor else None,
        zero_point=int(quantization.zeroPoint[0]) if per_tensor else None,
    )
