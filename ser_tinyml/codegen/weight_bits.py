"""Weights of 4 bits in an int8 file, on a scale of their own: TFLite's and TFLM's int8 kernels run it as any other."""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from ser_tinyml.codegen.layer_reader import BIASES, KERNELS, RECURRENT_KERNELS, DenseTensor
from ser_tinyml.codegen.tflite_file import name_operator, pack_model, parse_model, without_leftovers
from ser_tinyml.codegen.tflite_tensors import Tensors

_STEP = 127 / 7  # of weights of 4 bits, in steps of the scale that the converter gives them

# Of each operator the places of its weights, each with that of the bias which is on their scale.
_WEIGHTS = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (
        *zip(KERNELS, BIASES, strict=True),
        *((place, None) for place in RECURRENT_KERNELS),
    ),
    "FULLY_CONNECTED": ((DenseTensor.WEIGHTS, DenseTensor.BIAS),),
}


def store_four_bits(content: bytes) -> bytes:
    """Returns the int8 file with the weights of LSTMs and dense layers as -7 to 7, on the scale max / 7.

    The converter stores them as multiples of 127 / 7, rounded, on the scale max / 127. Their biases get the coarser scale, too.

    Args:
      content: of a network whose weights are of 4 bits (`round_weights` of ser_tinyml/network/quantization.py).

    Raises:
      UserError: a tensor has other weights.
    """
    model = parse_model(content)
    tensors, stored = Tensors(model), set()
    for number, operator in enumerate(model.subgraphs[0].operators):
        name = name_operator(model, operator)
        tensors.operator = f"operator {number}, {name}"
        for place, bias_place in _WEIGHTS.get(name, ()):
            weights = int(operator.inputs[place])
            if weights in stored:
                continue
            stored.add(weights)
            before = tensors.constant(weights, "INT8")
            values = np.rint(before / _STEP)
            if not np.array_equal(np.rint(values * _STEP), before):
                raise tensors.error(weights, "has other weights than those of 4 bits")
            _replace(model, weights, values.astype(np.int8))
            has_bias = bias_place is not None and bias_place < len(operator.inputs)
            if has_bias and (bias := int(operator.inputs[bias_place])) >= 0:
                _replace(model, bias, np.rint(tensors.constant(bias, "INT32") / _STEP).astype("<i4"))
    return without_leftovers(pack_model(model))


def _replace(model: schema.ModelT, index: int, values: np.ndarray) -> None:
    """Gives a tensor values on the coarser scale, in a buffer of its own: the converter shares those of equal tensors."""
    tensor, buffer = model.subgraphs[0].tensors[index], schema.BufferT()
    tensor.quantization.scale = np.asarray(tensor.quantization.scale, np.float32) * np.float32(_STEP)
    tensor.buffer = len(model.buffers)
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
