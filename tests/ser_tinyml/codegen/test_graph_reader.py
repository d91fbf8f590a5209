"""What a TFLite file holds is read, or told in one sentence: also where the file is damaged, whatever it leads to."""

import contextlib
import pathlib

import flatbuffers
import numpy as np
import pytest
from tensorflow.lite.python import schema_py_generated as schema

from schemas.errors import UserError
from ser_tinyml.codegen.graph_reader import read_graph
from tests.firmware.random_models import ModelWriter

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


# ---- what is read ----


class Model:
    """A TFLite file in the making, whose operators and tensors a test may change before it is read."""

    def __init__(self, n_frames: int = 5, n_inputs: int = 3):
        self.writer = ModelWriter(np.random.default_rng(0), n_frames, n_inputs)
        self.graph, self.quantization = self.writer._graph, (0.05, 3)
        self.tensors = self.graph.tensors
        self.tensors[0].quantization.scale, self.tensors[0].quantization.zeroPoint = [0.05], [3]

    def activation(self, *shape: int, quantization=None) -> int:
        return self.writer.add_activation(shape, quantization or self.quantization)

    def constant(self, *values: int) -> int:
        return self.writer.add_constant(np.array(values, np.int32))

    def add(self, name: str, inputs: list[int], output: int, options=None, **changes) -> schema.OperatorT:
        operator = self.writer.add_operator(name, inputs, output, options)
        for field, value in changes.items():
            setattr(operator.builtinOptions, field, value)
        return operator

    def slice(self, begin, end, strides, *shape: int, **masks: int) -> schema.OperatorT:
        ends = [self.constant(*values) for values in (begin, end, strides)]
        options = schema.StridedSliceOptionsT()
        return self.add("STRIDED_SLICE", [self.writer.at_hand, *ends], self.activation(*shape), options, **masks)

    def reshape(self, *shape: int, name: str = "RESHAPE") -> schema.OperatorT:
        return self.add(name, [self.writer.at_hand], self.activation(*shape))

    def arithmetic(self, name: str, inputs: list[int], *shape: int) -> schema.OperatorT:
        return self.add(name, inputs, self.activation(*shape), getattr(schema, f"{name.capitalize()}OptionsT")())

    def small(self, *shape: int) -> int:
        """An int8 constant."""
        return self.writer.add_tensor(shape, schema.TensorType.INT8, 0.05, 0, np.ones(shape))

    def read(self):
        return read_graph(self.writer.finish())


def told(read, match: str) -> None:
    """Checks that a file is refused with a sentence, which does not say that it is damaged."""
    with pytest.raises(UserError, match=match) as raised:
        read()
    assert "damaged" not in str(raised.value)


def nodes_of(graph) -> list[tuple]:
    """(kind, sources, frames, values in a frame) of each node."""
    return [(type(node.layer).__name__, node.sources, node.n_frames, node.layer.n_outputs) for node in graph.nodes]


@pytest.mark.parametrize(
    ("shape", "frames", "values"),
    [((1, 5, 3), 5, 3), ((5, 1, 3), 5, 3), ((1, 3), 1, 3), ((1, 1, 1), 1, 1), ((1, 1), 1, 1), ((1, 2, 1), 2, 1)],
)
def test_input_is_a_sequence_of_frames_or_one(shape, frames, values):
    model = Model()
    model.tensors[0].shape = list(shape)
    model.add("RELU", [0], model.activation(*shape))
    graph = model.read()
    assert (graph.n_frames, graph.n_inputs) == (frames, values)
    assert nodes_of(graph)[0] == ("Table", (0,), frames, values)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3,), r"\(3,\), expected \[1, frames, inputs\]"),
        ((1, 1, 5, 3), r"expected \[1, frames, inputs\]"),
        ((2, 5, 3), "expected a batch of 1"),
        ((2, 3), "expected a batch of 1"),
        ((1, 0, 3), "expected a batch of 1"),
        ((1, 5, 0), "expected a batch of 1"),
    ],
)
def test_input_of_another_shape_is_told(shape, message):
    model = Model()
    model.tensors[0].shape = list(shape)
    told(model.read, message)


