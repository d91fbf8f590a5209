"""A TFLite file that is damaged is told in one sentence, whatever it leads to."""

import contextlib
import pathlib

import numpy as np
import pytest

from schemas.errors import UserError
from ser_tinyml.codegen.graph_reader import read_graph

GOLDEN = sorted((pathlib.Path(__file__).parents[2] / "firmware" / "golden").glob("*.tflite"))


@pytest.mark.parametrize("number", range(200))
def test_a_damaged_file_is_told_or_read(number):
    """Never an error of the flatbuffers library; `make faults` tries a thousand of them, with more than one damage each."""
    draw = np.random.default_rng(number)
    content = bytearray(GOLDEN[number % len(GOLDEN)].read_bytes())
    place = int(len(content) * draw.random() ** 3)
    if number % 4:
        content[place : place + 4] = draw.bytes(4)
    else:
        del content[place:]
    with contextlib.suppress(UserError):
        read_graph(bytes(content))


def test_another_file_is_told():
    with pytest.raises(UserError, match="no TFLite model"):
        read_graph(b"<!DOCTYPE html>")
