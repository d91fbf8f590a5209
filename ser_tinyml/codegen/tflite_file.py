"""What a TFLite file holds: operators, tensors, and the memory that TFLM needs for it."""

import dataclasses
import subprocess
import sys
import tempfile

from tensorflow.lite.python import schema_py_generated as schema

from schemas.errors import UserError

_OPERATOR_NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
_TYPE_NAMES = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}

# TFLM has no kernel for these, or hangs in them; the interpreter must not be given one.
_NOT_ON_TFLM = {"WHILE", "IF", "CALL_ONCE"}


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor of a model. `scale` and `zero_point` are those of a per-tensor quantization: real = scale * (q - zero_point)."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None


@dataclasses.dataclass(frozen=True)
class ModelDescription:
    """A model's operators in order, its tensors, input and output."""

    operators: tuple[str, ...]
    tensors: tuple[Tensor, ...]
    input: Tensor
    output: Tensor


def describe_model(content: bytes) -> ModelDescription:
    """Parses a TFLite flatbuffer with one subgraph in use, one input and one output."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    graph = model.subgraphs[0]
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    tensors = tuple(_describe_tensor(tensor) for tensor in graph.tensors)
    return ModelDescription(
        operators=tuple(_OPERATOR_NAMES[codes[operator.opcodeIndex]] for operator in graph.operators),
        tensors=tensors,
        input=tensors[graph.inputs[0]],
        output=tensors[graph.outputs[0]],
    )


def measure_arena(content: bytes) -> int:
    """Bytes of the smallest arena in which TFLM's interpreter, on this machine, allocates and invokes the model.

    A 32-bit board needs less: part of the arena holds pointers.

    Raises:
      UserError: TFLM can't run the model, whatever the arena.
    """
    if bad := _NOT_ON_TFLM & set(describe_model(content).operators):
        raise UserError(f"TFLM can't run the int8 model: it has the operator {', '.join(sorted(bad))}")
    too_small, enough = 0, 1 << 20
    with tempfile.NamedTemporaryFile(suffix=".tflite") as model:
        model.write(content)
        model.flush()
        if not _runs_in(model.name, enough):
            raise UserError("TFLM can't run the int8 model: it has an operator or a tensor type that its kernels lack")
        while enough - too_small > _ARENA_ALIGNMENT:
            middle = (too_small + enough) // 2
            too_small, enough = (too_small, middle) if _runs_in(model.name, middle) else (middle, enough)
    return -(-enough // _ARENA_ALIGNMENT) * _ARENA_ALIGNMENT


_ARENA_ALIGNMENT = 16

_TRIAL = """
import sys
from tflite_micro import runtime
runtime.Interpreter.from_file(sys.argv[1], arena_size=int(sys.argv[2])).invoke()
"""


def _runs_in(path: str, arena: int) -> bool:
    """In a process of its own: in some arenas that are too small TFLM's interpreter crashes instead of raising."""
    return subprocess.run([sys.executable, "-c", _TRIAL, path, str(arena)], capture_output=True).returncode == 0


def _describe_tensor(tensor: schema.TensorT) -> Tensor:
    quantization = tensor.quantization
    per_tensor = quantization is not None and quantization.scale is not None and len(quantization.scale) == 1
    return Tensor(
        name=tensor.name.decode(),
        shape=tuple(int(size) for size in tensor.shape) if tensor.shape is not None else (),
        dtype=_TYPE_NAMES[tensor.type].lower(),
        scale=float(quantization.scale[0]) if per_tensor else None,
        zero_point=int(quantization.zeroPoint[0]) if per_tensor else None,
    )
