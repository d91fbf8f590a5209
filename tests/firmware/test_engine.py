"""The generated engine against TFLM's own kernels: not one bit may differ."""

import json
import subprocess

import numpy as np
import pytest

from schemas.errors import UserError
from schemas.front_end import Standardisation
from ser_tinyml.audio.standardise import standardise
from ser_tinyml.codegen.engine_graph import Factor
from ser_tinyml.codegen.engine_plan import make_plan
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.codegen.tflite_file import name_operator
from ser_tinyml.runtimes.tflm import Tflm
from ser_tinyml.store.dataset import read_split
from tests.firmware.conftest import FIRMWARE, make_engine_sources
from tests.firmware.random_models import ModelWriter, random_windows


@pytest.fixture(scope="module")
def demo_int8(demo_root) -> bytes:
    return (demo_root / "export/ser_int8.tflite").read_bytes()


@pytest.mark.parametrize("seed", range(12))
def test_every_hidden_state_and_every_sum_has_tflms_bits(build_engine, seed):
    """Models without layers behind that would hide a bit: an LSTM's states of all frames, and a dense layer's many outputs."""
    rng = np.random.default_rng(seed)
    states, sums = ModelWriter(rng, 24, 3), ModelWriter(rng, 1, 64)
    states.add_lstm(48)
    states.add_flatten()
    sums.add_dense(250)
    for writer, count in ((states, 200), (sums, 2000)):
        content = writer.finish()
        engine, tflm = build_engine(content, "-O2"), Tflm(content)
        for window in random_windows(engine.graph, count, seed):
            np.testing.assert_array_equal(engine.invoke(window), tflm.invoke(window))


@pytest.mark.parametrize(("bits", "clip"), [(7, 0.0), (16, 0.0), (16, 10.0), (18, 0.0)])
def test_cell_states_of_any_power_of_two_have_tflms_bits(build_engine, bits, clip):
    """Coarse, most arguments of tanh are cut off; fine, what the input gate lets in saturates before it is added. A clip that
    does not fit 16 bits leaves out the lowest number of these."""
    writer = ModelWriter(np.random.default_rng(bits), 6, 3)
    lstm = writer.add_lstm(24)
    lstm.builtinOptions.cellClip = clip
    writer._graph.tensors[lstm.inputs[19]].quantization.scale = [2.0**-bits]
    writer.add_flatten()
    content = writer.finish()
    engine, tflm = build_engine(content, "-O2"), Tflm(content)
    for window in random_windows(engine.graph, 100, bits):
        np.testing.assert_array_equal(engine.invoke(window), tflm.invoke(window))


@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_random_windows_give_tflms_bits(build_engine, demo_int8, count):
    engine, tflm = build_engine(demo_int8, "-O2"), Tflm(demo_int8)
    windows = random_windows(engine.graph, count, 0)
    differ = [n for n, window in enumerate(windows) if (engine.invoke(window) != tflm.invoke(window)).any()]
    assert differ == []


def test_every_held_out_window_gives_tflms_bits(build_engine, demo_int8, demo_root):
    engine, tflm = build_engine(demo_int8, "-O2"), Tflm(demo_int8)
    for window in quantized_windows(demo_root, "test", engine.graph):
        np.testing.assert_array_equal(engine.invoke(window), tflm.invoke(window))


def test_a_frame_at_a_time_gives_the_bits_of_the_whole_window(build_engine, demo_int8):
    engine = build_engine(demo_int8, "-O2")
    for window in random_windows(engine.graph, 20, 1):
        whole = engine.invoke(window)
        engine.step(window[5])  # what reset forgets
        engine.reset()
        *early, last = [engine.step(frame) for frame in window]
        assert early == [None] * 46
        np.testing.assert_array_equal(last, whole)


def test_the_next_window_needs_no_reset(build_engine, demo_int8):
    engine = build_engine(demo_int8)
    first, second = random_windows(engine.graph, 2, 2)
    expected = engine.invoke(second)
    engine.reset()
    steps = [engine.step(frame) for frame in (*first, *second)]
    np.testing.assert_array_equal(steps[-1], expected)


