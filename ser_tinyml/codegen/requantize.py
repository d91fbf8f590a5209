"""Repairs int8 files in which the converter leaves values that are written on one scale and read on another.

A concatenation has one scale for all that it joins, and the converter carries that back to the operators before it, as behind a
bidirectional layer: to the output of an LSTM and its hidden state, which then saturates, or to the output of an operator that
only moves values. Here each gets its own scale back, and a QUANTIZE behind it.
"""

from tensorflow.lite.python import schema_py_generated as schema

from ser_tinyml.codegen.layer_reader import LstmTensor
from ser_tinyml.codegen.tflite_file import name_operator, pack_model, parse_model


def requantize_outputs(content: bytes) -> bytes:
    """Returns the int8 file with a QUANTIZE behind each operator that writes on another scale than its output's.

    A file without such an operator is returned as it is.
    """
    model = parse_model(content)
    graph = model.subgraphs[0]
    operators = []
    for operator in graph.operators:
        operators.append(operator)
        written = _find_written(model, operator)
        if written and not _is_same(graph.tensors[operator.outputs[0]].quantization, written):
            operators.append(_insert_quantize(model, operator, written))
    if len(operators) == len(graph.operators):
        return content
    graph.operators = operators
    return pack_model(model)


def _find_written(model: schema.ModelT, operator: schema.OperatorT) -> schema.QuantizationParametersT | None:
    """Returns the quantization on which an operator writes, where that is not its output's to choose.

    An LSTM's is that of its hidden state as it was calibrated, which stands at its last intermediate tensor; the hidden state
    gets it back here.
    """
    tensors, name = model.subgraphs[0].tensors, name_operator(model, operator)
    if name == "UNIDIRECTIONAL_SEQUENCE_LSTM" and operator.intermediates is not None and len(operator.intermediates):
        calibrated = tensors[operator.intermediates[-1]].quantization
        tensors[operator.inputs[LstmTensor.OUTPUT_STATE]].quantization = calibrated
        return calibrated
    return tensors[operator.inputs[0]].quantization if name in _MOVES else None


_MOVES = ("REVERSE_V2", "STRIDED_SLICE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE")


def _is_same(one: schema.QuantizationParametersT, other: schema.QuantizationParametersT) -> bool:
    return list(one.scale) == list(other.scale) and list(one.zeroPoint) == list(other.zeroPoint)


def _insert_quantize(
    model: schema.ModelT, operator: schema.OperatorT, quantization: schema.QuantizationParametersT
) -> schema.OperatorT:
    """Gives an operator an output of this quantization; returns the QUANTIZE that makes of it what the output was."""
    graph, before = model.subgraphs[0], int(operator.outputs[0])
    written = schema.TensorT()
    written.shape, written.type = graph.tensors[before].shape, graph.tensors[before].type
    written.name, written.quantization = graph.tensors[before].name + b"/written", quantization
    graph.tensors.append(written)
    operator.outputs = [len(graph.tensors) - 1]
    quantize = schema.OperatorT()
    quantize.opcodeIndex = _find_code(model, schema.BuiltinOperator.QUANTIZE)
    quantize.inputs, quantize.outputs = operator.outputs, [before]
    quantize.builtinOptions, quantize.builtinOptionsType = (
        schema.QuantizeOptionsT(),
        schema.BuiltinOptions.QuantizeOptions,
    )
    return quantize


def _find_code(model: schema.ModelT, builtin: int) -> int:
    for place, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin:
            return place
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, builtin, 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
