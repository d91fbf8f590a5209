"""The int8 model as C++ source for TFLM's interpreter: its bytes, and a header that says what the interpreter needs."""

import hashlib

import numpy as np

from ser_tinyml.codegen.c_text import render
from ser_tinyml.codegen.tflite_file import describe_model


def make_tflm_sources(int8: bytes, arena_bytes: int) -> dict[str, bytes]:
    """Returns `ser_model_data.h` and `ser_model_data.cc`.

    Args:
      int8: the TFLite file.
      arena_bytes: the smallest arena in which TFLM's interpreter runs it.
    """
    values = {
        "sha256": hashlib.sha256(int8).hexdigest(),
        "size": len(int8),
        "arena_bytes": arena_bytes,
        "operators": _name_for_resolver(describe_model(int8).operators),
        "content": np.frombuffer(int8, np.uint8),
    }
    return {name: render(f"{name}.j2", **values) for name in ("ser_model_data.h", "ser_model_data.cc")}


def _name_for_resolver(operators: tuple[str, ...]) -> list[str]:
    """Returns each once: FULLY_CONNECTED is AddFullyConnected there, and an abbreviation stays one."""
    kept = {"LSTM", "2D", "3D", "ND"}
    return ["".join(w if w in kept else w.capitalize() for w in n.split("_")) for n in dict.fromkeys(operators)]
