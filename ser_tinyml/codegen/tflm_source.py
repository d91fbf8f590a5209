"""The int8 model as C++ source for TFLM's interpreter: its bytes, and a header that says what the interpreter needs."""

import hashlib
import importlib.metadata

import numpy as np

from ser_tinyml.codegen.c_text import render
from ser_tinyml.codegen.tflite_file import describe_model, name_operator, parse_model

_MARGIN_BYTES = 1024
_ALIGNMENT = 16


def make_tflm_sources(int8: bytes, arena_bytes: int) -> dict[str, bytes]:
    """Returns `ser_model_data.h` and `ser_model_data.cc`.

    Args:
      int8: the TFLite file.
      arena_bytes: the smallest arena in which TFLM's interpreter runs it with the reference kernels.
    """
    more = count_cmsis_nn_bytes(int8)
    values = {
        "sha256": hashlib.sha256(int8).hexdigest(),
        "size": len(int8),
        "tflm_version": importlib.metadata.version("tflite-micro"),
        "smallest_arena_bytes": arena_bytes,
        "cmsis_nn_bytes": more,
        "margin_bytes": _MARGIN_BYTES,
        "arena_bytes": -(-(arena_bytes + more + _MARGIN_BYTES) // _ALIGNMENT) * _ALIGNMENT,
        "operators": _name_for_resolver(describe_model(int8).operators),
        "content": np.frombuffer(int8, np.uint8),
    }
    return {name: render(f"{name}.j2", **values) for name in ("ser_model_data.h", "ser_model_data.cc")}


def count_cmsis_nn_bytes(int8: bytes) -> int:
    """Returns the bytes of the arena that CMSIS-NN's kernels take beside what the reference kernels do.

    TFLM's glue for CMSIS-NN allocates 8 sums of 4 bytes for each LSTM unit, a sum for each output of a dense layer (on a core
    with Helium), and for a convolution two columns of its input in 16 bits.
    """
    model = parse_model(int8)
    graph = model.subgraphs[0]
    count = 0
    for operator in graph.operators:
        name = name_operator(model, operator)
        if name == "UNIDIRECTIONAL_SEQUENCE_LSTM":
            n_units = graph.tensors[operator.inputs[1]].shape[0]  # of the input gate's weights, [units, inputs]
            count += 8 * 4 * n_units
        elif name == "FULLY_CONNECTED":
            count += 4 * graph.tensors[operator.inputs[1]].shape[0]
        elif name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            count += 2 * 2 * int(np.prod(graph.tensors[operator.inputs[1]].shape[1:]))
    return int(count)


def _name_for_resolver(operators: tuple[str, ...]) -> list[str]:
    """Returns each once: FULLY_CONNECTED is AddFullyConnected there, and an abbreviation stays one."""
    kept = {"LSTM", "2D", "3D", "ND"}
    return ["".join(w if w in kept else w.capitalize() for w in n.split("_")) for n in dict.fromkeys(operators)]
