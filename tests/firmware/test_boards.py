"""The firmware as it is built: the host's program, and the emulated board's."""

import dataclasses
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import soxr

from schemas.front_end import PROSODY, FrontEnd, Standardisation
from schemas.vectors import Results, Vectors
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.codegen.model_source import ModelInterface, make_sources
from ser_tinyml.codegen.tflm_source import make_tflm_sources
from ser_tinyml.runtimes import device
from ser_tinyml.runtimes.stack import Stack
from ser_tinyml.runtimes.tflm import Tflm
from tests.firmware.conftest import FIRMWARE
from tests.firmware.random_models import ModelWriter

FRONT_END = FrontEnd()
LABELS = ("neutral", "happy", "surprise", "unpleasant")
REJECT_BELOW = 0.4
SAMPLES, FEATURES, OUTPUTS = FRONT_END.window_samples, FRONT_END.n_frames * FRONT_END.n_features, len(LABELS)
RESULT = FEATURES + 2 * OUTPUTS  # bytes of a record before its two costs
EMULATORS = device.read_emulators()
BOARD = "mps2_an386"  # of the tests that need one
WITHOUT_FPU = "mps2_an385", "virt_rv32"
QEMU = ("qemu-system-arm", "-M", "mps2-an386", "-nographic")
COUNTING = ("-icount", "shift=0")
RECORDING_ADDRESSES = {BOARD: "0x21000000", "virt_rv32": "0x81000000"}  # the memory in the place of a microphone


@pytest.fixture(scope="session")
def generated(tmp_path_factory) -> pathlib.Path:
    return generate(FRONT_END, tmp_path_factory.mktemp("generated"))


def add_small_network(writer: ModelWriter) -> None:
    writer.add_lstm(12)
    writer.add_slice(writer.n_frames - 1)


def generate(
    front_end: FrontEnd,
    folder: pathlib.Path,
    add_layers=add_small_network,
    seed=0,
    *,
    labels=LABELS,
    deviation=20.0,
    quantization=(0.04, 11),
) -> pathlib.Path:
    """Writes the sources that the exporter makes, of a random network with these layers and a softmax, and the int8 file."""
    writer = ModelWriter(np.random.default_rng(seed), front_end.n_frames, front_end.n_features, quantization)
    add_layers(writer)
    writer.add_dense(OUTPUTS)
    writer.add_softmax()
    content = writer.finish()
    (folder / "ser_int8.tflite").write_bytes(content)
    others = front_end.n_features - 1
    standardisation = Standardisation((-400.0, *[0.0] * others), (150.0, *[deviation] * others))
    interface = ModelInterface(labels, front_end, standardisation, reject_below=REJECT_BELOW)
    for name, text in make_sources(content, interface, read_graph(content)).items():
        (folder / name).write_bytes(text)
    return folder


@pytest.fixture(scope="session")
def host(tmp_path_factory, generated) -> pathlib.Path:
    """The host's build tree, with sanitizers; CMSIS-DSP is in it."""
    folder = tmp_path_factory.mktemp("host")
    configure(folder, f"-DSER_GENERATED={generated}", "-DSER_SANITIZE=ON", f"-DPython3_EXECUTABLE={sys.executable}")
    build(folder)
    return folder


@pytest.fixture(scope="session")
def cmsis_dsp(host) -> pathlib.Path:
    (folder,) = host.glob("cmsisdsp-*")
    return folder


@pytest.fixture(scope="session")
def board(tmp_path_factory, generated, cmsis_dsp) -> pathlib.Path:
    """The emulated Cortex-M4F's build tree."""
    skip_without_tools(BOARD)
    folder = tmp_path_factory.mktemp("board")
    configure(folder, f"-DSER_GENERATED={generated}", f"-DSER_BOARD={BOARD}", f"-DCMSIS_DSP_DIR={cmsis_dsp}")
    build(folder)
    return folder


def skip_without_tools(board: str) -> None:
    if missing := device.missing_tools(EMULATORS[board].tools):
        pytest.skip(f"{', '.join(missing)} not installed")


def configure(folder: pathlib.Path, *flags: str, source: pathlib.Path = FIRMWARE, check: bool = True):
    command = ["cmake", "-S", source, "-B", folder, "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON", *flags]
    return run(*command, check=check)


def build(folder: pathlib.Path, *targets: str) -> None:
    run("cmake", "--build", folder, "--parallel", "2", "--target", *(targets or ["all"]))


def run(*command, check: bool = True, **options) -> subprocess.CompletedProcess:
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, **options)
    assert not check or result.returncode == 0, result.stdout + result.stderr
    return result


def run_host(host: pathlib.Path, *arguments: object, check: bool = True, **options) -> subprocess.CompletedProcess:
    return run(host / "ser_host", *map(str, arguments), check=check, **options)


def run_board(board: pathlib.Path, *arguments: str, folder: pathlib.Path, flags=COUNTING, check: bool = True):
    """Runs ser_replay.elf on files in `folder`."""
    semihosting = ",".join(["enable=on", "target=native", *(f"arg={word}" for word in ("ser_replay", *arguments))])
    command = [*QEMU, *flags, "-semihosting-config", semihosting, "-kernel", board / "ser_replay.elf"]
    return run(*command, check=check, cwd=folder)