@pytest.mark.parametrize(("n_frames", "n_inputs"), [(1, 3), (2, 3), (5, 1)])
def test_a_file_without_operators_gives_its_input_in_a_row(n_frames, n_inputs):
    graph = Model(n_frames, n_inputs).read()
    assert nodes_of(graph) == [("Flatten", (0,), 1, n_frames * n_inputs)]
    assert (graph.input.scale, graph.input.zero_point) == (graph.output.scale, graph.output.zero_point)


@pytest.mark.parametrize("n_frames", [1, 2, 5])
def test_only_a_result_of_several_frames_is_put_in_a_row(n_frames):
    model = Model(n_frames)
    model.add("RELU", [0], model.activation(1, n_frames, 3))
    model.add("HARD_SWISH", [model.writer.at_hand], model.activation(1, n_frames, 3, quantization=(0.125, -4)))
    graph = model.read()
    of_frames = [("Table", (0,), n_frames, 3), ("Table", (1,), n_frames, 3)]
    assert nodes_of(graph) == of_frames + [("Flatten", (2,), 1, 3 * n_frames)] * (n_frames > 1)
    assert (graph.output.scale, graph.output.zero_point) == (0.125, -4)


def test_a_file_of_several_subgraphs_inputs_or_outputs_is_told():
    model = Model()
    model.writer._model.subgraphs = [model.graph] * 2
    told(model.read, "takes a model of one subgraph, this one has 2")
    for inputs, outputs, counts in (([0, 0], [0], "2, 1"), ([0], [0, 0], "1, 2"), ([], [0], "0, 1")):
        model = Model()
        model.writer.finish()
        model.graph.inputs, model.graph.outputs = inputs, outputs
        told(lambda model=model: read_graph(pack(model)), f"one input and one output, not {counts}")


def pack(model) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.writer._model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_an_output_that_is_not_the_last_operators_is_told():
    for output in ("input", "first", "nobody's"):
        model = Model()
        first = model.activation(1, 5, 3)
        model.add("RELU", [0], first)
        model.add("RELU", [first], model.activation(1, 5, 3))
        nobodys = model.activation(1, 5, 3)
        model.writer.finish()
        model.graph.outputs = [{"input": 0, "first": first, "nobody's": nobodys}[output]]
        told(lambda model=model: read_graph(pack(model)), "the model, tensor .* is not the output of the last operator")


def test_a_value_that_no_operator_before_gave_is_told():
    model = Model()
    model.add("RELU", [model.activation(1, 5, 3)], model.activation(1, 5, 3))
    told(model.read, r"operator 0, RELU, tensor 1 \(tensor_1\): is not the output of an operator before")


@pytest.mark.parametrize("shape", [(1, 5, 4), (1, 3, 5), (5,), (1, 15, 1)])
def test_an_output_whose_shape_is_not_that_of_its_values_is_told(shape):
    model = Model()
    model.add("RELU", [0], model.activation(*shape))
    told(model.read, "expected 5 frames of 3 values")


def test_an_output_without_axes_is_one_value():
    model = Model(1, 1)
    model.add("RELU", [0], model.activation())
    model.reshape()
    assert nodes_of(model.read()) == [("Table", (0,), 1, 1)]


# ---- operands ----


@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL"])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 1, 3), (1, 5, 3), (1, 5, 1), (5, 3)])
def test_a_constant_stands_beside_each_frame_and_each_value(name, shape):
    model = Model()
    model.arithmetic(name, [0, model.small(*shape)], 1, 5, 3)
    graph = model.read()
    assert nodes_of(graph)[0] == ("Product" if name == "MUL" else "Sum", (0,), 5, 3)
    value, constant = graph.nodes[0].layer.operands
    assert (value.n_frames, value.n_values, value.constant) == (5, 3, None)
    assert (constant.n_frames, constant.n_values) == ((1, 1, *shape)[-2:]) == constant.constant.shape