def test_engine_is_clean_under_the_sanitizers(tmp_path, demo_int8):
    for name, text in make_engine_sources(demo_int8).items():
        (tmp_path / name).write_bytes(text)
    (tmp_path / "main.c").write_text(
        '#include "ser_engine.h"\nstatic int8_t window[SER_N_FRAMES * SER_N_FEATURES];\n'
        "int main(void) {\n  int8_t output[SER_N_LABELS];\n  unsigned seed = 1;\n"
        "  for (int n = 0; n < 50; ++n) {\n    for (unsigned i = 0; i < sizeof window; ++i) {\n"
        "      seed = seed * 1664525u + 1013904223u;\n      window[i] = (int8_t)(seed >> 24);\n    }\n"
        "    if (ser_engine_invoke(window, output)) return 1;\n  }\n  return 0;\n}\n"
    )
    for path in ("-DSER_PORTABLE", "-DSER_NATIVE"):
        sources = [tmp_path / "main.c", tmp_path / "ser_model.c", FIRMWARE / "engine/ser_kernels.c"]
        flags = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", path]
        flags += [f"-I{FIRMWARE / 'engine'}", f"-I{tmp_path}"]
        subprocess.run(["cc", *flags, *sources, "-o", tmp_path / "main"], check=True)
        subprocess.run([tmp_path / "main"], check=True)


def add_default_network(writer: ModelWriter) -> None:
    for units in (128, 64):
        writer.add_lstm(units)
    writer.add_slice(writer.n_frames - 1)
    for size in (64, 4):
        writer.add_dense(size)
    writer.add_softmax()


def add_odd_sizes(writer: ModelWriter) -> None:
    """Layers that fill no block of inputs and no tile of outputs, one of them with weights of 8 bits, one of two chunks."""
    writer.add_lstm(33)
    writer.weight_bits = 8
    writer.add_lstm(7)
    writer.weight_bits = 4
    writer.add_lstm(17)
    writer.add_flatten()
    writer.add_dense(21)


@pytest.mark.parametrize("path", ["-DSER_PORTABLE", "-DSER_NATIVE"])
@pytest.mark.parametrize(
    ("add_layers", "n_frames", "n_inputs"), [(add_default_network, 47, 16), (add_odd_sizes, 31, 5)]
)
def test_weights_of_four_bits_give_tflms_bits(build_engine, add_layers, n_frames, n_inputs, path):
    writer = ModelWriter(np.random.default_rng(11), n_frames, n_inputs)
    writer.weight_bits = 4
    add_layers(writer)
    content = writer.finish()
    engine, tflm = build_engine(content, "-O2", path), Tflm(content)
    windows = random_windows(engine.graph, 300, 0)
    found = [engine.invoke(window) for window in windows]
    np.testing.assert_array_equal(found, [tflm.invoke(window) for window in windows])
    assert len(np.unique(found, axis=0)) > 100


def test_weights_of_four_bits_are_two_to_a_byte():
    writer = ModelWriter(np.random.default_rng(1), 47, 16)
    writer.weight_bits = 4
    add_default_network(writer)
    plan = make_plan(read_graph(writer.finish()))
    steps = [step for step in (*plan.by_frame, *plan.by_window) if step.weights is not None]
    count = 128 * 4 * (16 + 128) + 64 * 4 * (128 + 64) + 64 * 64 + 4 * 64
    assert sum(step.weights.nbytes for step in steps) == count / 2 == 63_616
    assert sum(step.weights.nbytes + step.biases.nbytes for step in steps) < 70_000


def test_streaming_does_a_frames_work_for_a_frame(demo_int8):
    graph = read_graph(demo_int8)
    plan = make_plan(graph)
    per_frame = sum(step.layer.macs for step in plan.by_frame)
    assert graph.n_frames * per_frame + sum(step.layer.macs for step in plan.by_window) == graph.macs == 5_779_712
    assert [step.kind for step in plan.by_frame] == ["lstm", "lstm"]