def make_sound(seconds: float, seed: int = 0) -> np.ndarray:
    """int16: a chirp that comes and goes, and noise."""
    time = np.arange(round(seconds * FRONT_END.sample_rate)) / FRONT_END.sample_rate
    chirp = np.sin(2 * np.pi * (200 + 150 * seed) * time * (1 + time / 4)) * (1 + np.sin(2 * np.pi * 4 * time))
    return (5000 * chirp + np.random.default_rng(seed).normal(0, 100, len(time))).astype("<i2")


# WAV files


def make_chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(content) if size is None else size) + content


def make_format(tag=1, channels=1, rate=16000, bits=16, block=None, byte_rate=None, extension=b"") -> bytes:
    block = channels * bits // 8 if block is None else block
    return struct.pack("<HHIIHH", tag, channels, rate, byte_rate or rate * block, block, bits) + extension


def make_wav(*chunks: bytes, size: int | None = None) -> bytes:
    return make_chunk(b"RIFF", b"WAVE" + b"".join(chunks), size)


def extend(valid_bits=16, tag=1, guid="000000001000800000aa00389b71") -> bytes:
    return struct.pack("<HHIH", 22, valid_bits, 4, tag) + bytes.fromhex(guid)


DATA = make_chunk(b"data", bytes(4))
BAD_WAVS = {
    "empty": (b"", "is not a RIFF/WAVE file"),
    "big-endian": (b"RIFX" + make_wav(make_chunk(b"fmt ", make_format()), DATA)[4:], "is not a RIFF/WAVE file"),
    "cut off": (
        make_wav(make_chunk(b"fmt ", make_format()), DATA)[:-1],
        "RIFF size is 40, expected 4 to 39: what the file has",
    ),
    "no format": (make_wav(DATA), "has no 'fmt ' chunk"),
    "no data": (make_wav(make_chunk(b"fmt ", make_format())), "has no 'data' chunk"),
    "short format": (make_wav(make_chunk(b"fmt ", bytes(14)), DATA), "fmt size is 14, expected at least 16"),
    "ADPCM": (make_wav(make_chunk(b"fmt ", make_format(tag=2)), DATA), "format is 2, expected 1 (PCM) or 3 (float)"),
    "12 bits": (
        make_wav(make_chunk(b"fmt ", make_format(bits=12)), DATA),
        "bits_per_sample is 12, expected 8, 16, 24 or 32",
    ),
    "float of 16 bits": (
        make_wav(make_chunk(b"fmt ", make_format(tag=3)), DATA),
        "bits_per_sample is 16, expected 32 or 64 of floats",
    ),
    "no rate": (make_wav(make_chunk(b"fmt ", make_format(rate=0)), DATA), "sample_rate is 0, expected at least 1"),
    "low rate": (
        make_wav(make_chunk(b"fmt ", make_format(rate=500)), DATA),
        "sample_rate is 500, expected 1000 to 192000",
    ),
    "not a number": (
        make_wav(make_chunk(b"fmt ", make_format(tag=3, bits=32)), make_chunk(b"data", struct.pack("<2f", 0, np.nan))),
        "sample 1 is not a finite number",
    ),
    "no channels": (make_wav(make_chunk(b"fmt ", make_format(channels=0)), DATA), "channels is 0, expected at least 1"),
    "block": (make_wav(make_chunk(b"fmt ", make_format(block=4)), DATA), "block_align is 4, expected 2"),
    "short extensible": (
        make_wav(make_chunk(b"fmt ", make_format(tag=0xFFFE)), DATA),
        "fmt size is 16, expected at least 40 of an extensible format",
    ),
    "extensible unknown": (
        make_wav(make_chunk(b"fmt ", make_format(tag=0xFFFE, extension=extend(guid="00" * 14))), DATA),
        "subformat is not that of a registered format tag, expected PCM's or float's",
    ),
    "no samples": (
        make_wav(make_chunk(b"fmt ", make_format()), make_chunk(b"data", b"")),
        "data size is 0, expected a multiple of 2 above 0",
    ),
    "half a frame": (
        make_wav(make_chunk(b"fmt ", make_format(channels=2)), make_chunk(b"data", bytes(6))),
        "data size is 6, expected a multiple of 4 above 0",
    ),
    "a byte too few": (
        make_wav(make_chunk(b"fmt ", make_format()), make_chunk(b"data", bytes(4), size=5)),
        "chunk before or at 'data' has 5 bytes, expected at most 4: what is left",
    ),
    "huge other chunk": (
        make_wav(make_chunk(b"LIST", bytes(4), size=0xFFFFFFFF), DATA),
        "chunk before or at 'fmt ' has 4294967295 bytes, expected at most 16: what is left",
    ),
}


@pytest.mark.parametrize(("content", "message"), BAD_WAVS.values(), ids=BAD_WAVS.keys())
def test_bad_wav_is_refused_in_one_line_that_names_the_field(host, tmp_path, content, message):
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    result = run_host(host, path, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"{path}: {message}\n")


def test_missing_wav_is_refused(host, tmp_path):
    result = run_host(host, tmp_path / "none.wav", check=False)
    assert (result.returncode, result.stderr) == (1, f"{tmp_path}/none.wav: No such file or directory\n")


def hear(host: pathlib.Path, *paths: pathlib.Path, **options) -> list[dict]:
    """Returns the decisions about files."""
    return [json.loads(line) for line in run_host(host, *paths, **options).stdout.splitlines()]


@pytest.fixture
def utterance() -> np.ndarray:
    """int16 [samples]: three seconds of speech between silence."""
    quiet = np.zeros(2 * FRONT_END.sample_rate, "<i2")
    return np.concatenate([quiet, make_sound(3), quiet])


