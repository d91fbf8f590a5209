"""A model that lies apart from the code: another takes its place in the image, and a wrong one is refused."""

import ctypes
import json
import pathlib
import struct
import subprocess
import zlib

import numpy as np
import pytest

from ser_tinyml.codegen.apart import VERSION
from ser_tinyml.codegen.cmsis_dsp import unpack_cmsis_dsp
from ser_tinyml.codegen.graph_reader import read_graph
from tests.firmware.conftest import FIRMWARE, STRICT, make_engine_sources
from tests.firmware.golden_models import GOLDEN
from tests.firmware.test_boards import (
    BOARD,
    FEATURES,
    FRONT_END,
    OUTPUTS,
    QEMU,
    build,
    configure,
    convolve_then_remember,
    generate,
    generated,  # noqa: F401  a fixture
    make_vectors,
    read_results,
    run,
    run_board,
    skip_without_tools,
)

EVERY_KIND_OF_LAYER = (
    *("many_units", "every_activation", "convolve_and_pool"),
    *("mean_of_frames", "both_ends_and_the_largest", "arithmetic_and_a_shortcut"),
)


@pytest.mark.parametrize("name", EVERY_KIND_OF_LAYER)
def test_engine_gives_the_golden_outputs_where_its_model_is_apart(tmp_path, name):
    for file, content in make_engine_sources((GOLDEN / f"{name}.tflite").read_bytes()).items():
        (tmp_path / file.replace("_apart", "")).write_bytes(content)  # which come behind those without
    golden, engine = np.load(GOLDEN / f"{name}.npz"), FIRMWARE / "engine"
    sources = tmp_path / "ser_model.c", engine / "ser_kernels.c", engine / "ser_apart.c"
    flags = (
        *STRICT,
        "-O1",
        "-shared",
        "-fPIC",
        f"-I{tmp_path}",
        f"-I{engine}",
        f'-DSER_MODEL_BIN="{tmp_path}/ser_model.bin"',
    )
    run("cc", *flags, *sources, "-o", tmp_path / "engine.so")
    library, output = ctypes.CDLL(str(tmp_path / "engine.so")), np.empty(golden["outputs"].shape[1:], np.int8)
    assert library.ser_engine_init() == 0
    library.ser_engine_invoke.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    for window, expected in zip(golden["windows"], golden["outputs"], strict=True):
        library.ser_engine_invoke(window.ctypes.data, output.ctypes.data)
        np.testing.assert_array_equal(output, expected)


@pytest.fixture(scope="module")
def cmsis_dsp(tmp_path_factory) -> pathlib.Path:
    return unpack_cmsis_dsp(tmp_path_factory.mktemp("cmsis_dsp"))


@pytest.fixture(scope="module")
def second(tmp_path_factory) -> pathlib.Path:
    """The sources of another training of the same network: other weights, scales and standardisation."""
    return generate(FRONT_END, tmp_path_factory.mktemp("second"), seed=1, deviation=31.0, quantization=(0.05, -9))


@pytest.fixture(scope="module")
def apart(tmp_path_factory, generated, cmsis_dsp) -> pathlib.Path:  # noqa: F811
    """The emulated board's build tree, with the model apart from the code."""
    skip_without_tools(BOARD)
    folder = tmp_path_factory.mktemp("apart")
    places = f"-DSER_GENERATED={generated}", f"-DCMSIS_DSP_DIR={cmsis_dsp}"
    configure(folder, f"-DSER_BOARD={BOARD}", "-DSER_MODEL=apart", *places)
    build(folder, "ser_firmware", "ser_replay")
    return folder


