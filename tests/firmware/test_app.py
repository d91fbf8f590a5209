"""The app: its modules on this machine, and that all of it, as an Arduino library, compiles for the board."""

import ctypes
import dataclasses
import hashlib
import json
import pathlib
import shutil
import subprocess

import numpy as np
import pytest

from schemas.classes import PRESETS
from schemas.front_end import FrontEnd, Standardisation
from ser_tinyml.audio.decode import Crop, decode_window
from ser_tinyml.audio.windows import find_speech
from ser_tinyml.codegen.bundle import collect_firmware, make_arduino_library
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.codegen.model_source import ModelInterface, make_sources
from tests.firmware.conftest import FIRMWARE, STRICT
from tests.firmware.random_models import make_small_model

APP = FIRMWARE / "app"
NANO = FIRMWARE / "boards" / "nano33ble"
MODULES = ("button", "json", "level", "offset", "ring", "smoothing", "text", "vad")  # need neither model nor front end
FRONT_END = FrontEnd()
LABELS = PRESETS["four"].labels
CORTEX_M4 = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=softfp", "-mfpu=fpv4-sp-d16", "-Os", "-ffunction-sections")
REAL_CLIPS = 100
LARGEST_FLOAT = float(np.finfo(np.float32).max)


class Decision(ctypes.Structure):
    """`ser_decision`."""

    _fields_ = (
        ("label", ctypes.c_uint32),
        ("n_labels", ctypes.c_uint32),
        ("labels", ctypes.POINTER(ctypes.c_char_p)),
        ("probabilities", ctypes.POINTER(ctypes.c_float)),
        ("milliseconds", ctypes.c_uint32),
        ("rms_db", ctypes.c_float),
        ("uncertain", ctypes.c_uint32),
        ("overruns", ctypes.c_uint32),
    )


class Level(ctypes.Structure):
    """`ser_level`."""

    _fields_ = (("squares", ctypes.c_uint64), ("n", ctypes.c_uint32))


@pytest.fixture(scope="session")
def modules(tmp_path_factory) -> ctypes.CDLL:
    library = tmp_path_factory.mktemp("modules") / "modules.so"
    sources = [APP / f"ser_{module}.c" for module in MODULES]
    subprocess.run(["cc", *STRICT, "-O2", "-shared", "-fPIC", *sources, "-lm", "-o", library], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.ser_level_db.restype = ctypes.c_float
    loaded.ser_vad_update.argtypes = ctypes.c_void_p, ctypes.c_float
    return loaded


@pytest.fixture(scope="session")
def arduino_library(tmp_path_factory) -> pathlib.Path:
    """The library's folder as a bundle has it: all sources side by side in `src`."""
    return write_library(tmp_path_factory.mktemp("arduino"), FRONT_END)


def write_library(folder: pathlib.Path, front_end: FrontEnd) -> pathlib.Path:
    model = make_small_model(front_end, n_labels=len(LABELS))
    interface = ModelInterface(LABELS, front_end, Standardisation.identity(front_end.n_features))
    generated = make_sources(model, interface, read_graph(model))
    colours = list(zip(LABELS, PRESETS["four"].leds, strict=True))
    no_dsp = {"Include/arm_math_types.h": b""}  # the front end, which needs it, is not compiled here
    library = make_arduino_library(collect_firmware(), generated, no_dsp, labels_and_leds=colours)
    for path, content in library.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder / "arduino" / "ser-tinyml"


@pytest.fixture(scope="session")
def objects(tmp_path_factory, arduino_library) -> pathlib.Path:
    """What arm-none-eabi-gcc makes of the app's sources and of the Arduino-specific one."""
    if not shutil.which("arm-none-eabi-gcc"):
        pytest.skip("arm-none-eabi-gcc is not installed")
    folder = tmp_path_factory.mktemp("objects")
    for path in APP.glob("*.c"):
        source = arduino_library / "src" / path.name
        command = ["arm-none-eabi-gcc", *CORTEX_M4, *STRICT, "-Wdouble-promotion", "-c", source]
        subprocess.run([*command, "-o", folder / f"{path.stem}.o"], check=True)
    compile_arduino(arduino_library / "src" / "ser_nano33ble.cpp", folder / "ser_nano33ble.o", arduino_library)
    return folder


def compile_arduino(source: pathlib.Path, output: pathlib.Path, library: pathlib.Path, *flags: str) -> None:
    """With the declarations in `firmware/tests` in the place of Arduino's core."""
    warnings = ("-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror")
    includes = (f"-I{library / 'src'}", f"-I{FIRMWARE / 'tests' / 'arduino_declarations'}")
    command = ["arm-none-eabi-g++", *CORTEX_M4, "-std=c++17", "-fno-exceptions", *warnings, *flags, *includes]
    subprocess.run([*command, "-c", source, "-o", output], check=True, capture_output=True, text=True)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_modules_hold_under_sanitizers(tmp_path, compiler):
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    sanitizers = ("-g", "-O1", "-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all")
    sources = [FIRMWARE / "tests" / "test_app_modules.c", *(APP / f"ser_{module}.c" for module in MODULES)]
    program = tmp_path / "test"
    command = [compiler, *STRICT, "-Wdouble-promotion", *sanitizers, f"-I{APP}", *sources, "-lm", "-o", program]
    subprocess.run(command, check=True)
    result = subprocess.run([program], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, 1e-30, 0.99996, 2 / 3, 12345.678, -12345.678, 99999.9])