def test_a_file_is_heard_as_a_board_that_is_left_running_hears_it(host, tmp_path, utterance):
    soundfile.write(tmp_path / "x.wav", utterance, FRONT_END.sample_rate)
    decisions = hear(host, tmp_path / "x.wav")
    assert decisions and all(2000 < decision["ms"] <= 6500 for decision in decisions)
    for decision in decisions:
        probabilities = decision["probabilities"]
        assert tuple(probabilities) == LABELS
        assert decision["class"] == max(probabilities, key=probabilities.__getitem__)
        assert decision["uncertain"] is (max(probabilities.values()) < REJECT_BELOW)
    soundfile.write(tmp_path / "x.wav", np.zeros_like(utterance), FRONT_END.sample_rate)
    assert hear(host, tmp_path / "x.wav") == []


def test_speech_that_ends_with_its_file_is_decided_about(host, tmp_path):
    quiet, rate = np.zeros(16_000, "<i2"), FRONT_END.sample_rate
    soundfile.write(tmp_path / "x.wav", np.concatenate([quiet, make_sound(0.3)]), rate)
    assert len(hear(host, tmp_path / "x.wav")) == 1


def write_piped(path: pathlib.Path, sound: np.ndarray, rate: int, size: int) -> None:
    """A WAV file whose writer did not know how long it would be."""
    form = make_chunk(b"fmt ", make_format(rate=rate))
    path.write_bytes(make_wav(form, make_chunk(b"data", sound.tobytes(), size), size=size))


@pytest.mark.parametrize(
    "encoding", ["PCM_24", "PCM_32", "FLOAT", "DOUBLE", "WAVEX", "three channels", "0", "0xffffffff", "0x7ffff000"]
)
def test_the_same_sound_is_heard_the_same_however_it_is_written(host, tmp_path, utterance, encoding):
    plain, other, rate = tmp_path / "plain.wav", tmp_path / "other.wav", FRONT_END.sample_rate
    soundfile.write(plain, utterance, rate)
    if encoding.startswith("0"):
        write_piped(other, utterance, rate, int(encoding, 16))
    elif encoding == "WAVEX":
        soundfile.write(other, utterance, rate, format="WAVEX")
    elif encoding == "three channels":
        apart = np.stack([utterance, utterance - 300, utterance + 300], axis=1)
        soundfile.write(other, apart, rate)
    else:
        soundfile.write(other, utterance / 32768, rate, subtype=encoding)
    assert run_host(host, other).stdout == run_host(host, plain).stdout != ""


@pytest.mark.parametrize(
    ("rate", "encoding"), [(48_000, "FLOAT"), (44_100, "PCM_16"), (22_050, "PCM_16"), (16_000, "PCM_U8")]
)
def test_other_rates_and_8_bits_are_heard_as_nearly_the_same(host, tmp_path, utterance, rate, encoding):
    soundfile.write(tmp_path / "plain.wav", utterance, FRONT_END.sample_rate)
    resampled = soxr.resample(utterance / 32768, FRONT_END.sample_rate, rate)
    soundfile.write(tmp_path / "other.wav", resampled, rate, subtype=encoding)
    plain, other = (hear(host, tmp_path / name) for name in ("plain.wav", "other.wav"))
    assert [decision["ms"] for decision in other] == [decision["ms"] for decision in plain]
    for first, second in zip(plain, other, strict=True):
        apart = [abs(first["probabilities"][label] - second["probabilities"][label]) for label in LABELS]
        assert max(apart) < 0.05


def test_stereo_is_heard_as_the_mean_of_its_channels(host, tmp_path):
    first, second = make_sound(2, 1), make_sound(2, 2)
    mean = np.rint((first.astype(int) + second) / 2).astype("<i2")
    soundfile.write(tmp_path / "stereo.wav", np.stack([first, second], axis=1), FRONT_END.sample_rate)
    soundfile.write(tmp_path / "mean.wav", mean, FRONT_END.sample_rate)
    assert hear(host, tmp_path / "stereo.wav") == hear(host, tmp_path / "mean.wav") != []


def test_of_several_files_each_line_names_its_file_and_a_bad_one_stops_no_other(host, tmp_path, utterance):
    names = ["a.wav", 'b"\\.wav', "missing.wav", "c.wav"]
    for name in names:
        if name != "missing.wav":
            soundfile.write(tmp_path / name, utterance, FRONT_END.sample_rate)
    result = run_host(host, *names, check=False, cwd=tmp_path)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 1 and result.stderr == "missing.wav: No such file or directory\n"
    alone = hear(host, tmp_path / "a.wav")
    assert lines == [{"file": name, **decision} for name in ("a.wav", 'b"\\.wav', "c.wav") for decision in alone]


def test_standard_input_is_heard(host, tmp_path, utterance):
    soundfile.write(tmp_path / "x.wav", utterance, FRONT_END.sample_rate)
    with (tmp_path / "x.wav").open("rb") as file:
        heard = subprocess.run([host / "ser_host", "-"], stdin=file, capture_output=True, text=True, check=True)
    assert heard.stdout == run_host(host, tmp_path / "x.wav").stdout


def test_help_says_what_there_is(host):
    shown = run_host(host, "--help").stdout
    assert all(word in shown for word in ("FILE...", "--replay VECTORS RESULTS", "--golden VECTORS"))


# Replay


def make_header(magic=b"SERV", version=2, count=1, samples=SAMPLES, features=FEATURES, outputs=OUTPUTS) -> bytes:
    return struct.pack("<4s5I", magic, version, count, samples, features, outputs)


