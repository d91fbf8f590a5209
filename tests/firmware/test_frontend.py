"""The C front end against librosa, and against the Python features that models are trained on."""

import ctypes
import dataclasses
import json
import pathlib
import re
import subprocess
import sys
from collections.abc import Callable

import librosa
import numpy as np
import pytest
import scipy.fft

from components.transform.parameters import Parameters as TransformParameters
from schemas.errors import UserError
from schemas.front_end import PROSODY, FrontEnd, Standardisation
from ser_tinyml.audio.features import compute_features
from ser_tinyml.audio.mel import dct_matrix, hann_window
from ser_tinyml.audio.mfcc import compute_mfcc
from ser_tinyml.audio.standardise import standardise
from tests.firmware.conftest import FIRMWARE
from tests.firmware.differential_frontend import compare, draw_front_end, draw_sound
from tests.firmware.front_ends import (
    CFrontEnd,
    build_cmsis_dsp,
    compile_front_end,
    configure_cmsis_dsp,
    make_front_end_sources,
    to_float,
)
from tests.firmware.sounds import choose_recordings, cut_windows, make_signals, make_speech

FRONT_END = FrontEnd()
TOLERANCE = 0.05  # of an MFCC


@pytest.fixture(scope="session")
def cmsis_dsp(tmp_path_factory) -> pathlib.Path:
    """The build tree of `cmake/cmsis_dsp.cmake`, with what it fetched."""
    folder = tmp_path_factory.mktemp("cmsis_dsp")
    return build_cmsis_dsp(folder)


@pytest.fixture(scope="session")
def build_front_end(tmp_path_factory, cmsis_dsp) -> Callable[..., CFrontEnd]:
    """`build_front_end(front_end)`, or with a standardisation and the scale and zero point of a model's input."""

    def build(front_end, standardisation=None, scale=1.0, zero_point=0) -> CFrontEnd:
        folder = tmp_path_factory.mktemp("front_end")
        return compile_front_end(folder, cmsis_dsp, front_end, standardisation, quantization=(scale, zero_point))

    return build


@pytest.fixture(scope="session")
def default(build_front_end) -> CFrontEnd:
    return build_front_end(FRONT_END)


