"""Ranges of what an engine computes: proved from the weights, and refused where they leave what the kernels take."""

import itertools

import numpy as np
import pytest

from schemas.errors import UserError
from schemas.run_files import Bound, Export
from ser_tinyml.codegen.bounds import find_closest, prove_bounds
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.codegen.tflite_file import name_operator
from ser_tinyml.runtimes.tflm import Tflm
from ser_tinyml.store import run_files
from tests.firmware.random_models import ModelWriter, make_random_model, make_random_network


def test_demo_s_model_is_proved_with_room_to_spare(demo_root):
    exported = run_files.read(Export, str(demo_root / "export"))
    assert exported.engine_lacks == ""
    layers = [bound.layer for bound in exported.bounds if bound.quantity == "sums"]
    assert len(layers) == 2 and {"sums of the input", "sums of the hidden state"} < {
        b.quantity for b in exported.bounds
    }
    assert all(b.at_least <= b.smallest <= b.largest <= b.at_most for b in exported.bounds)
    closest = find_closest(exported.bounds)
    assert closest is not None and 0 < closest.used < 0.5


@pytest.mark.parametrize("seed", range(20))
def test_random_models_are_proved(seed):
    for content in (make_random_model(seed), make_random_network(seed)):
        for bound in prove_bounds(read_graph(content)):
            assert bound.at_least <= bound.smallest <= bound.largest <= bound.at_most


LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"


def write(change) -> bytes:
    """A small model of a mean, an LSTM, a product, a dense layer and a softmax, in which something was changed."""
    writer = ModelWriter(np.random.default_rng(1), 3, 2, (0.05, 3))
    writer.add_arithmetic("MUL")
    writer.add_lstm(3)
    writer.add_mean()
    writer.add_dense(2)
    writer.add_softmax()
    operators = {name_operator(writer._model, operator): operator for operator in writer._graph.operators}
    operators[LSTM].builtinOptions.cellClip = 0.0

    def set_values(operator: str, place: int, values) -> None:
        tensor = writer._graph.tensors[operators[operator].inputs[place]]
        writer._model.buffers[tensor.buffer].data = np.asarray(values).tobytes()

    def set_scale(operator: str, place: int, scale: float, *, of_output: bool = False) -> None:
        tensors = operators[operator].outputs if of_output else operators[operator].inputs
        quantization = writer._graph.tensors[tensors[place]].quantization
        quantization.scale = [scale] * len(quantization.scale)

    change(set_values, set_scale)
    return writer.finish()


LEAVES = [
    # a bias at the end of 32 bits: the sum wraps around
    (lambda values, scale: values(LSTM, 12, np.full(3, 2**31 - 1, "<i4")),
     r"layer lstm: sums of the input with biases can be .* to 2,147,48\d,\d{3}, the engine's .* to 2,147,483,647"),
    # one that fits 32 bits, and not what a product with a factor takes
    (lambda values, scale: values(LSTM, 13, np.full(3, 2**30, "<i4")),
     r"layer lstm: sums of the input, shifted can be .* to 4,294,97\d,\d{3}, .* -1,073,741,823 to 1,073,741,823"),
    # weights of so large a scale that their sums are shifted to the left beyond 32 bits
    (lambda values, scale: scale(LSTM, 5, 1e5), "layer lstm: sums of the hidden state, shifted can be"),
    (lambda values, scale: (values(LSTM, 1, np.zeros((3, 2), np.int8)), scale(LSTM, 1, 1e9)),
     "layer lstm: bits of a shift can be 0 to 38, .* 0 to 31"),
    # a cell state of which a step is 2^5: the argument of tanh wraps around
    (lambda values, scale: scale(LSTM, 19, 2.0**5), "layer lstm: arguments of tanh can be -12,884,901,888 to"),
    (lambda values, scale: scale("MUL", 0, 1e-9, of_output=True), "layer .*: products, shifted can be"),
    (lambda values, scale: scale("MEAN", 0, 1e-12, of_output=True), "layer .*: (sums, shifted|bits of a shift) can be"),
]  # fmt: skip


def test_sums_that_are_taken_in_one_are_held_to_23_bits_with_their_biases():
    def list_quantities(bias: int) -> dict[str, Bound]:
        content = write(lambda values, scale: values(LSTM, 12, np.full(3, bias, "<i4")))
        return {bound.quantity: bound for bound in prove_bounds(read_graph(content))}

    whole = list_quantities(8_000_000)["sums of the input, in one"]
    assert 8_000_000 < whole.largest <= whole.at_most == 2**23 - 1
    assert "sums of the input, in one" not in list_quantities(9_000_000)


@pytest.mark.parametrize(("change", "message"), LEAVES)
def test_a_number_that_can_leave_its_range_is_told_with_its_layer(change, message):
    content = write(change)
    with pytest.raises(UserError, match=message):
        prove_bounds(read_graph(content))


def test_softmax_over_more_classes_than_its_fixed_point_takes_is_told():
    def read(n):
        writer = ModelWriter(np.random.default_rng(0), 1, n)
        writer.add_softmax()
        return read_graph(writer.finish())

    prove_bounds(read(511))
    with pytest.raises(UserError, match=r"sum of exponentials can be 0 to 268,435,456, .* 0 to 268,435,455"):
        prove_bounds(read(512))


@pytest.mark.parametrize("second", ["dense", "table"])
def test_no_input_leads_out_of_the_ranges_behind_the_first_layer(second):
    """Every input of two values, in steps of 5 and with both ends; the range is none that any layer would have."""
    writer = ModelWriter(np.random.default_rng(4), 1, 2)
    writer.add_dense(3)
    first = Tflm(writer.finish())
    if second == "dense":
        writer.add_dense(6)
    else:
        writer.add_table("QUANTIZE")
        writer.add_dense(6)
    graph = read_graph(writer.finish())
    layer = graph.nodes[-1].layer
    bound = [bound for bound in prove_bounds(graph) if bound.quantity == "sums"][-1]
    values = [*range(-128, 127, 5), 127]
    inputs = np.array(list(itertools.product(values, values)), np.int8)
    hidden = np.stack([first.invoke(each[np.newaxis]) for each in inputs]).astype(int).reshape(-1, 3)
    if second != "dense":
        hidden = graph.nodes[1].layer.values[hidden + 128].astype(int)
    sums = (hidden - layer.input.zero_point) @ layer.weights.astype(int).T
    assert bound.smallest <= sums.min() and sums.max() <= bound.largest
    assert bound.largest - bound.smallest < 6 * (sums.max() - sums.min())