def make_vectors(features: np.ndarray, outputs: np.ndarray) -> bytes:
    """Synthetic sound, with int8 [records, features] and int8 [records, outputs]."""
    records = zip(features, outputs, strict=True)
    return make_header(count=len(features)) + b"".join(
        b"\1" + make_sound(1.5, seed).tobytes() + row.tobytes() + output.tobytes()
        for seed, (row, output) in enumerate(records)
    )


def read_results(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """int8 [records, features and outputs], uint32 [records, 2] costs, uint32 [2] of the stack."""
    content = path.read_bytes()
    magic, version, count = struct.unpack_from("<4sII", content)
    assert (magic, version, len(content)) == (b"SERR", 2, 12 + count * (RESULT + 8) + 8)
    records = np.frombuffer(content, np.uint8, count * (RESULT + 8), 12).reshape(count, -1)
    costs = np.ascontiguousarray(records[:, RESULT:]).view("<u4")
    return records[:, :RESULT].view(np.int8), costs, np.frombuffer(content[-8:], "<u4")


@pytest.fixture(scope="session")
def replayed(host, tmp_path_factory) -> pathlib.Path:
    """vectors.bin of four windows with random features, and host.bin of what the host makes of them."""
    folder = tmp_path_factory.mktemp("replayed")
    features = np.random.default_rng(3).integers(-128, 128, (4, FEATURES), np.int8)
    (folder / "vectors.bin").write_bytes(make_vectors(features, np.zeros((4, OUTPUTS), np.int8)))
    run_host(host, "--replay", folder / "vectors.bin", folder / "host.bin")
    return folder


@pytest.fixture(scope="session")
def golden(replayed) -> bytes:
    """Vectors that the host agrees with."""
    results, _, _ = read_results(replayed / "host.bin")
    return make_vectors(results[:, :FEATURES], results[:, FEATURES + OUTPUTS :])


def test_host_and_board_give_the_same_features_and_outputs(replayed, board):
    run_board(board, "--replay", "vectors.bin", "board.bin", folder=replayed)
    of_host, nanoseconds, no_stack = read_results(replayed / "host.bin")
    of_board, instructions, stack = read_results(replayed / "board.bin")
    assert len(np.unique(of_host[:, FEATURES:], axis=0)) > 1
    np.testing.assert_array_equal(of_board, of_host)
    assert (nanoseconds > 0).all()
    assert (no_stack == 0).all()
    assert (instructions > 100_000).all()
    bound = Stack.of_build(board, "ser_firmware").bound("run_program")
    assert 100 < stack[1] <= stack[0] <= bound < 4096  # what ser_firmware.elf reserves


def convolve_then_remember(writer: ModelWriter) -> None:
    writer.add_convolution(13)
    writer.add_table("LEAKY_RELU")
    writer.add_pool("MAX")
    writer.add_arithmetic("MUL")
    writer.add_lstm(9)
    writer.add_pool("AVERAGE")
    writer.add_mean()


def listen_from_both_ends(writer: ModelWriter) -> None:
    writer.add_both_ways(7)
    before = writer.at_hand
    writer.add_lstm(14)
    writer.add_arithmetic("ADD", other=before)
    writer.add_largest()
    writer.add_dense(11)
    writer.add_table("TANH")


def remember_in_four_bits(writer: ModelWriter) -> None:
    """The default network, and two layers of odd sizes."""
    writer.weight_bits = 4
    for units in (128, 64, 33, 17):
        writer.add_lstm(units)
    writer.add_slice(writer.n_frames - 1)
    writer.add_dense(64)


@pytest.mark.parametrize(
    ("add_layers", "seed"), [(convolve_then_remember, 3), (listen_from_both_ends, 5), (remember_in_four_bits, 16)]
)
def test_layers_of_every_kind_have_tflms_bits_on_the_board(board, cmsis_dsp, tmp_path, add_layers, seed):
    """With seeds whose networks do not give the same for all windows."""
    (tmp_path / "generated").mkdir()
    generate(FRONT_END, tmp_path / "generated", add_layers, seed)
    places = f"-DSER_GENERATED={tmp_path / 'generated'}", f"-DCMSIS_DSP_DIR={cmsis_dsp}"
    configure(tmp_path / "build", "-DSER_BOARD=mps2_an386", *places)
    build(tmp_path / "build", "ser_replay")
    features = np.random.default_rng(5).integers(-128, 128, (8, FEATURES), np.int8)
    tflm = Tflm((tmp_path / "generated/ser_int8.tflite").read_bytes())
    expected = np.stack([tflm.invoke(row.reshape(FRONT_END.n_frames, -1)) for row in features])
    (tmp_path / "vectors.bin").write_bytes(make_vectors(features, expected))
    run_board(tmp_path / "build", "--replay", "vectors.bin", "results.bin", folder=tmp_path)
    results, _, _ = read_results(tmp_path / "results.bin")
    np.testing.assert_array_equal(results[:, FEATURES : FEATURES + OUTPUTS], expected)
    assert len(np.unique(expected, axis=0)) > 1


def test_outputs_are_of_the_vectors_features_and_of_the_features_from_audio(replayed, host, tmp_path):
    first, _, _ = read_results(replayed / "host.bin")
    of_next_record = np.roll(first[:, :FEATURES], -1, axis=0)
    (tmp_path / "vectors.bin").write_bytes(make_vectors(of_next_record, np.zeros((4, OUTPUTS), np.int8)))
    run_host(host, "--replay", tmp_path / "vectors.bin", tmp_path / "results.bin")
    results, _, _ = read_results(tmp_path / "results.bin")
    from_features, from_audio = results[:, FEATURES : FEATURES + OUTPUTS], results[:, FEATURES + OUTPUTS :]
    np.testing.assert_array_equal(results[:, :FEATURES], first[:, :FEATURES])
    np.testing.assert_array_equal(from_features, np.roll(from_audio, -1, axis=0))
    assert len(np.unique(from_audio, axis=0)) > 1


def test_golden_vectors_pass_on_host_and_board(host, board, golden, tmp_path):
    (tmp_path / "vectors.bin").write_bytes(golden)
    summary = (
        f"golden: of 4 records 0 outputs for given features differ, 0 classes from audio; "
        f"of {4 * FEATURES} features 0 differ, by at most 0\n"
    )
    assert run_host(host, "--golden", tmp_path / "vectors.bin").stdout == summary
    assert run_board(board, "--golden", "vectors.bin", folder=tmp_path).stdout == summary


@pytest.mark.parametrize("name", sorted(EMULATORS.keys() - {BOARD, *WITHOUT_FPU}))
def test_golden_vectors_pass_on_every_other_core(generated, cmsis_dsp, golden, tmp_path, name):
    """Cores with and without DSP extension and Helium: all give the host's bits."""
    skip_without_tools(name)
    configure(tmp_path, f"-DSER_GENERATED={generated}", f"-DSER_BOARD={name}", f"-DCMSIS_DSP_DIR={cmsis_dsp}")
    build(tmp_path, "ser_replay")
    (tmp_path / "vectors.bin").write_bytes(golden)
    shown = EMULATORS[name].run(tmp_path / "ser_replay.elf", "--golden", "vectors.bin").decode()
    assert shown.startswith("golden: of 4 records 0 outputs for given features differ")
    fused_multiply_adds = (
        "arduino" in name
    )  # are allowed there: golden vectors pass, to the step that they may differ by
    assert shown.endswith("features 0 differ, by at most 0\n") or fused_multiply_adds


@pytest.fixture(scope="session")
def replayed_in_integers(tmp_path_factory) -> tuple[pathlib.Path, Vectors, Results]:
    """Sources with prosody, four windows, and what the host makes of them by the front end in integers."""
    generated, host = tmp_path_factory.mktemp("with_prosody"), tmp_path_factory.mktemp("host_fixed")
    front_end = dataclasses.replace(FRONT_END, prosody=PROSODY)
    generate(front_end, generated)
    sound = np.stack([make_sound(1.5, seed) // 4**seed for seed in range(4)])
    shape = len(sound), front_end.n_frames * front_end.n_features
    features = np.random.default_rng(3).integers(-128, 128, shape, np.int8)
    vectors = Vectors(sound, features, np.zeros((len(sound), OUTPUTS), np.int8))
    configure(host, f"-DSER_GENERATED={generated}", "-DSER_FRONTEND=fixed")
    build(host, "ser_host")
    return generated, vectors, device.replay_on_host(host, vectors)


@pytest.mark.parametrize("name", WITHOUT_FPU)
def test_a_core_without_fpu_gives_the_bits_that_the_host_gives_in_integers(replayed_in_integers, tmp_path, name):
    """That is such a board's own choice, and takes no CMSIS-DSP."""
    skip_without_tools(name)
    generated, vectors, of_host = replayed_in_integers
    configure(tmp_path, f"-DSER_GENERATED={generated}", f"-DSER_BOARD={name}")
    build(tmp_path, "ser_replay")
    of_board = device.replay_on_board(EMULATORS[name], tmp_path, vectors)
    assert len(np.unique(of_host.features)) > 100
    np.testing.assert_array_equal(of_board.features, of_host.features)
    np.testing.assert_array_equal(of_board.from_features, of_host.from_features)
    np.testing.assert_array_equal(of_board.from_audio, of_host.from_audio)
    print(f"{name}: at most {of_board.frontend_cost.max():,} instructions a window")
    assert of_board.frontend_cost.max() < 20_000_000  # in floating point 180 million


def test_a_board_is_its_folder_and_nothing_else(generated, cmsis_dsp, golden, tmp_path):
    """A copy of a board's folder is a board: for CMake, and for Python."""
    skip_without_tools(BOARD)
    firmware = tmp_path / "firmware"
    shutil.copytree(FIRMWARE, firmware)
    shutil.copytree(firmware / "boards" / BOARD, firmware / "boards" / "another")
    places = f"-DSER_GENERATED={generated}", f"-DCMSIS_DSP_DIR={cmsis_dsp}"
    configure(tmp_path / "build", "-DSER_BOARD=another", *places, source=firmware)
    build(tmp_path / "build", "ser_replay")
    (tmp_path / "build" / "vectors.bin").write_bytes(golden)
    emulator = device.read_emulators(firmware)["another"]
    shown = emulator.run(tmp_path / "build" / "ser_replay.elf", "--golden", "vectors.bin").decode()
    assert shown.startswith("golden: ")


@pytest.mark.parametrize(("change", "differing", "status"), [((1, 10), 10, 0), ((1, 20), 20, 1), ((2, 1), 1, 1)])
def test_golden_features_may_differ_by_a_step_in_one_of_200(host, golden, tmp_path, change, differing, status):
    step, n_changed = change
    content = bytearray(golden)
    begin = 24 + 1 + 2 * SAMPLES
    features = np.frombuffer(content, np.int8, FEATURES, begin)
    inner = np.flatnonzero(np.abs(features.astype(int)) < 100)[:n_changed]
    features[inner] += np.int8(step)
    # The changed features' own output, so that nothing else is amiss.
    (tmp_path / "vectors.bin").write_bytes(content)
    run_host(host, "--replay", tmp_path / "vectors.bin", tmp_path / "results.bin")
    results, _, _ = read_results(tmp_path / "results.bin")
    output = results[0, FEATURES : FEATURES + OUTPUTS].tobytes()
    content[begin + FEATURES : begin + FEATURES + OUTPUTS] = output
    (tmp_path / "vectors.bin").write_bytes(content)
    result = run_host(host, "--golden", tmp_path / "vectors.bin", check=False)
    assert result.returncode == status
    assert f"{differing} differ, by at most {step}" in result.stdout + result.stderr


def test_golden_outputs_may_not_differ_at_all(host, golden, tmp_path):
    content = bytearray(golden)
    content[-1] ^= 1
    (tmp_path / "vectors.bin").write_bytes(content)
    result = run_host(host, "--golden", tmp_path / "vectors.bin", check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("not golden: of 4 records 1 outputs for given features differ")


BAD_VECTORS = {
    "empty": (b"", "is not a file of vectors: it does not begin with a header of magic SERV"),
    "magic": (make_header(magic=b"SERR"), "is not a file of vectors: it does not begin with a header of magic SERV"),
    "version": (make_header(version=1), "version is 1, expected 2"),
    "count": (make_header(count=0), "count is 0, expected at least 1"),
    "samples": (make_header(samples=16000), f"window_samples is 16000, expected {SAMPLES}"),
    "features": (make_header(features=47), f"n_features is 47, expected {FEATURES}"),
    "outputs": (make_header(outputs=7), f"n_outputs is 7, expected {OUTPUTS}"),
    "cut off": (make_header() + bytes(1 + 2 * SAMPLES + FEATURES + OUTPUTS - 1), "ends within record 0"),
}


@pytest.mark.parametrize(("content", "message"), BAD_VECTORS.values(), ids=BAD_VECTORS.keys())
def test_bad_vectors_are_refused_in_one_line(host, tmp_path, content, message):
    path = tmp_path / "vectors.bin"
    path.write_bytes(content)
    result = run_host(host, "--replay", path, tmp_path / "results.bin", check=False)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"{path}: {message}\n")


def test_the_board_refuses_bad_vectors_in_one_line(board, tmp_path):
    (tmp_path / "vectors.bin").write_bytes(make_header(outputs=7))
    result = run_board(board, "--replay", "vectors.bin", "results.bin", folder=tmp_path, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", "vectors.bin: n_outputs is 7, expected 4\n")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [([], 2), (["--other", "x"], 2), (["--replay"], 1), (["--golden"], 1), (["--replay", "x"], 1)],
)
def test_wrong_arguments_give_the_usage(host, arguments, status):
    result = run_host(host, *arguments, check=False)
    assert result.returncode == status
    assert result.stderr.startswith("usage: ")
    assert result.stderr.count("\n") == 1


def test_the_board_refuses_to_count_instructions_by_the_clock(replayed, board, tmp_path):
    result = run_board(board, "--replay", "vectors.bin", "results.bin", folder=replayed, flags=(), check=False)
    assert result.returncode == 1
    assert result.stderr == "the timer does not count instructions: run the emulator with -icount shift=0\n"


# TFLM, whose sources are not at hand: declarations of it, and a library that defines them and ends


@pytest.fixture(scope="module")
def with_tflm(generated, tmp_path_factory) -> pathlib.Path:
    """The generated sources with TFLM's beside them."""
    folder = tmp_path_factory.mktemp("with_tflm")
    shutil.copytree(generated, folder, dirs_exist_ok=True)
    for name, text in make_tflm_sources((generated / "ser_int8.tflite").read_bytes(), 14_368).items():
        (folder / name).write_bytes(text)
    return folder


def make_tflm_tree(root: pathlib.Path, with_tflm: pathlib.Path, *targets: str) -> None:
    """Builds the library for a Cortex-M4F into the folder of each target, as TFLM's own build names them."""
    shutil.copytree(FIRMWARE / "tests/tflm_declarations", root, dirs_exist_ok=True)
    compiler = (
        "arm-none-eabi-g++",
        "-mcpu=cortex-m4",
        "-mthumb",
        "-mfloat-abi=hard",
        "-mfpu=fpv4-sp-d16",
        "-std=c++17",
    )
    run(*compiler, "-c", f"-I{root}", f"-I{with_tflm}", root / "stand_in.cc", "-o", root / "stand_in.o")
    for target in targets:
        (root / "gen" / target / "lib").mkdir(parents=True)
        run("arm-none-eabi-ar", "rcs", root / "gen" / target / "lib/libtensorflow-microlite.a", root / "stand_in.o")


@pytest.mark.needs("arm-none-eabi-g++", "qemu-system-arm")
def test_tflms_library_is_chosen_by_core_and_links_and_a_small_arena_is_told(with_tflm, cmsis_dsp, golden, tmp_path):
    targets = ("cortex_m_generic_cortex-m0_default_gcc", "cortex_m_generic_cortex-m4+fp_default_cmsis_nn_gcc")
    make_tflm_tree(tmp_path / "tflm", with_tflm, *targets, "linux_x86_64_default_gcc")
    places = f"-DSER_GENERATED={with_tflm}", f"-DCMSIS_DSP_DIR={cmsis_dsp}", f"-DTFLM_ROOT={tmp_path / 'tflm'}"
    build_tree = tmp_path / "build"
    shown = configure(build_tree, *places, "-DSER_ENGINE=tflm", f"-DSER_BOARD={BOARD}").stdout
    assert f"TFLM: {tmp_path}/tflm/gen/{targets[1]}/lib/libtensorflow-microlite.a\n" in shown
    build(build_tree, "ser_firmware", "ser_replay")
    (build_tree / "vectors.bin").write_bytes(golden)
    result = run_board(build_tree, "--golden", "vectors.bin", folder=build_tree, check=False)
    assert result.returncode == 1
    assert "can't be initialised: arena too small: raise SER_TENSOR_ARENA_BYTES\n" in result.stderr


# Builds


def test_c_tests_pass_on_the_host(host):
    run("ctest", "--test-dir", host, "--output-on-failure")


SHORT_HOP = {
    "window_hop_samples": 3_900,
    "lead_samples": 800,
}  # than the gate's hangover; it ends within the blocks of 20 ms
SHARED_FRAMES = {"window_samples": 25_600, "window_hop_samples": 8_192, "center": False}
STREAMING = SHARED_FRAMES | {"window_samples": 9_728, "top_db": 0.0, "amin": 1e-6, "streaming": True}


LEARNING = {"cmvn_prior_windows": 8}


@pytest.mark.parametrize("kind", ["float", "fixed"])
@pytest.mark.parametrize("changes", [LEARNING, SHARED_FRAMES | LEARNING], ids=["windows", "shared frames"])
def test_the_app_learns_its_speaker_with_either_front_end(cmsis_dsp, tmp_path, changes, kind):
    (tmp_path / "generated").mkdir()
    generated = generate(dataclasses.replace(FRONT_END, **changes), tmp_path / "generated")
    places = f"-DSER_GENERATED={generated}", f"-DCMSIS_DSP_DIR={cmsis_dsp}"
    configure(tmp_path / "build", *places, f"-DSER_FRONTEND={kind}", "-DSER_SANITIZE=ON")
    build(tmp_path / "build", "test_app")
    run(tmp_path / "build" / "test_app")


@pytest.mark.parametrize(
    "changes", [SHORT_HOP, SHARED_FRAMES, STREAMING], ids=["short hop", "shared frames", "streaming"]
)
def test_the_app_decides_about_other_windows_where_hop_and_lead_are_others(cmsis_dsp, tmp_path, changes):
    front_end = dataclasses.replace(FRONT_END, **changes)
    (tmp_path / "generated").mkdir()
    generated = generate(front_end, tmp_path / "generated")
    assert f"#define SER_WINDOW_HOP_SAMPLES {front_end.window_hop_samples}" in (generated / "ser_model.h").read_text()
    configure(tmp_path / "build", f"-DSER_GENERATED={generated}", f"-DCMSIS_DSP_DIR={cmsis_dsp}", "-DSER_SANITIZE=ON")
    for name in ("test_app", "test_engine_failure"):
        build(tmp_path / "build", name)
        run(tmp_path / "build" / name)


def test_c_tests_pass_on_the_board(board):
    """Among them `instructions`: its counts of loops of known length."""
    shown = run("ctest", "--test-dir", board, "--output-on-failure").stdout
    assert "instructions" in shown


def check_that_the_device_needs_little(firmware: pathlib.Path) -> None:
    """No stdio, no heap, no double precision. binutils' nm reads every processor's files."""
    symbols = run("nm", "--format=just-symbols", firmware).stdout.split()
    assert "ser_engine_step" in symbols
    unwanted = ("printf", "fopen", "fwrite", "malloc", "_sbrk", "semihosting", "__aeabi_d", "__adddf3", "__muldf3")
    assert [symbol for symbol in symbols if any(part in symbol for part in unwanted)] == []


def check_that_the_device_hears(name: str, firmware: pathlib.Path, folder: pathlib.Path) -> None:
    """It decides about speech, and obeys and answers on its serial line meanwhile."""
    silence = np.zeros(FRONT_END.sample_rate, "<i2")
    recording = np.concatenate([silence, silence, make_sound(3), silence, silence])
    (folder / "recording.bin").write_bytes(struct.pack("<I", len(recording)) + recording.tobytes())
    loader = f"loader,file={folder}/recording.bin,addr={RECORDING_ADDRESSES[name]},force-raw=on"
    machine = EMULATORS[name].command[: -len(COUNTING)]
    command = [*machine, "-monitor", "none", "-serial", "stdio", "-device", loader, "-kernel", firmware]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        decisions = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.stdin.write(b"threshold 0.75\n")
        process.stdin.flush()
        answer = next(line for line in map(json.loads, process.stdout) if "threshold" in line)
        assert process.poll() is None  # a device goes on for ever
        process.kill()
    assert all(tuple(decision["probabilities"]) == LABELS for decision in decisions)
    assert all(2000 < decision["ms"] < 6500 for decision in decisions)
    assert (answer["running"], answer["threshold"]) == (True, 0.75)


def test_the_device_on_the_board_hears_and_needs_no_stdio_no_heap_and_no_double_precision(board, tmp_path):
    check_that_the_device_needs_little(board / "ser_firmware.elf")
    check_that_the_device_hears(BOARD, board / "ser_firmware.elf", tmp_path)


def test_the_device_on_rv32_hears_and_needs_no_stdio_no_heap_and_no_double_precision(generated, tmp_path):
    skip_without_tools("virt_rv32")
    configure(tmp_path, f"-DSER_GENERATED={generated}", "-DSER_BOARD=virt_rv32")
    build(tmp_path, "ser_firmware")
    check_that_the_device_needs_little(tmp_path / "ser_firmware.elf")
    check_that_the_device_hears("virt_rv32", tmp_path / "ser_firmware.elf", tmp_path)


def test_a_bundle_builds_by_itself(generated, cmsis_dsp, golden, tmp_path):
    bundle = tmp_path / "bundle with a space"
    shutil.copytree(FIRMWARE, bundle)
    shutil.copytree(generated, bundle / "generated")
    shutil.copytree(cmsis_dsp, bundle / "third_party" / "cmsis_dsp")
    (bundle / "golden").mkdir()
    (bundle / "golden" / "vectors.bin").write_bytes(golden)
    configure(bundle / "build", source=bundle)
    build(bundle / "build")
    shown = run("ctest", "--test-dir", bundle / "build", "--output-on-failure").stdout
    assert "golden" in shown


def test_fuzzers_build_and_begin(generated, cmsis_dsp, tmp_path):
    if not shutil.which("clang"):
        pytest.skip("clang is not installed")
    flags = (
        "-DSER_FUZZ=ON",
        "-DCMAKE_C_COMPILER=clang",
        f"-DSER_GENERATED={generated}",
        f"-DCMSIS_DSP_DIR={cmsis_dsp}",
    )
    configure(tmp_path, *flags)
    build(tmp_path, "fuzz_wav", "fuzz_frontend", "fuzz_frontend_fixed", "fuzz_app", "fuzz_seeds")
    for part, runs in (("wav", 20_000), ("frontend", 20), ("frontend_fixed", 20), ("app", 20)):
        seeds = tmp_path / "seeds" / part.removesuffix("_fixed")
        n_seeds = len(list(seeds.iterdir()))
        shown = run(tmp_path / f"fuzz_{part}", f"-runs={runs}", "-seed=1", "-max_len=48007", seeds, cwd=tmp_path).stderr
        assert n_seeds >= 4
        assert int(re.search(r"Done (\d+) runs", shown)[1]) >= runs  # libFuzzer may make one more


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "SER_GENERATED is not set: the folder of the generated sources, ROOT/export of a pipeline's run"),
        (["-DSER_GENERATED={empty}"], "SER_GENERATED ({empty}) has no ser_model.h: run the exporter, "),
        (["-DSER_BOARD=esp32"], "SER_BOARD is 'esp32', expected one of host, mps2_an385, "),
        (["-DSER_FRONTEND=double"], "SER_FRONTEND is 'double', expected float or fixed"),
        (["-DSER_ENGINE=onnx"], "SER_ENGINE is 'onnx', expected generated or tflm"),
        (["-DSER_MODEL=flash"], "SER_MODEL is 'flash', expected inside or apart"),
        (
            ["-DSER_MODEL=apart", "-DSER_ENGINE=tflm"],
            "SER_MODEL=apart needs the generated engine, not SER_ENGINE=tflm",
        ),
        (
            ["-DSER_ENGINE=tflm", "-DSER_GENERATED={generated}"],
            "SER_GENERATED ({generated}) has no ser_model_data.h: ",
        ),
        (
            ["-DSER_ENGINE=tflm", "-DSER_GENERATED={with_model}", "-DTFLM_ROOT={empty}"],
            "SER_ENGINE=tflm needs TFLM_ROOT ('{empty}'): a tree of TensorFlow Lite Micro where its own build "
            "(`make -f tensorflow/lite/micro/tools/make/Makefile microlite`) has left library and headers for host",
        ),
        (
            ["-DSER_FUZZ=ON", "-DSER_GENERATED={generated}", "-DCMAKE_C_COMPILER=gcc"],
            "SER_FUZZ needs clang's libFuzzer: ",
        ),
    ],
)
def test_cmake_says_in_one_line_what_is_wrong(generated, tmp_path, flags, message):
    places = {"generated": generated, "empty": tmp_path / "empty", "with_model": tmp_path / "with_model"}
    places["empty"].mkdir()
    shutil.copytree(generated, places["with_model"])
    for name in ("ser_model_data.cc", "ser_model_data.h"):
        (places["with_model"] / name).touch()
    result = configure(tmp_path / "build", *(flag.format(**places) for flag in flags), check=False)
    assert result.returncode == 1
    assert any(message.format(**places) in line for line in result.stderr.splitlines())
    assert result.stderr.count("CMake Error") == 1


def test_instructions_of_the_layers_are_those_of_the_engine(board, generated, replayed):
    layers = device.profile_on_board(EMULATORS[BOARD], board, (generated / "ser_model.c").read_text())
    graph = read_graph((generated / "ser_int8.tflite").read_bytes())
    with_work = [
        number
        for number, node in enumerate(graph.nodes, start=1)
        if node.macs or "Softmax" in type(node.layer).__name__
    ]
    assert [layer.number for layer in layers] == with_work
    run_board(board, "--replay", "vectors.bin", "profiled.bin", folder=replayed)
    _, instructions, _ = read_results(replayed / "profiled.bin")
    whole = np.median(instructions[:, 1])
    assert sum(layer.instructions for layer in layers) == pytest.approx(whole, rel=0.05)
