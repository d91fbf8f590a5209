"""The rule for windows in C, held to the one in Python."""

import ctypes
import dataclasses
import pathlib
import subprocess
from collections.abc import Callable

import numpy as np
import pytest

from schemas.front_end import FrontEnd, Standardisation
from ser_tinyml.audio.decode import Crop, decode_window
from ser_tinyml.audio.windows import find_speech, window_starts
from ser_tinyml.codegen.model_source import ModelInterface, make_sources
from tests.firmware.conftest import FIRMWARE, STRICT
from tests.firmware.random_models import make_small_model

FRONT_ENDS = [
    FrontEnd(),
    dataclasses.replace(FrontEnd(), window_hop_samples=1_000, lead_samples=0),
    dataclasses.replace(FrontEnd(), window_samples=16_000, window_hop_samples=20_000, lead_samples=777),
]


class Span(ctypes.Structure):
    """`speech_span`."""

    _fields_ = (("begin", ctypes.c_uint32), ("end", ctypes.c_uint32))


class CWindows:
    """`ser_windows.c`, and the host's `speech.c`, with a front end's numbers."""

    def __init__(self, front_end: FrontEnd, folder: pathlib.Path):
        interface = ModelInterface(("a", "b", "c", "d"), front_end, Standardisation.identity(front_end.n_mfcc))
        header = make_sources(make_small_model(front_end), interface, graph=None)["ser_model.h"]
        (folder / "ser_model.h").write_bytes(header)
        sources = [FIRMWARE / "app/ser_windows.c", FIRMWARE / "boards/host/speech.c"]
        command = ["cc", *STRICT, "-O2", "-shared", "-fPIC", f"-I{folder}", *sources, "-o", folder / "windows.so"]
        subprocess.run(command, check=True)
        self._library = ctypes.CDLL(str(folder / "windows.so"))
        self._library.speech_find.restype = Span
        for name in ("first", "next", "has_next"):
            getattr(self._library, f"ser_windows_{name}").argtypes = [ctypes.c_uint64] * (
                2 if name == "has_next" else 1
            )
        self._library.ser_windows_first.restype = self._library.ser_windows_next.restype = ctypes.c_uint64

    def starts(self, begin: int, end: int) -> list[int]:
        starts = [self._library.ser_windows_first(begin)]
        while self._library.ser_windows_has_next(starts[-1], end):
            starts.append(self._library.ser_windows_next(starts[-1]))
        return starts

    def find_speech(self, samples: np.ndarray) -> tuple[int, int]:
        found = self._library.speech_find(samples.ctypes.data_as(ctypes.c_void_p), len(samples))
        return found.begin, found.end


@pytest.fixture(scope="module")
def build_windows(tmp_path_factory) -> Callable[[FrontEnd], CWindows]:
    return lambda front_end: CWindows(front_end, tmp_path_factory.mktemp("windows"))


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=["default", "short hop", "long hop"])
def test_windows_start_where_pythons_do(build_windows, front_end):
    windows = build_windows(front_end)
    rng = np.random.default_rng(0)
    edges = [front_end.lead_samples, front_end.window_samples, front_end.window_hop_samples]
    lengths = [1, *edges, *(edge + 1 for edge in edges), *rng.integers(1, 200_000, 2_000).tolist()]
    for length in lengths:
        for begin in (0, 1, front_end.lead_samples, front_end.lead_samples + 1, int(rng.integers(0, 100_000))):
            expected = window_starts(begin, begin + length, front_end)
            assert windows.starts(begin, begin + length) == expected, (begin, length)


@pytest.mark.parametrize("length", [1, 319, 320, 321, 5_000, 24_001])
def test_speech_is_found_where_python_finds_it(build_windows, length):
    windows = build_windows(FrontEnd())
    rng = np.random.default_rng(length)
    for _ in range(100):
        loudness = np.repeat(10 ** rng.uniform(-3, 0, length // 100 + 1), 100)[:length]
        samples = np.int16(np.clip(12_000 * loudness * rng.standard_normal(length), -32768, 32767))
        samples[0] = samples[0] or 1
        assert windows.find_speech(samples) == find_speech(samples.astype(np.float32) / 32768, 16_000)


def test_real_recordings_have_the_windows_that_training_gave_them(build_windows, real_corpora):
    windows, front_end = build_windows(FrontEnd()), FrontEnd()
    paths = [path for name in ("ravdess", "tess") for path in sorted((real_corpora / name).rglob("*.flac"))][::10]
    assert len(paths) > 150
    for path in paths:
        samples = decode_window(str(path), Crop(0.0, 10.0), front_end.sample_rate).samples
        heard = np.int16(np.clip(np.rint(32768 * samples), -32768, 32767))
        speech = find_speech(heard.astype(np.float32) / 32768, front_end.sample_rate)
        assert windows.find_speech(heard) == speech
        assert windows.starts(*speech) == window_starts(*speech, front_end)
