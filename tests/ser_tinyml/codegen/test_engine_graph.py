from fractions import Fraction

import numpy as np
import pytest

from ser_tinyml.codegen.engine_graph import Convolution, Dense, Factor, Lstm
from ser_tinyml.codegen.graph_reader import read_graph
from tests.firmware.random_models import ModelWriter


def test_factors_are_the_nearest_that_31_bits_can_say():
    for factor in 2.0 ** np.random.default_rng(0).uniform(-31.9, 12, 2_000):
        found = Factor.of(factor)
        assert 2**30 <= found.multiplier < 2**31
        assert abs(found.multiplier - Fraction(factor) * Fraction(2) ** (31 - found.shift)) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (1.0, Factor(2**30, 1)),
        (0.5, Factor(2**30, 0)),
        (0.75, Factor(3 * 2**29, 0)),
        (1 - 2.0**-31, Factor(2**31 - 1, 0)),
        (1 - 2.0**-33, Factor(2**30, 1)),  # rounded up to a power of two
        ((2**30 + 0.5) * 2.0**-31, Factor(2**30 + 1, 0)),  # a half is rounded up
        ((2**30 + 0.25) * 2.0**-31, Factor(2**30, 0)),
        (3 * 2.0**10, Factor(3 * 2**29, 12)),
        (2.0**-32, Factor(2**30, -31)),  # the smallest that shifts by no more than 31
        (2.0**-33, Factor(0, 0)),
        (0.0, Factor(0, 0)),
    ],
)
def test_factor_has_tflites_multiplier_and_shift(factor, expected):
    assert Factor.of(factor) == expected


def write_network() -> bytes:
    """A model of every kind of layer."""
    writer = ModelWriter(np.random.default_rng(3), 30, 5)
    writer.add_convolution(6)
    writer.add_pool("MAX")
    writer.add_pool("AVERAGE")
    before = writer.at_hand
    writer.add_table("RELU")
    writer.add_arithmetic("MUL")
    writer.add_arithmetic("ADD", other=before)
    writer.add_lstm(4)
    writer.add_reverse()
    writer.add_lstm(3)
    writer.add_concatenation(writer.at_hand)
    writer.add_dense(5)
    writer.add_largest()
    writer.add_dense(2)
    writer.add_softmax()
    return writer.finish()


def test_multiply_accumulates_are_those_of_layers_with_weights():
    graph = read_graph(write_network())
    kinds = {type(node.layer).__name__: node for node in graph.nodes}
    assert {"Softmax", "Table", "Sum", "Product", "Pool", "Reverse", "Concatenate"} <= set(kinds)
    n_frames = kinds["Lstm"].n_frames
    convolution = kinds["Convolution"]
    taps = np.count_nonzero(np.abs(convolution.layer.kernel).sum(axis=(0, 2)))
    expected = convolution.n_frames * 6 * taps * 5
    expected += n_frames * (4 * 4 * (6 + 4) + 4 * 3 * (4 + 3) + 5 * 6) + 2 * 5
    assert graph.macs == sum(node.macs for node in graph.nodes) == expected
    assert {name for name, node in kinds.items() if node.macs} == {"Convolution", "Lstm", "Dense"}


def test_mean_and_moves_multiply_nothing():
    for add in (
        ModelWriter.add_mean,
        ModelWriter.add_largest,
        lambda writer: writer.add_slice(1),
        ModelWriter.add_flatten,
    ):
        writer = ModelWriter(np.random.default_rng(0), 3, 2)
        add(writer)
        assert read_graph(writer.finish()).macs == 0


def test_sizes_of_a_graph_are_those_of_its_file():
    graph = read_graph(write_network())
    assert (graph.n_frames, graph.n_inputs, graph.n_outputs) == (30, 5, 2)
    lstms = [node.layer for node in graph.nodes if isinstance(node.layer, Lstm)]
    assert [(layer.n_inputs, layer.n_outputs) for layer in lstms] == [(6, 4), (4, 3)]
    dense = [node.layer for node in graph.nodes if isinstance(node.layer, Dense)]
    assert [(layer.n_inputs, layer.n_outputs) for layer in dense] == [(6, 5), (5, 2)]
    (convolution,) = (node.layer for node in graph.nodes if isinstance(node.layer, Convolution))
    assert (convolution.n_inputs, convolution.n_outputs) == (5, 6)


def test_lstms_take_the_keras_models_names_where_there_are_as_many():
    graph = read_graph(write_network())
    renamed = graph.with_lstm_names(["first", "second"])
    assert [node.layer.name for node in renamed.nodes if isinstance(node.layer, Lstm)] == ["first", "second"]
    others = [node.layer.name for node in graph.nodes if not isinstance(node.layer, Lstm)]
    assert [node.layer.name for node in renamed.nodes if not isinstance(node.layer, Lstm)] == others
    assert [node.sources for node in renamed.nodes] == [node.sources for node in graph.nodes]
    for names in ([], ["first"], ["first", "second", "third"]):
        assert graph.with_lstm_names(names) is graph
