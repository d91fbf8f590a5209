"""Which files the exporter generates for a firmware, and what other steps read from them."""

import re

import numpy as np

FIRMWARE_SOURCES = ("ser_model.c", "ser_model.h")
APART_SOURCES = ("ser_model_apart.c", "ser_model_apart.h", "ser_model.bin")  # where model and code are apart
TFLM_SOURCES = ("ser_model_data.cc", "ser_model_data.h")


def read_define(header: str, name: str) -> int:
    """Returns the integer that a generated header defines; ValueError where it does not."""
    found = re.search(rf"^#define {name} \(?(-?\d+)\)?(?:\s|$)", header, re.MULTILINE)
    if found is None:
        raise ValueError(f"the header defines no integer {name}")
    return int(found[1])


def read_scale(header: str, name: str) -> float:
    """Returns the float32 that a generated header defines, as the nearest double; ValueError where it does not."""
    found = re.search(rf"^#define {name} ([-+.\de]+)f(?:\s|$)", header, re.MULTILINE)
    if found is None:
        raise ValueError(f"the header defines no number {name}")
    return float(np.float32(found[1]))