def test_an_operand_of_one_frame_or_one_value_stands_beside_all_of_the_other():
    model = Model()
    model.slice((0, 4, 0), (0, 5, 0), (1, 1, 1), 1, 1, 3, beginMask=5, endMask=5)
    frame = model.writer.at_hand
    model.arithmetic("ADD", [frame, 0], 1, 5, 3)
    assert nodes_of(model.read())[:2] == [("TakeFrame", (0,), 1, 3), ("Sum", (1, 0), 5, 3)]
    model = Model(5, 1)
    model.arithmetic("MUL", [0, model.small(1, 1, 3)], 1, 5, 3)
    assert nodes_of(model.read())[0] == ("Product", (0,), 5, 3)


@pytest.mark.parametrize("shape", [(1, 4, 3), (1, 2, 3), (1, 5, 2), (2,), (1, 1, 2)])
def test_operands_that_do_not_fit_are_told(shape):
    for turned in (False, True):
        model = Model()
        inputs = [0, model.small(*shape)]
        model.arithmetic("ADD", inputs[::-1] if turned else inputs, 1, 5, 3)
        told(model.read, "ADD, tensor .* which does not fit the other operand")


def test_a_sum_of_constants_alone_is_told():
    model = Model()
    model.arithmetic("ADD", [model.small(1, 5, 3), model.small(1, 5, 3)], 1, 5, 3)
    told(model.read, "is made of constants alone")


# ---- operators that only move values ----


@pytest.mark.parametrize(
    ("begin", "end", "strides", "masks", "taken"),
    [
        ((0, 2, 0), (0, 3, 0), (1, 1, 1), {"beginMask": 5, "endMask": 5, "shrinkAxisMask": 2}, 2),
        ((9, 0, 9), (9, 1, 9), (1, 1, 1), {"beginMask": 5, "endMask": 5, "shrinkAxisMask": 2}, 0),
        ((9, -1, 9), (9, 9, 9), (1, 1, 1), {"beginMask": 5, "endMask": 5, "shrinkAxisMask": 2}, 4),
        ((0, 4, 0), (1, 5, 3), (1, 1, 1), {}, 4),
        ((0, 9, 0), (1, 1, 3), (1, 1, 1), {"beginMask": 2}, 0),
        ((0, 4, 0), (1, 1, 3), (1, 1, 1), {"endMask": 2}, 4),
        ((0, 4, 0), (9, 9, 9), (1, 1, 1), {"shrinkAxisMask": 1, "endMask": 4}, 4),
        ((0, 0, 0), (1, 5, 3), (1, 5, 1), {}, 0),
        ((0, 9, 0), (1, 9, 3), (1, -1, 1), {"beginMask": 2, "endMask": 2}, "reversed"),
        ((9, 9, 9), (9, 9, 9), (1, 1, 1), {"beginMask": 7, "endMask": 7}, "all"),
        ((0, 0, 0), (1, 5, 3), (1, 1, 1), {}, "all"),
    ],
)
def test_a_slice_takes_a_frame_turns_all_round_or_takes_all(begin, end, strides, masks, taken):
    model = Model()
    model.slice(begin, end, strides, 1, 5 if isinstance(taken, str) else 1, 3, **masks)
    graph = model.read()
    expected = {"reversed": ("Reverse", (0,), 5, 3), "all": ("Flatten", (0,), 1, 15)}.get(
        taken, ("TakeFrame", (0,), 1, 3)
    )
    assert nodes_of(graph)[0] == expected
    if not isinstance(taken, str):
        assert graph.nodes[0].layer.frame == taken