def librosa_mfcc(samples: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """int16 [samples] -> float32 [frames, coefficients]."""
    parameters = front_end.to_dict()
    mel = {name: parameters[name] for name in ("n_fft", "hop_length", "center", "n_mels", "fmin", "fmax")}
    power = librosa.feature.melspectrogram(y=to_float(samples), sr=front_end.sample_rate, **mel)
    log_mel = librosa.power_to_db(power, amin=front_end.amin, top_db=front_end.top_db or None)
    return librosa.feature.mfcc(S=log_mel, n_mfcc=front_end.n_mfcc).T


@pytest.mark.parametrize("name", make_signals())
def test_mfcc_are_librosas(default, name):
    samples = make_signals()[name]
    np.testing.assert_allclose(default.values(samples), librosa_mfcc(samples, FRONT_END), rtol=0, atol=TOLERANCE)


CHANGES = [
    {"n_mels": 64, "hop_length": 400, "n_mfcc": 10, "n_fft": 1024},
    {"n_mels": 41, "n_mfcc": 20, "fmin": 80.0, "fmax": 6000.0},
    {"amin": 1e-6, "top_db": 60.0},
    {"amin": 1e-2, "top_db": 0.0},
    {"window_samples": 8000, "sample_rate": 8000, "fmax": 4000.0},
    {"window_samples": 25_600, "center": False},
    *({"n_fft": 2**power, "n_mels": 5 * power - 22, "n_mfcc": 3} for power in range(5, 13)),
]


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_a_changed_parameter_moves_python_metadata_and_c_alike(build_front_end, changes):
    changed = dataclasses.replace(FRONT_END, **changes)
    samples = make_speech(changed.window_samples)
    expected = librosa_mfcc(samples, changed)
    assert expected.shape == (changed.n_frames, changed.n_mfcc)
    if changed.window_samples == FRONT_END.window_samples:
        before = librosa_mfcc(samples, FRONT_END)
        assert expected.shape != before.shape or np.abs(expected - before).max() > 1

    np.testing.assert_allclose(compute_mfcc(to_float(samples), changed, "waveform"), expected, rtol=0, atol=5e-3)
    np.testing.assert_allclose(build_front_end(changed).values(samples), expected, rtol=0, atol=TOLERANCE)
    metadata = json.loads(json.dumps(changed.to_dict()))
    assert metadata | changes == metadata and FrontEnd.from_dict(metadata) == changed
    header = make_front_end_sources(changed)["ser_model.h"].decode()
    defined = {
        name.lower(): float(value.strip("()f")) for name, value in re.findall(r"#define SER_(\w+) (\S+)", header)
    }
    for name in metadata.keys() & defined.keys():
        assert np.float32(defined[name]) == np.float32(metadata[name]), name


@pytest.mark.parametrize(("capacity", "start"), [(24_000, 1), (24_000, 12_345), (24_000, 23_999), (32_000, 20_000)])
def test_a_ring_buffer_that_wraps_gives_the_bits_of_a_linear_one(default, capacity, start):
    speech = make_speech()
    ring = np.full(capacity, 12_345, np.int16)
    ring[(start + np.arange(len(speech))) % capacity] = speech
    np.testing.assert_array_equal(default.values(ring, capacity, start), default.values(speech))


@pytest.mark.parametrize("prosody", [(), PROSODY, ("voicing",)], ids=",".join)
def test_frames_that_windows_share_give_the_bits_of_each_window(build_front_end, prosody):
    front_end = dataclasses.replace(FRONT_END, window_samples=25_600, center=False, prosody=prosody)
    standardisation = Standardisation((0.0,) * front_end.n_features, (1.0,) * front_end.n_features)
    c_front_end = build_front_end(front_end, standardisation, 0.05)
    sound = np.concatenate([make_speech(40_000), make_speech(20_000) // 100])
    for end in range(front_end.window_samples, len(sound), 16 * front_end.hop_length):
        window = np.ascontiguousarray(sound[end - front_end.window_samples : end])
        first = end % (2 * front_end.hop_length)
        np.testing.assert_array_equal(
            c_front_end.latest(np.ascontiguousarray(sound[:end]), front_end, first), c_front_end.features(window)
        )


def test_frames_that_come_two_by_two_give_the_features_of_the_whole_utterance(build_front_end):
    """Python computes them of the utterance as one window; in C no frame waits for those behind it."""
    front_end = TransformParameters(streaming=True).make_front_end()
    standardisation = Standardisation((0.0,) * front_end.n_features, (1.0,) * front_end.n_features)
    c_front_end = build_front_end(front_end, standardisation, 0.5)
    sound = np.concatenate([make_speech(40_000), make_speech(20_000) // 100])
    whole = dataclasses.replace(front_end, window_samples=len(sound))
    expected = compute_features(to_float(sound), whole, "waveform")
    heard = c_front_end.by_twos(sound, front_end)
    assert len(heard) == whole.n_frames // 2 * 2 and len(heard) > 4 * front_end.n_frames
    quantized = np.clip(np.rint(expected[: len(heard)] / 0.5), -128, 127)
    assert np.abs(heard - quantized).max() <= 1 and np.mean(heard != quantized) < 0.005
    windows = [sound[start:][: front_end.window_samples] for start in range(0, len(sound) - 9_728, 8_192)]
    by_window = np.concatenate([compute_features(to_float(each), front_end, "waveform") for each in windows])
    np.testing.assert_allclose(by_window, expected[: len(by_window)], atol=1e-4)  # records are those frames


def test_silence_has_the_first_coefficient_alone(default):
    mfcc = default.values(np.zeros(FRONT_END.window_samples, np.int16))
    np.testing.assert_allclose(mfcc[:, 0], -100 * np.sqrt(FRONT_END.n_mels), rtol=1e-6)
    assert not mfcc[:, 1:].any()


def test_features_are_the_mfcc_standardised_rounded_and_cut_off(build_front_end):
    rng = np.random.default_rng(3)
    standardisation = Standardisation(tuple(rng.normal(0, 20, 13)), tuple(rng.uniform(5, 20, 13)))
    front_end = build_front_end(FRONT_END, standardisation, 0.02, 7)
    levels = standardise(front_end.values(make_speech()), standardisation) / 0.02 + 7
    features = front_end.features(make_speech())
    expected = np.clip(np.round(levels), -128, 127)
    assert {-128, 127} <= set(features.ravel().tolist())
    undecided = np.abs(levels - np.floor(levels) - 0.5) < 1e-3
    np.testing.assert_array_equal(features[~undecided], expected[~undecided])
    assert np.count_nonzero(undecided) < 0.01 * undecided.size


def test_constants_are_the_same_bytes_for_the_same_input():
    assert make_front_end_sources(FrontEnd()) == make_front_end_sources(FrontEnd())
    assert make_front_end_sources(dataclasses.replace(FRONT_END, fmin=20.0)) != make_front_end_sources(FRONT_END)


def test_constants_read_back_as_the_float32_that_python_computed(default):
    window = np.ctypeslib.as_array((ctypes.c_float * 1025).in_dll(default.library, "ser_hann"))
    np.testing.assert_array_equal(window, (2 * hann_window(2048)[:1025]).astype(np.float32))


def test_the_dct_is_scipys():
    dct = dct_matrix(dataclasses.replace(FRONT_END, n_mels=40, n_mfcc=40))
    np.testing.assert_allclose(dct, scipy.fft.dct(np.eye(40), norm="ortho").T, atol=1e-14)


def test_a_frame_that_the_fft_does_not_take_is_an_error():
    with pytest.raises(UserError, match=r"n_fft=1000.*2048"):
        make_front_end_sources(dataclasses.replace(FRONT_END, n_fft=1000))


def test_mel_bands_beyond_half_the_sample_rate_are_an_error():
    with pytest.raises(UserError, match=r"fmax=8000.*4000 Hz"):
        make_front_end_sources(dataclasses.replace(FRONT_END, sample_rate=8000))


def test_cmake_says_what_to_do_without_pip(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    errors = configure_cmsis_dsp(tmp_path, f"-DPython3_EXECUTABLE={tmp_path}/bare/bin/python").stderr
    assert re.search(r"^ .*can't fetch cmsisdsp.*set Python3_EXECUTABLE.*No module named pip *$", errors, re.MULTILINE)


def test_cmake_refuses_another_archive_than_the_one_that_was_pinned(tmp_path):
    script = (FIRMWARE / "cmake/cmsis_dsp.cmake").read_text()
    (tmp_path / "cmake").mkdir()
    (tmp_path / "cmake/cmsis_dsp.cmake").write_text(re.sub("SHA256 [0-9a-f]{8}", "SHA256 00000000", script))
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(test C)\ninclude(cmake/cmsis_dsp.cmake)\n"
    )
    command = ["cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DPython3_EXECUTABLE={sys.executable}"]
    errors = subprocess.run(command, capture_output=True, text=True).stderr
    assert re.search(r"^ .*DO NOT MATCH THE HASHES.*$", errors, re.MULTILINE)
    assert not list((tmp_path / "build").glob("cmsisdsp-*"))


def test_an_unpacked_copy_is_taken_as_it_is(tmp_path, cmsis_dsp):
    (unpacked,) = cmsis_dsp.glob("cmsisdsp-*")
    assert configure_cmsis_dsp(tmp_path, f"-DCMSIS_DSP_DIR={unpacked}").returncode == 0
    assert not list((tmp_path / "build").glob("cmsisdsp-*"))
    (tmp_path / "empty").mkdir()
    assert "empty has no LICENSE" in configure_cmsis_dsp(tmp_path, f"-DCMSIS_DSP_DIR={tmp_path}/empty").stderr


def test_real_recordings_give_librosas_mfcc_and_pythons_features(real_corpora, default, build_front_end):
    windows = np.stack([window for path in choose_recordings(real_corpora) for window in cut_windows(path)])
    python = np.stack([compute_mfcc(to_float(window), FRONT_END, "waveform") for window in windows])
    c, reference = (
        np.stack([compute(window) for window in windows])
        for compute in (default.values, lambda window: librosa_mfcc(window, FRONT_END))
    )
    difference = np.abs(c - reference).max()

    # Quantized as a model's input would be: the records' whole range on the 256 values of int8.
    frames = python.reshape(-1, FRONT_END.n_mfcc).astype(np.float64)
    standardisation = Standardisation(tuple(frames.mean(axis=0)), tuple(frames.std(axis=0)))
    standardised = standardise(python, standardisation)
    scale = float(np.ptp(standardised)) / 255
    zero_point = round(-128 - standardised.min() / scale)
    quantized = np.clip(np.round(standardised / np.float32(scale)) + zero_point, -128, 127)
    device = build_front_end(FRONT_END, standardisation, scale, zero_point)
    apart = np.abs(np.stack([device.features(window) for window in windows]) - quantized)
    share = np.count_nonzero(apart) / apart.size
    print(
        f"{len(windows)} windows: largest difference of an MFCC {difference:.4f}; at scale {scale:.4f} {share:.3%} of the "
        f"features differ, by at most {apart.max():.0f}"
    )
    assert difference <= TOLERANCE
    assert apart.max() <= 1
    assert share <= 0.005


WITH_PROSODY = dataclasses.replace(FRONT_END, prosody=PROSODY)


def check_prosody(windows, front_end, c_front_end):
    """Where two periods fit a frame as well, single precision may take the other: that is one frame in thousands."""
    python = np.stack([compute_features(to_float(window), front_end, "waveform") for window in windows])
    c = np.stack([c_front_end.values(window) for window in windows])
    np.testing.assert_allclose(c[..., : front_end.n_mfcc], python[..., : front_end.n_mfcc], rtol=0, atol=TOLERANCE)
    difference = dict(zip(front_end.prosody, np.abs(c - python)[..., front_end.n_mfcc :].reshape(-1, 3).T, strict=True))
    other_period = difference["pitch"] > 0.01
    assert other_period.mean() < 0.001
    assert difference["voicing"].max() < 0.02 and difference["voicing"][~other_period].max() < 1e-3
    assert difference["energy"].max() < 1e-3
    return other_period.mean()


def test_prosody_is_pythons(build_front_end):
    c_front_end = build_front_end(WITH_PROSODY)
    speech = [make_speech()] + [np.roll(make_speech(), 997 * n) for n in range(20)]
    check_prosody(speech, WITH_PROSODY, c_front_end)
    np.testing.assert_array_equal(c_front_end.values(speech[0])[:, :13], build_front_end(FRONT_END).values(speech[0]))
    silence = c_front_end.values(np.zeros(FRONT_END.window_samples, np.int16))[:, 13:]
    np.testing.assert_allclose(silence, np.tile(np.float32([0, 0, -100]), (47, 1)), atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [{"prosody": ("energy",)}, {"prosody": ("pitch", "voicing")}, {"n_fft": 1024, "hop_length": 390}, {"fmin": 125.0}],
)
def test_some_columns_of_prosody_and_other_frames(build_front_end, changes):
    front_end = dataclasses.replace(WITH_PROSODY, **changes)
    python = compute_features(to_float(make_speech()), front_end, "waveform")
    c = build_front_end(front_end).values(make_speech())
    assert c.shape == python.shape == (front_end.n_frames, 13 + len(front_end.prosody))
    assert np.mean(np.abs(c - python).max(axis=1) < TOLERANCE) > 0.95


@pytest.mark.parametrize("seed", range(4))
def test_random_sounds_through_random_front_ends_are_pythons(tmp_path, cmsis_dsp, seed):
    """More: `python -m tests.firmware.differential_frontend`."""
    front_end, rng = draw_front_end(seed), np.random.default_rng(seed)
    c_front_end = compile_front_end(tmp_path, cmsis_dsp, front_end)
    for _ in range(20):
        found = compare(front_end, c_front_end, draw_sound(rng, front_end.window_samples))
        assert found.is_small(), found


def test_prosody_of_real_recordings_is_pythons(real_corpora, build_front_end):
    windows = [window for path in choose_recordings(real_corpora) for window in cut_windows(path)]
    other = check_prosody(windows, WITH_PROSODY, build_front_end(WITH_PROSODY))
    print(f"{len(windows)} windows: another period in {other:.3%} of the frames")
