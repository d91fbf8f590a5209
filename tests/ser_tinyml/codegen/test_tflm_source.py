"""What the TFLM source says that the interpreter needs."""

import numpy as np

from ser_tinyml.codegen.generated import read_define
from ser_tinyml.codegen.tflm_source import count_cmsis_nn_bytes, make_tflm_sources
from tests.firmware.random_models import ModelWriter

WORKS_ON_CMSIS_NN = 20_480  # the default network on a Cortex-M4, measured with TFLM and CMSIS-NN; 19,456 are too small
SMALLEST = 14_368  # of it, with the reference kernels on a 64-bit host


def make_default_network() -> bytes:
    writer = ModelWriter(np.random.default_rng(0), 47, 13, (0.04, 11))
    for units in (128, 64):
        writer.add_lstm(units)
    writer.add_slice(46)
    for outputs in (64, 4):
        writer.add_dense(outputs)
    writer.add_softmax()
    return writer.finish()


def test_the_arena_holds_for_cmsis_nn_and_what_it_is_made_of_is_said():
    content = make_default_network()
    header = make_tflm_sources(content, SMALLEST)["ser_model_data.h"].decode()
    arena = read_define(header, "SER_TENSOR_ARENA_BYTES")
    assert WORKS_ON_CMSIS_NN <= arena <= 1.1 * WORKS_ON_CMSIS_NN
    assert count_cmsis_nn_bytes(content) == 32 * (128 + 64) + 4 * (64 + 4)
    assert "14,368 bytes on a 64-bit host" in header and "CMSIS-NN keeps 6,416 more" in header