@pytest.mark.parametrize(
    ("begin", "end", "strides", "masks", "message"),
    [
        ((0, 5, 0), (1, 6, 3), (1, 1, 1), {"shrinkAxisMask": 2}, "is a slice that its input does not have: index 5"),
        ((0, 0, 0), (1, 5, 3), (1, 0, 1), {}, "is a slice that its input does not have: slice step"),
        ((0, 0, 0), (1, 5, 3), (1, 1, 1), {"ellipsisMask": 1}, "without an ellipsis and new axes only"),
        ((0, 0, 0), (1, 5, 3), (1, 1, 1), {"newAxisMask": 1}, "without an ellipsis and new axes only"),
        ((0, 1, 0), (1, 2, 3), (1, 1, 1), {"beginMask": 2, "shrinkAxisMask": 2}, "does not say which"),
        ((0, 1, 0), (1, 2, 3), (1, -1, 1), {"shrinkAxisMask": 2}, "one place of an axis with a stride of -1"),
        ((0, 1, 0), (1, 2, 3), (1, 2, 1), {"shrinkAxisMask": 2}, "one place of an axis with a stride of 2"),
        ((0, 1, 0), (1, 3, 3), (1, 1, 1), {}, "one whole frame of a sequence or turns it round, not this part"),
        ((0, 1, 0), (1, 2, 2), (1, 1, 1), {}, "one whole frame of a sequence or turns it round, not this part"),
        ((0, 3, 0), (1, 3, 3), (1, 1, 1), {}, "one whole frame of a sequence or turns it round, not this part"),
    ],
)
def test_another_slice_is_told(begin, end, strides, masks, message):
    model = Model()
    model.slice(begin, end, strides, 1, 1, 3, **masks)
    told(model.read, f"STRIDED_SLICE, tensor .* {message}")


@pytest.mark.parametrize(
    ("axes", "kind"),
    [((1,), "Reverse"), ((-2,), "Reverse"), ((0, 1), "Reverse"), ((0,), "Flatten"), ((-3,), "Flatten")],
)
def test_frames_are_turned_round_and_a_batch_of_one_stays(axes, kind):
    model = Model()
    model.add("REVERSE_V2", [0, model.constant(*axes)], model.activation(1, 5, 3))
    assert nodes_of(model.read())[0][:2] == (kind, (0,))


@pytest.mark.parametrize("axis", [3, -4])
def test_an_axis_that_is_not_there_is_told(axis):
    model = Model()
    model.add("REVERSE_V2", [0, model.constant(axis)], model.activation(1, 5, 3))
    told(model.read, rf"reverses the axes \[{axis}\] of \(1, 5, 3\)")


def test_values_within_a_frame_are_not_turned_round():
    model = Model()
    model.add("REVERSE_V2", [0, model.constant(2)], model.activation(1, 5, 3))
    told(model.read, "one whole frame of a sequence or turns it round")


@pytest.mark.parametrize("name", ["RESHAPE", "SQUEEZE", "EXPAND_DIMS"])
@pytest.mark.parametrize("shape", [(5, 3), (1, 1, 5, 3), (5, 1, 3)])
def test_axes_of_one_come_and_go(name, shape):
    model = Model()
    model.reshape(*shape, name=name)
    assert nodes_of(model.read()) == [("Flatten", (0,), 1, 15)]  # of the result: nothing else is left


@pytest.mark.parametrize(("n_frames", "shape"), [(2, (1, 6)), (5, (15,)), (5, (1, 15)), (5, (1, 1, 15))])
def test_frames_are_put_in_a_row(n_frames, shape):
    model = Model(n_frames)
    model.reshape(*shape)
    model.add("RELU", [model.writer.at_hand], model.activation(*shape))
    row = 3 * n_frames
    assert nodes_of(model.read()) == [("Flatten", (0,), 1, row), ("Table", (1,), 1, row)]


@pytest.mark.parametrize(("n_frames", "shape"), [(5, (3, 5)), (4, (1, 2, 6)), (1, (3, 1)), (1, (1, 3, 1))])
def test_another_reshape_is_told(n_frames, shape):
    model = Model(n_frames)
    model.reshape(*shape)
    told(model.read, "RESHAPE, tensor .*: the engine only flattens")


