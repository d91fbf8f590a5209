"""Where a plan keeps what layers give; that the engine then gives TFLM's bits; and that no layer reaches beyond an array."""

import dataclasses
import re

import numpy as np
import pytest
from tensorflow.lite.python import schema_py_generated as schema

from ser_tinyml.codegen.engine_plan import Buffer, Plan, Step, make_plan
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.runtimes.tflm import Tflm
from tests.firmware.conftest import GraphEngine
from tests.firmware.random_models import ModelWriter, make_random_model, make_random_network, random_windows

# ---- buffers ----


@pytest.mark.parametrize(
    ("n_values", "before", "n_frames", "behind", "stride", "size"),
    [
        (1, 0, 1, 0, 4, 8),
        (13, 0, 1, 0, 16, 16),  # a vector: read in blocks of 8 from its begin
        (16, 0, 1, 0, 16, 16),
        (17, 0, 1, 0, 20, 24),
        (4, 0, 2, 0, 4, 16),  # its last frame begins at 4, and a block from there ends at 12
        (8, 0, 2, 0, 8, 24),
        (4, 0, 5, 0, 4, 24),
        (4, 1, 5, 0, 4, 32),
        (4, 0, 5, 1, 4, 32),
        (4, 1, 3, 1, 4, 24),
        (4, 2, 4, 3, 4, 40),
    ],
)
def test_array_holds_its_frames_and_what_a_block_reads_behind_them(n_values, before, n_frames, behind, stride, size):
    buffer = Buffer(place="array", n_values=n_values, before=before, n_frames=n_frames, behind=behind)
    assert (buffer.stride, buffer.size) == (stride, size)
    assert buffer.stride * (before + n_frames + behind - 1) + 8 * -(-n_values // 8) <= size


def evaluate(expression: str, **variables: int) -> tuple[str, int]:
    """Returns the array of a C expression, and the place in it."""
    array, _, offset = expression.partition(" + ")
    return array, eval(offset or "0", {}, variables)


@pytest.mark.parametrize("before", [0, 2])
@pytest.mark.parametrize("shift", [-1, 0, 1])
@pytest.mark.parametrize("step", [1, 3])
def test_frames_are_found_by_their_numbers_and_by_a_variable(before, shift, step):
    buffer = Buffer(place="array", n_values=6, n_frames=30, before=before)
    for frame in range(8):
        expected = "array", 8 * (step * frame + shift + before)
        assert evaluate(buffer.at(frame, shift=shift, step=step)) == expected
        assert evaluate(buffer.at("t", shift=shift, step=step), t=frame) == expected


def test_first_frame_of_an_array_is_the_array():
    buffer = Buffer(place="array", n_values=6, n_frames=30)
    assert buffer.at() == buffer.at(0) == "array"
    assert buffer.at("t") == "array + 8 * t"
    assert buffer.at(1) == "array + 8" == dataclasses.replace(buffer, before=1).at()


# ---- plans ----


def convolve(taps: int, outputs: int = 4, *, stride: int = 1, dilation: int = 1, same: bool = True):
    """Returns what adds a convolution, as ModelWriter does, but not of drawn sizes."""

    def add(writer: ModelWriter) -> None:
        options = schema.Conv2DOptionsT()
        options.padding = schema.Padding.SAME if same else schema.Padding.VALID
        options.strideW, options.strideH, options.dilationWFactor, options.dilationHFactor = 1, stride, 1, dilation
        writer._add_axis(False)
        weights = writer.add_weights((outputs, taps * writer.n_features), 1.0, per_channel=True)
        writer._graph.tensors[weights].shape = [outputs, taps, 1, writer.n_features]
        made = writer._count_frames(options.padding, (taps - 1) * dilation + 1, stride)
        output = writer.add_activation((1, made, 1, outputs))
        writer.add_operator("CONV_2D", [writer.at_hand, weights, -1], output, options)
        writer.n_frames, writer.n_features = made, outputs
        writer._drop_axis()

    return add


def lstm(units: int):
    return lambda writer: writer.add_lstm(units)


def dense(outputs: int):
    return lambda writer: writer.add_dense(outputs)


def take(frame: int):
    return lambda writer: writer.add_slice(frame % writer.n_frames)


def add_shortcut(writer: ModelWriter) -> None:
    """An LSTM whose states are added to what it takes."""
    before = writer.at_hand
    writer.add_lstm(writer.n_features)
    writer.add_arithmetic("ADD", other=before)


def add_constant(*shape: int, first: bool = False):
    def add(writer: ModelWriter) -> None:
        values = 9 * np.arange(np.prod(shape, dtype=int)).reshape(shape) + 5
        other = writer.add_tensor(shape, schema.TensorType.INT8, 0.03, -7, values)
        output = writer.add_activation((1, writer.n_frames, writer.n_features))
        operands = [other, writer.at_hand] if first else [writer.at_hand, other]
        writer.add_operator("SUB", operands, output, schema.SubOptionsT())

    return add


def add_its_last_frame(writer: ModelWriter) -> None:
    """To each frame."""
    frames = writer.at_hand
    writer.add_slice(writer.n_frames - 1)
    last = writer.at_hand
    output = writer.add_activation((1, writer.n_frames, writer.n_features))
    writer.add_operator("ADD", [last, frames], output, schema.AddOptionsT())


def add_lstm_of_which_two_frames_are_taken(writer: ModelWriter) -> None:
    writer.add_lstm(4)
    states = writer.at_hand
    writer.add_slice(writer.n_frames - 1)
    last, writer.at_hand = writer.at_hand, states
    writer.add_slice(writer.n_frames - 1)
    writer.add_concatenation(last)


flatten, reverse, largest = ModelWriter.add_flatten, ModelWriter.add_reverse, ModelWriter.add_largest


@dataclasses.dataclass(frozen=True)
class Case:
    """Layers, and what their plan is like: `kept` is what a frame leaves for the window's end, `window` what then runs."""

    adds: tuple
    n_frames: int
    n_inputs: int
    by_frame: str
    kept: str
    window: tuple[str, ...]
    result: str
    slots: tuple[int, ...] = ()


CASES = {
    "the last state is still there": Case(
        (lstm(3), take(-1), dense(2)),
        6,
        3,
        "lstm",
        "",
        ("3 dense layer_1_lstm_hidden[next] to slot_0",),
        "slot_0",
        (8,),
    ),
    "the last state is the result": Case((lstm(3), take(-1)), 6, 3, "lstm", "", (), "layer_1_lstm_hidden[next]"),
    "the last frame is the result": Case((dense(3), take(-1)), 6, 3, "dense", "", (), "layer_1_dense_output"),
    "an earlier state is kept": Case(
        (lstm(3), take(1), dense(2)), 6, 3, "lstm", "frame 1", ("3 dense joint to slot_0",), "slot_0", (8,)
    ),
    "an earlier state is the result": Case((lstm(3), take(-2)), 6, 3, "lstm", "frame 4", (), "joint"),
    "states in a row": Case(
        (lstm(3), flatten, dense(2)), 6, 3, "lstm", "row of 18, 3 apart", ("3 dense joint to slot_0",), "slot_0", (8,)
    ),
    "layers of each frame": Case(
        (lstm(5), dense(4), ModelWriter.add_softmax, lstm(2), largest),
        7,
        3,
        "lstm dense softmax lstm",
        "7 frames, 4 apart",
        ("5 pool joint to slot_0",),
        "slot_0",
        (8,),
    ),
    "a constant of one frame": Case(
        (add_constant(1, 1, 3), lstm(2), largest),
        5,
        3,
        "sum lstm",
        "5 frames, 4 apart",
        ("3 pool joint to slot_0",),
        "slot_0",
        (8,),
    ),
    "a constant of one value": Case((add_constant(), take(-1)), 3, 5, "sum", "", (), "layer_1_sum_output"),
    "a constant before a value": Case(
        (add_constant(2, first=True), take(-1)), 3, 2, "sum", "", (), "layer_1_sum_output"
    ),
    "a constant of each of two frames": Case(
        (add_constant(2, 2, first=True), reverse, largest),
        2,
        2,
        "",
        "2 frames, 4 apart",
        ("1 sum joint to slot_0", "2 reverse slot_0 to slot_1", "3 pool slot_1 to slot_0"),
        "slot_0",
        (16, 16),
    ),
    "a frame beside each": Case(
        (reverse, add_its_last_frame, largest),
        4,
        3,
        "",
        "4 frames, 4 apart",
        ("1 reverse joint to slot_0", "3 sum slot_0 + 12 and slot_0 to slot_1", "4 pool slot_1 to slot_0"),
        "slot_0",
        (24, 24),
    ),
    "a constant of each frame": Case(
        (lstm(3), add_constant(1, 5, 3), largest),
        5,
        3,
        "lstm",
        "5 frames, 4 apart",
        ("2 sum joint to slot_0", "3 pool slot_0 to slot_1"),
        "slot_1",
        (24, 8),
    ),
    "a value of two layers": Case(
        (lstm(3), add_shortcut, largest),
        5,
        3,
        "lstm",
        "5 frames, 4 apart",
        ("2 lstm joint to slot_0 + 4", "3 sum slot_0 + 4 and joint to slot_1", "4 pool slot_1 to slot_0"),
        "slot_0",
        (32, 24),
    ),
    "zeros on both sides": Case(
        (convolve(4), take(-1)),
        6,
        3,
        "",
        "6 frames, 4 apart, 1 before, 2 behind",
        ("1 convolution joint + 4 to slot_0",),
        "slot_0 + 20",
        (32,),
    ),
    "no zeros where there is no padding": Case(
        (convolve(3, stride=2, dilation=2, same=False), take(1)),
        10,
        5,
        "",
        "10 frames, 8 apart",
        ("1 convolution joint to slot_0",),
        "slot_0 + 4",
        (16,),
    ),
    "zeros behind alone": Case(
        (convolve(3, stride=2), lstm(3), take(-1)),
        8,
        3,
        "",
        "8 frames, 4 apart, 1 behind",
        ("1 convolution joint to slot_0", "2 lstm slot_0 to layer_2_lstm_hidden[0]"),
        "layer_2_lstm_hidden[0]",
        (24,),
    ),
    "the last state of an odd number": Case(
        (convolve(3, stride=2), lstm(3), take(-1), dense(2)),
        9,
        3,
        "",
        "9 frames, 4 apart, 1 before, 1 behind",
        (
            "1 convolution joint + 4 to slot_0",
            "2 lstm slot_0 to layer_2_lstm_hidden[1]",
            "4 dense layer_2_lstm_hidden[1] to slot_0",
        ),
        "slot_0",
        (24,),
    ),
    "an earlier state of a window": Case(
        (convolve(3), lstm(3), take(2)),
        9,
        3,
        "",
        "9 frames, 4 apart, 1 before, 1 behind",
        ("1 convolution joint + 4 to slot_0", "2 lstm slot_0 to slot_1 + 4"),
        "slot_1 + 12",
        (40, 48),
    ),
    "the last state of a window, twice": Case(
        (convolve(3, same=False), add_lstm_of_which_two_frames_are_taken),
        7,
        3,
        "",
        "7 frames, 4 apart",
        (
            "1 convolution joint to slot_0",
            "2 lstm slot_0 to slot_1 + 4",
            "5 concatenate slot_1 + 20 and slot_1 + 20 to slot_0",
        ),
        "slot_0",
        (24, 32),
    ),
    "all states of a window, for a convolution": Case(
        (convolve(2), lstm(3), convolve(4), take(-1)),
        9,
        3,
        "",
        "9 frames, 4 apart, 1 behind",
        ("1 convolution joint to slot_0", "2 lstm slot_0 to slot_1 + 4", "3 convolution slot_1 + 4 to slot_0"),
        "slot_0 + 32",
        (40, 56),
    ),
    "convolutions by turns": Case(
        (convolve(3), convolve(3), convolve(5), convolve(5), flatten),
        9,
        4,
        "",
        "9 frames, 4 apart, 1 before, 1 behind",
        (
            "1 convolution joint + 4 to slot_0 + 4",
            "2 convolution slot_0 + 4 to slot_1 + 8",
            "3 convolution slot_1 + 8 to slot_0 + 8, zeros at slot_0 (8) and slot_0 + 44 (8)",
            "4 convolution slot_0 + 8 to slot_1",
        ),
        "slot_1",
        (56, 56),
    ),
    "frames of three values in a row": Case(
        (reverse, flatten, dense(2)),
        5,
        3,
        "",
        "5 frames, 4 apart",
        ("1 reverse joint to slot_0", "2 flatten slot_0 to slot_1", "3 dense slot_1 to slot_0"),
        "slot_0",
        (24, 16),
    ),
    "frames of four values lie in a row": Case(
        (reverse, flatten, dense(2)),
        5,
        4,
        "",
        "5 frames, 4 apart",
        ("1 reverse joint to slot_0", "3 dense slot_0 to slot_1"),
        "slot_1",
        (24, 8),
    ),
    "a frame that a convolution takes with zeros around it": Case(
        (
            reverse,
            take(1),
            lambda writer: writer._reshape((1, 1, 3)),
            lambda writer: setattr(writer, "n_frames", 1),
            convolve(3),
        ),
        5,
        3,
        "",
        "5 frames, 4 apart",
        ("1 reverse joint to slot_0", "2 take_frame slot_0 to slot_1 + 4", "3 convolution slot_1 + 4 to slot_0"),
        "slot_0",
        (24, 16),
    ),
}


def make_case(case: Case) -> bytes:
    writer = ModelWriter(np.random.default_rng(1), case.n_frames, case.n_inputs)
    for add in case.adds:
        add(writer)
    return writer.finish()


def name_place(place: str) -> str:
    return place.removeprefix("state.")


def describe_kept(plan: Plan) -> str:
    copy = plan.joint
    if copy is None:
        return ""
    if copy.frame is not None:
        return f"frame {copy.frame}"
    if copy.buffer.n_frames == 1:
        return f"row of {copy.buffer.n_values}, {copy.stride} apart"
    ends = [(copy.buffer.before, "before"), (copy.buffer.behind, "behind")]
    return ", ".join([f"{copy.buffer.n_frames} frames, {copy.stride} apart", *(f"{n} {end}" for n, end in ends if n)])


def describe_step(step: Step) -> str:
    sources = " and ".join(name_place(source.at()) for source in step.sources)
    zeros = " and ".join(f"{name_place(place)} ({count})" for place, count in step.clears)
    output = name_place(step.output.at())
    return f"{step.number} {step.kind} {sources} to {output}" + (f", zeros at {zeros}" if zeros else "")


@pytest.mark.parametrize("name", CASES)
def test_layers_run_as_frames_come_or_when_the_window_is_whole(name):
    case = CASES[name]
    plan = make_plan(read_graph(make_case(case)))
    assert " ".join(step.kind for step in plan.by_frame) == case.by_frame
    assert [step.number for step in plan.by_frame] == list(range(1, len(plan.by_frame) + 1))
    assert describe_kept(plan) == case.kept
    assert tuple(map(describe_step, plan.by_window)) == case.window
    assert name_place(plan.result) == case.result
    assert plan.slots == case.slots
    assert plan.has_lstm == ("lstm" in case.by_frame)


@pytest.mark.needs("cc")
@pytest.mark.parametrize("name", CASES)
def test_engine_has_tflms_bits_wherever_its_values_are_kept(name, tmp_path):
    content = make_case(CASES[name])
    engine, tflm = GraphEngine(content, tmp_path, ("-O0",)), Tflm(content)
    for window in random_windows(engine.graph, 6, 0):
        np.testing.assert_array_equal(engine.invoke(window), tflm.invoke(window))


# ---- memory ----


@pytest.mark.parametrize(("units", "cells"), [(1, 2), (2, 2), (5, 6), (6, 6), (9, 10)])
def test_cell_states_fill_whole_words(units, cells):
    (step,) = make_plan(read_graph(make_case(Case((lstm(units), take(-1)), 4, 2, "", "", (), "")))).by_frame
    assert step.n_cells == cells


def list_sizes(plan: Plan) -> dict[str, int]:
    """Returns how many values each array has, as the template declares them."""
    sizes = {f"state.slot_{number}": size for number, size in enumerate(plan.slots)} | {"state.input": plan.input.size}
    if plan.joint:
        sizes["state.joint"] = plan.joint.buffer.size
    for step in (*plan.by_frame, *plan.by_window):
        if step.kind == "lstm":
            sizes |= {f"state.{step.name}_hidden[{which}]": step.padded_outputs for which in ("next", 0, 1)}
        if step in plan.by_frame and step.owns_output:
            sizes[step.output.place] = step.output.size
        sizes |= {name: len(values) for name, values in step.constants}
    return sizes


def list_reaches(step: Step):
    """Yields (expression, values from there on) of all that a step reads and writes."""
    frames, layer = range(step.n_frames), step.layer
    if step.kind in ("lstm", "dense", "convolution"):
        stretch = getattr(layer, "stretch", None)
        shift, stride = (-stretch.before, stretch.stride) if stretch else (0, 1)
        for frame in frames if step.sources[0].n_frames > 1 else [0]:
            yield step.sources[0].at(frame, shift=shift, step=stride), step.padded_inputs
    else:
        for source in step.sources:
            yield source.at(), source.n_values
            yield source.at(source.n_frames - 1), source.n_values
    for frame in frames if step.output.n_frames > 1 else [0]:
        yield step.output.at(frame), step.output.n_values
    if step.keeps_frames:  # the hidden state before a frame is read in blocks
        for frame in frames:
            yield step.output.at(frame, shift=-1), step.padded_outputs
    yield from step.clears


@pytest.mark.parametrize("seed", range(20))
def test_no_layer_reaches_beyond_its_arrays(seed):
    for content in (make_random_network(seed), make_random_model(seed)):
        plan = make_plan(read_graph(content))
        sizes = list_sizes(plan)
        for step in (*plan.by_frame, *plan.by_window):
            for expression, count in list_reaches(step):
                array, place = evaluate(expression)
                assert 0 <= place <= place + count <= sizes[array], (step.name, expression, count)
            for place in range(len(step.constants) and 2):
                match = re.fullmatch(r"(.*), [01]", step.operand(place, 0))
                assert match and evaluate(match[1])[0] in sizes


@pytest.mark.parametrize("seed", range(20))
def test_what_a_layer_takes_is_not_written_over_before(seed):
    """Each array holds what the layer takes: its last writer is the layer that gave the value."""
    graph = read_graph(make_random_network(seed))
    plan = make_plan(graph)
    holder = {}
    for step in plan.by_window:
        for source, number in zip(step.sources, graph.nodes[step.number - 1].sources, strict=True):
            array = source.place.partition(" ")[0]
            if array.startswith("state.slot"):
                given = {each.number for each in plan.by_window if each.number <= number}
                assert holder[array] == max(given)
        assert step.owns_output or "hidden" in step.output.place
        if step.owns_output:
            holder[step.output.place] = step.number