def test_layers_behind_one_another_take_two_arrays_by_turns():
    writer = ModelWriter(np.random.default_rng(0), 40, 8)
    writer.add_convolution(8)
    for _ in range(5):
        writer.add_pool("MAX")
        writer.add_arithmetic("MUL")
    writer.add_mean()
    plan = make_plan(read_graph(writer.finish()))
    assert len(plan.by_window) == 12 and len(plan.slots) == 2


def test_a_layer_may_be_called_anything(build_engine):
    """Names of arrays are made of layers' names, and a name may end like an array's."""
    writer = ModelWriter(np.random.default_rng(0), 5, 3)
    for units in (4, 4):
        writer.add_lstm(units)
    writer.add_flatten()
    content = writer.finish()
    graph = read_graph(content).with_lstm_names(["lstm_output", "state.joint hidden"])
    assert b"int16_t layer_1_lstm_output_hidden[2][8];" in make_engine_sources(content, graph)["ser_model.c"]
    engine, tflm = build_engine(content, "-O1", graph=graph), Tflm(content)
    for window in random_windows(engine.graph, 8, 0):
        np.testing.assert_array_equal(engine.invoke(window), tflm.invoke(window))


def test_source_is_the_same_for_the_same_model(demo_int8):
    assert make_engine_sources(demo_int8) == make_engine_sources(demo_int8)


# ---- what the engine does not know ----


def test_unknown_operator_is_named_with_its_tensor():
    writer = ModelWriter(np.random.default_rng(0), 5, 3)
    writer.add_lstm(4)
    output = writer.add_activation((1, 5, 4))
    writer.add_operator("ELU", [writer.at_hand], output, None)
    with pytest.raises(
        UserError, match=rf"operator 1, ELU, tensor {output} \(tensor_{output}\): the engine knows only"
    ):
        read_graph(writer.finish())


def spoil(change) -> bytes:
    """A small model in which `change(tensors, operators)` has put something wrong."""
    writer = ModelWriter(np.random.default_rng(0), 5, 3)
    writer.add_lstm(4)
    writer.add_slice(4)
    writer.add_dense(2)
    change(writer._graph.tensors, writer._graph.operators)
    return writer.finish()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, o: setattr(t[o[0].inputs[1]], "type", 0), "operator 0, UNIDIRECTIONAL_S.*FLOAT32, expected INT8"),
        (lambda t, o: setattr(t[o[0].inputs[1]].quantization, "zeroPoint", [3]), "has a zero point, expected 0"),
        (lambda t, o: setattr(t[o[0].inputs[19]].quantization, "scale", [0.3]), "expected a power of two"),
        (lambda t, o: o[0].inputs.__setitem__(9, o[0].inputs[12]), "no peepholes"),
        (lambda t, o: setattr(o[0].builtinOptions, "fusedActivationFunction", 1), "with tanh only"),
        (lambda t, o: setattr(t[o[1].outputs[0]].quantization, "scale", [0.1, 0.2]), "operator 1, STRIDED_S.*per channel"),
        (lambda t, o: vars(o[1].builtinOptions).update(beginMask=1, shrinkAxisMask=4), "operator 1, ST.* one whole frame"),
        (lambda t, o: setattr(t[o[2].outputs[0]], "type", 3), "tensor .* is UINT8, expected INT8"),
        (lambda t, o: setattr(t[o[2].outputs[0]].quantization, "scale", [float("nan")]), "scale nan, expected a positive"),
        (lambda t, o: setattr(t[o[2].outputs[0]].quantization, "zeroPoint", [128]), "the zero point 128, expected -128 to"),
        (lambda t, o: setattr(t[o[2].outputs[0]].quantization, "zeroPoint", [7] * 99), "has 99 zero points, expected 1"),
        (lambda t, o: vars(t[o[2].outputs[0]]).update(name=b"two\nlines", type=3), r"\(two lines\): is UINT8"),
        (lambda t, o: setattr(t[o[1].outputs[0]].quantization, "zeroPoint", [99]), "quantized otherwise than the operator"),
        (lambda t, o: setattr(t[o[2].inputs[1]], "shape", [2, 5]), r"has 8 bytes, which are not those of INT8 of shape"),
        (lambda t, o: setattr(t[o[2].outputs[0]], "shape", [1, 3]), r"is of shape \(1, 3\), expected 1 frames of 2 values"),
        (lambda t, o: setattr(t[o[0].inputs[18]], "isVariable", False), "is no variable, expected a state"),
        (lambda t, o: setattr(t[o[0].inputs[18]], "shape", [1, 5]), r"is of shape \(1, 5\), expected \(1, 4\)"),
        (lambda t, o: o[2].inputs.__setitem__(1, 99), "operator 2, FULLY_CONNECTED: a tensor is missing"),
        (lambda t, o: setattr(o[1].builtinOptions, "beginMask", 7), "does not say which"),
    ],
)  # fmt: skip
def test_what_the_engine_lacks_is_named(change, message):
    with pytest.raises(UserError, match=message) as raised:
        read_graph(spoil(change))
    assert "\n" not in str(raised.value)