@pytest.mark.parametrize("axis", [2, -1])
def test_frames_are_put_side_by_side(axis):
    model = Model()
    model.add("RELU", [0], other := model.activation(1, 5, 3))
    options = schema.ConcatenationOptionsT()
    model.add("CONCATENATION", [other, 0, 0], model.activation(1, 5, 9), options, axis=axis)
    assert nodes_of(model.read())[1] == ("Concatenate", (1, 0, 0), 5, 9)


def test_a_sequence_may_be_put_beside_nothing():
    model = Model()
    model.add("CONCATENATION", [0], model.activation(1, 5, 3), schema.ConcatenationOptionsT(), axis=2)
    assert nodes_of(model.read())[0] == ("Concatenate", (0,), 5, 3)


def test_what_is_not_put_side_by_side_is_told():
    for axis, shape in ((1, (1, 10, 3)), (0, (2, 5, 3)), (-2, (1, 10, 3)), (3, (1, 5, 6))):
        model = Model()
        model.add("CONCATENATION", [0, 0], model.activation(*shape), schema.ConcatenationOptionsT(), axis=axis)
        told(model.read, "the values of frames side by side, and nothing else")
    model = Model()
    model.slice((0, 4, 0), (1, 5, 3), (1, 1, 1), 1, 1, 3)
    inputs = [model.writer.at_hand, 0]
    model.add("CONCATENATION", inputs, model.activation(1, 5, 6), schema.ConcatenationOptionsT(), axis=2)
    told(model.read, "the values of frames side by side, and nothing else")
    model = Model()
    options = schema.ConcatenationOptionsT()
    model.add("CONCATENATION", [0, 0], model.activation(1, 5, 6), options, axis=2, fusedActivationFunction=1)
    told(model.read, "has an activation function")


def test_what_only_moves_values_must_not_change_their_quantization():
    def pool(model):
        model.tensors[0].shape = [1, 5, 3]
        model.reshape(1, 1, 5, 3)
        options = schema.Pool2DOptionsT()
        sizes = {"filterWidth": 1, "filterHeight": 1, "strideW": 1, "strideH": 1}
        model.add("MAX_POOL_2D", [model.writer.at_hand], model.activation(1, 1, 5, 3), options, **sizes)

    def largest(model):
        model.add("REDUCE_MAX", [0, model.constant(1)], model.activation(1, 3), schema.ReducerOptionsT())

    def join(model):
        options = schema.ConcatenationOptionsT()
        model.add("CONCATENATION", [0, 0], model.activation(1, 5, 6), options, axis=2)

    ways = (
        pool,
        largest,
        join,
        lambda model: model.reshape(1, 15),
        lambda model: model.slice((0, 4, 0), (1, 5, 3), (1, 1, 1), 1, 1, 3),
        lambda model: model.add("REVERSE_V2", [0, model.constant(1)], model.activation(1, 5, 3)),
    )
    for add in ways:
        model = Model()
        add(model)
        model.read()
        for other in (0.06, 3), (0.05, 4):
            last = model.tensors[model.writer.at_hand].quantization
            last.scale, last.zeroPoint = [other[0]], [other[1]]
            told(model.read, "is quantized otherwise than the operator's input")


@pytest.mark.parametrize("name", ["MEAN", "REDUCE_MAX"])
def test_frames_are_joined_to_one(name):
    model = Model()
    model.add(name, [0, model.constant(1)], model.activation(1, 3), schema.ReducerOptionsT())
    assert nodes_of(model.read()) == [("Mean" if name == "MEAN" else "Pool", (0,), 1, 3)]


def test_difference_and_sum_have_their_second_operands_sign():
    for name, sign in (("ADD", 1), ("SUB", -1)):
        model = Model()
        model.arithmetic(name, [0, 0], 1, 5, 3)
        assert model.read().nodes[0].layer.sign == sign