def test_json_numbers_are_right_to_their_last_digit(modules, value):
    line = json.loads(write_json(modules, [value], value))
    assert abs(line["probabilities"]["a"] - value) <= 0.5e-4 + abs(value) * 2**-22
    assert abs(line["rms_db"] - value) <= 0.05 + abs(value) * 2**-22


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30, LARGEST_FLOAT, -LARGEST_FLOAT])
def test_json_has_null_for_what_is_no_number_of_its_range(modules, value):
    line = json.loads(write_json(modules, [value], value), parse_constant=pytest.fail)
    assert line["probabilities"]["a"] is None and line["rms_db"] is None


@pytest.mark.parametrize("uncertain", [False, True])
def test_json_tells_what_is_uncertain(modules, uncertain):
    assert json.loads(write_json(modules, [0.3], -30.0, uncertain=uncertain))["uncertain"] is uncertain


def test_json_counts_to_the_end_of_32_bits(modules):
    line = json.loads(write_json(modules, [1.0], -30.0, milliseconds=2**32 - 1, overruns=2**32 - 1))
    assert line["ms"] == line["overruns"] == 2**32 - 1


def test_json_keeps_labels_of_any_characters(modules):
    labels = ["".join(map(chr, range(1, 128))), 'a "quoted" \\ label', "Überraschung 驚き 😮", ""]
    line = json.loads(write_json(modules, [0.1, 0.2, 0.3, 0.4], -30.0, labels=labels, label=2))
    assert list(line["probabilities"]) == labels
    assert line["class"] == labels[2]


def write_json(
    modules, probabilities, rms_db, milliseconds=0, overruns=0, labels=("a",), label=0, uncertain=False
) -> bytes:
    n = len(labels)
    c_labels = (ctypes.c_char_p * n)(*(text.encode() for text in labels))
    c_probabilities = (ctypes.c_float * n)(*probabilities)
    decision = Decision(label, n, c_labels, c_probabilities, milliseconds, rms_db, uncertain, overruns)
    buffer = ctypes.create_string_buffer(4096)
    length = modules.ser_json_decision(ctypes.byref(decision), buffer, len(buffer))
    assert length == len(buffer.value) > 0
    assert buffer.value.count(b"\n") == 1 and buffer.value.endswith(b"\n")
    return buffer.value


def test_gate_opens_where_training_finds_speech(modules, real_corpora):
    rng = np.random.default_rng(0)
    early_or_late = 0
    for path in choose_recordings(real_corpora):
        speech = decode_window(str(path), Crop(0.0, 10.0), FRONT_END.sample_rate).samples
        begin, end = find_speech(speech, FRONT_END.sample_rate)
        speech *= 10 ** (-30 / 20) / np.sqrt(np.mean(np.square(speech[begin:end])))
        lead, hiss = 32_000, 10 ** (-75 / 20)
        samples = np.concatenate([np.zeros(lead), speech, np.zeros(32_000)])
        samples += hiss * rng.standard_normal(len(samples))
        gate = run_gate(modules, np.clip(np.round(32768 * samples), -32768, 32767).astype(np.int16))
        opened = 320 * (int(np.argmax(gate)) + 1) - 4 * 320  # where the gate takes speech to begin
        early_or_late += not gate.any() or abs(opened - (lead + begin)) > 0.1 * FRONT_END.sample_rate
        assert not gate[-1], f"{path.name}: the gate is still open 2 s after the recording"
    print(
        f"in {early_or_late} of {REAL_CLIPS} recordings the gate opens more than 0.1 s from where training finds speech"
    )
    assert early_or_late <= 0.1 * REAL_CLIPS