def write_over_time(change) -> bytes:
    """A small model of a convolution, a pool, a product and a concatenation, in which something was changed."""
    writer = ModelWriter(np.random.default_rng(1), 9, 3)
    writer.add_convolution(4)
    writer.add_pool("MAX")
    writer.add_arithmetic("MUL")
    writer.add_concatenation(writer.at_hand)
    writer.add_mean()
    operators = {name_operator(writer._model, operator): operator for operator in writer._graph.operators}
    change(writer._graph.tensors, operators)
    return writer.finish()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, o: setattr(t[o["CONV_2D"].inputs[1]], "shape", [4, 2, 2, 3]), "which are not those of INT8 of shape"),
        (lambda t, o: setattr(o["CONV_2D"].builtinOptions, "fusedActivationFunction", 4), "knows no activation but"),
        (lambda t, o: setattr(o["MAX_POOL_2D"].builtinOptions, "filterWidth", 0), "along one axis, time, only"),
        (lambda t, o: setattr(t[o["MAX_POOL_2D"].outputs[0]].quantization, "scale", [9.0]), "quantized otherwise"),
        (lambda t, o: setattr(o["CONCATENATION"].builtinOptions, "axis", 1), "side by side, and nothing else"),
        (lambda t, o: o["MEAN"].inputs.__setitem__(0, 0), "expected 1 frames of 3 values"),
    ],
)  # fmt: skip
def test_what_the_engine_lacks_over_time_is_named(change, message):
    with pytest.raises(UserError, match=message):
        read_graph(write_over_time(change))


def test_weight_of_minus_128_is_refused():
    writer = ModelWriter(np.random.default_rng(0), 5, 3)
    writer.add_lstm(4)
    index = writer._graph.operators[0].inputs[2]
    writer._model.buffers[writer._graph.tensors[index].buffer].data = np.full(12, -128, np.int8).tobytes()
    with pytest.raises(UserError, match="has the weight -128"):
        read_graph(writer.finish())


@pytest.mark.parametrize("factor", [1.0, 0.75, 2.0**-15, 1 - 2.0**-40, 3.3e-5])
def test_factor_is_the_nearest_of_31_bits(factor):
    found = Factor.of(factor)
    assert 2**30 <= found.multiplier < 2**31
    assert found.multiplier * 2.0 ** (found.shift - 31) == pytest.approx(factor, rel=2.0**-31)


def quantized_windows(root, split: str, graph) -> np.ndarray:
    """int8 [windows, frames, inputs]: a split of a run's records, as the int8 model takes them."""
    description = json.loads((root / "export/export.json").read_text())
    mfcc = np.stack([record.features for record in read_split(str(root / "examples"), split)])
    standardised = standardise(mfcc, Standardisation.from_dict(description["standardisation"]))
    return np.clip(np.round(standardised / graph.input.scale) + graph.input.zero_point, -128, 127).astype(np.int8)