def put(model: bytes, image: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Returns a copy of an image with another model in it; nothing is compiled."""
    (folder / "ser_model.bin").write_bytes(model)
    run("arm-none-eabi-objcopy", "--update-section", f".ser_model={folder}/ser_model.bin", image, folder / image.name)
    return folder / image.name


def test_a_retrained_model_takes_the_first_ones_place_without_new_code(apart, generated, second, cmsis_dsp, tmp_path):  # noqa: F811
    vectors = make_vectors(
        np.random.default_rng(3).integers(-128, 128, (4, FEATURES), np.int8), np.zeros((4, OUTPUTS), np.int8)
    )
    results = {}
    configure(tmp_path / "inside", f"-DSER_BOARD={BOARD}", f"-DSER_GENERATED={second}", f"-DCMSIS_DSP_DIR={cmsis_dsp}")
    build(tmp_path / "inside", "ser_replay")
    put((second / "ser_model.bin").read_bytes(), apart / "ser_replay.elf", tmp_path)
    for name, folder in (("first", apart), ("swapped", tmp_path), ("second", tmp_path / "inside")):
        (tmp_path / "vectors.bin").write_bytes(vectors)
        run_board(folder, "--replay", "vectors.bin", f"{name}.bin", folder=tmp_path)
        results[name], costs, _ = read_results(tmp_path / f"{name}.bin")
        print(
            f"{name}: {costs[:, 0].mean():.0f} instructions for the features, {costs[:, 1].mean():.0f} for the layers"
        )
    np.testing.assert_array_equal(results["swapped"], results["second"])
    assert (results["first"] != results["second"]).any(axis=1).all()
    assert (results["first"][:, :FEATURES] != results["second"][:, :FEATURES]).any()


def of_other_labels(generated: pathlib.Path, folder: pathlib.Path) -> bytes:  # noqa: F811
    return (
        generate(FRONT_END, folder, labels=("calm", "happy", "surprise", "unpleasant")) / "ser_model.bin"
    ).read_bytes()


def of_other_layers(generated: pathlib.Path, folder: pathlib.Path) -> bytes:  # noqa: F811
    return (generate(FRONT_END, folder, convolve_then_remember, seed=3) / "ser_model.bin").read_bytes()


def of_another_version(generated: pathlib.Path, folder: pathlib.Path) -> bytes:  # noqa: F811
    model = (generated / "ser_model.bin").read_bytes()
    return model[:4] + struct.pack("<I", VERSION + 1) + model[8:]


def with_a_byte_flipped(generated: pathlib.Path, folder: pathlib.Path) -> bytes:  # noqa: F811
    model = bytearray((generated / "ser_model.bin").read_bytes())
    model[len(model) // 2] ^= 1
    return bytes(model)


def erased(generated: pathlib.Path, folder: pathlib.Path) -> bytes:  # noqa: F811
    return b"\xff" * len((generated / "ser_model.bin").read_bytes())


WRONG = {
    erased: (3, "model refused: there is none in its section"),
    of_another_version: (4, "model refused: its format has another version than this firmware's"),
    of_other_labels: (5, "model refused: it has other layers, labels or features than this firmware"),
    of_other_layers: (5, "model refused: it has other layers, labels or features than this firmware"),
    with_a_byte_flipped: (6, "model refused: it is damaged, its checksum is wrong"),
}


@pytest.mark.parametrize("make_wrong", WRONG, ids=lambda function: function.__name__)
def test_a_wrong_model_is_refused_at_start_and_never_run(apart, generated, tmp_path, make_wrong):  # noqa: F811
    code, reason = WRONG[make_wrong]
    (tmp_path / "other").mkdir()
    model = make_wrong(generated, tmp_path / "other")
    replay, firmware = (put(model, apart / f"{name}.elf", tmp_path) for name in ("ser_replay", "ser_firmware"))
    result = run_board(replay.parent, "--golden", "none.bin", folder=tmp_path, check=False)
    assert (result.returncode, result.stderr) == (1, f"the engine can't be initialised: {reason}\n")
    command = [*QEMU, "-monitor", "none", "-serial", "stdio", "-kernel", firmware]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        line = process.stdout.readline()
        process.kill()
    assert json.loads(line) == {"error": reason, "code": code}


def test_the_checksum_is_zlibs(generated):  # noqa: F811
    model = (generated / "ser_model.bin").read_bytes()
    magic, version, size, crc = struct.unpack_from("<4sIII", model)
    assert (magic, version, size, crc) == (b"SERM", VERSION, len(model), zlib.crc32(model[16:]))


def test_the_code_is_the_same_for_every_training(generated, second):  # noqa: F811
    """However Keras has named its layers then."""
    content = (GOLDEN / "stack_three_lstms.tflite").read_bytes()
    renamed = make_engine_sources(content, read_graph(content).with_lstm_names(["lstm_7", "lstm_8", "lstm_9"]))
    for name in ("ser_model_apart.c", "ser_model_apart.h"):
        assert (generated / name).read_bytes() == (second / name).read_bytes()
        assert make_engine_sources(content)[name] == renamed[name]
    assert (generated / "ser_model.bin").read_bytes() != (second / "ser_model.bin").read_bytes()