def run_gate(modules, samples: np.ndarray) -> np.ndarray:
    """int16 [samples] -> bool [blocks of 20 ms]."""
    vad = ctypes.create_string_buffer(256)
    modules.ser_vad_init(vad)
    blocks = samples[: len(samples) // 320 * 320].reshape(-1, 320)
    return np.array([bool(modules.ser_vad_update(vad, measure_level(modules, block))) for block in blocks])


def measure_level(modules, block: np.ndarray) -> float:
    level = Level(0, 0)
    modules.ser_level_add(ctypes.byref(level), block.ctypes.data_as(ctypes.c_void_p), len(block))
    return modules.ser_level_db(ctypes.byref(level))


def choose_recordings(real_corpora: pathlib.Path) -> list[pathlib.Path]:
    """Those with the smallest hashes of their names."""
    paths = [path for folder in ("ravdess", "tess") for path in (real_corpora / folder).rglob("*.flac")]
    return sorted(paths, key=lambda path: hashlib.sha256(path.name.encode()).digest())[:REAL_CLIPS]


@pytest.mark.needs("arm-none-eabi-g++")
def test_the_board_compiles_where_windows_share_frames(tmp_path):
    """As C++, too, whose compilers know no _Static_assert."""
    shared = dataclasses.replace(FRONT_END, window_samples=25_600, window_hop_samples=8_192, center=False)
    library = write_library(tmp_path, shared)
    compile_arduino(library / "src" / "ser_nano33ble.cpp", tmp_path / "board.o", library)


def test_library_and_sketch_compile_for_the_board(arduino_library, objects, tmp_path):
    assert {path.stem for path in objects.iterdir()} == {path.stem for path in APP.glob("*.c")} | {"ser_nano33ble"}
    # Arduino's builder makes C++ of a sketch by including Arduino.h first; its core for this board compiles it as C++14.
    sketch = tmp_path / "ser.cpp"
    sketch.write_text("#include <Arduino.h>\n" + (arduino_library / "examples" / "ser" / "ser.ino").read_text())
    compile_arduino(sketch, tmp_path / "ser.o", arduino_library, "-std=gnu++14")
    source = arduino_library / "src" / "ser_nano33ble.cpp"
    compile_arduino(source, tmp_path / "ser_nano33ble.o", arduino_library, "-std=gnu++14")


@pytest.mark.needs("arm-none-eabi-g++")
def test_a_sample_rate_that_the_nanos_microphone_lacks_is_an_error_of_the_compiler(arduino_library, tmp_path):
    header = arduino_library / "src" / "ser_model.h"
    shutil.copytree(arduino_library, tmp_path / "library")
    changed = tmp_path / "library" / "src" / "ser_model.h"
    changed.write_text(header.read_text().replace("#define SER_SAMPLE_RATE 16000", "#define SER_SAMPLE_RATE 8000"))
    source = tmp_path / "library" / "src" / "ser_nano33ble.cpp"
    with pytest.raises(subprocess.CalledProcessError) as failed:
        compile_arduino(source, tmp_path / "ser_nano33ble.o", tmp_path / "library")
    assert "the Nano's microphone has 16,000 or 41,667 Hz: train with such a --sample_rate" in failed.value.stderr


def test_board_keeps_less_than_3_kb_beside_the_ring_buffer(objects):
    report = subprocess.run(
        ["arm-none-eabi-size", *sorted(objects.iterdir())], check=True, capture_output=True, text=True
    ).stdout
    ram = {line.split()[-1]: int(line.split()[1]) + int(line.split()[2]) for line in report.splitlines()[1:]}
    assert {pathlib.Path(name).stem: bytes for name, bytes in ram.items() if bytes}.keys() == {"ser_nano33ble"}
    ring_bytes = 2 * (FRONT_END.window_samples + 1600 + FRONT_END.n_frames * FRONT_END.n_fft // 30)
    assert ring_bytes < sum(ram.values()) < ring_bytes + 3072


def test_app_calls_no_heap_no_stdio_and_no_double_arithmetic(objects):
    names = [objects / f"{path.stem}.o" for path in APP.glob("*.c")]
    report = subprocess.run(
        ["arm-none-eabi-nm", "--undefined-only", *names], check=True, capture_output=True, text=True
    )
    called = {line.split()[-1] for line in report.stdout.splitlines() if line.startswith(" ")}
    foreign = {name for name in called if not name.startswith("ser_")}
    assert foreign <= {"memcpy", "memset", "strcmp", "strlen", "strncmp", "log10f", "__aeabi_uldivmod", "__aeabi_ul2f"}
