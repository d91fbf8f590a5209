"""The rule for windows in C, held to the one in Python."""

import ctypes
import dataclasses
import pathlib
import subprocess
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from schemas.front_end import FrontEnd, Standardisation
from ser_tinyml.audio.windows import window_starts
from ser_tinyml.codegen.model_source import ModelInterface, make_sources
from tests.firmware.conftest import FIRMWARE, STRICT
from tests.firmware.random_models import make_small_model

FRONT_ENDS = [
    FrontEnd(),
    dataclasses.replace(FrontEnd(), window_hop_samples=1_000, lead_samples=0),
    dataclasses.replace(FrontEnd(), window_samples=16_000, window_hop_samples=20_000, lead_samples=777),
    dataclasses.replace(FrontEnd(), window_samples=25_600, window_hop_samples=8_192, center=False),
    dataclasses.replace(FrontEnd(), window_samples=24_001, window_hop_samples=3_901, lead_samples=30_000),
]
NAMES = ["default", "short hop", "long hop", "shared frames", "long lead"]


class CWindows:
    """`ser_windows.c` with a front end's numbers."""

    def __init__(self, front_end: FrontEnd, folder: pathlib.Path):
        self._library = build_library(front_end, folder, [FIRMWARE / "app/ser_windows.c"])
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


def build_library(front_end: FrontEnd, folder: pathlib.Path, sources: list[pathlib.Path]) -> ctypes.CDLL:
    """Compiles sources with a front end's header."""
    interface = ModelInterface(("a", "b", "c", "d"), front_end, Standardisation.identity(front_end.n_mfcc))
    header = make_sources(make_small_model(front_end), interface, graph=None)["ser_model.h"]
    (folder / "ser_model.h").write_bytes(header)
    includes = [f"-I{path}" for path in (folder, *(FIRMWARE / name for name in ("app", "engine", "frontend")))]
    command = ["cc", *STRICT, "-O2", "-shared", "-fPIC", *includes, *sources, "-lm", "-o", folder / "tested.so"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(folder / "tested.so"))


@pytest.fixture(scope="module")
def build_windows(tmp_path_factory) -> Callable[[FrontEnd], CWindows]:
    return lambda front_end: CWindows(front_end, tmp_path_factory.mktemp("windows"))


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=NAMES)
def test_windows_start_where_pythons_do(build_windows, front_end):
    windows = build_windows(front_end)
    rng = np.random.default_rng(0)
    edges = [front_end.lead_samples, front_end.window_samples, front_end.window_hop_samples]
    lengths = [1, *edges, *(edge + 1 for edge in edges), *rng.integers(1, 200_000, 2_000).tolist()]
    for length in lengths:
        for begin in (0, 1, front_end.lead_samples, front_end.lead_samples + 1, int(rng.integers(0, 100_000))):
            expected = window_starts(begin, begin + length, front_end)
            assert windows.starts(begin, begin + length) == expected, (begin, length)


class HeardWindow(ctypes.Structure):
    """`heard_window` of firmware/tests/hear_windows.c."""

    _fields_ = (("milliseconds", ctypes.c_uint32), ("checksum", ctypes.c_uint32))


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=NAMES)
def test_the_app_hears_the_windows_of_each_utterance(tmp_path, front_end):
    loop = [path for path in (FIRMWARE / "app").glob("*.c") if path.stem not in ("ser_console", "ser_selftest")]
    app = build_library(front_end, tmp_path, [FIRMWARE / "tests/hear_windows.c", *loop])
    n_utterances = 0
    for seed in range(20):
        samples = make_stretches(np.random.default_rng(seed), seconds=60)
        utterances = list(find_utterances(app, samples, front_end))
        starts = [start for utterance in utterances for start in window_starts(*utterance, front_end)]
        heard = (HeardWindow * 10_000)()
        n_heard = app.hear_windows(as_pointer(samples), len(samples), 100 + 20 * seed, heard, len(heard))
        ends = [(start + front_end.window_samples) * 1000 // front_end.sample_rate for start in starts]
        assert [window.milliseconds for window in heard[:n_heard]] == ends, seed
        windows = [samples[start : start + front_end.window_samples] for start in starts]
        assert [window.checksum for window in heard[:n_heard]] == [checksum_of(window) for window in windows], seed
        n_utterances += len(utterances)
    assert n_utterances > 100


def make_stretches(rng: np.random.Generator, seconds: int) -> np.ndarray:
    """Makes int16 noise, loud and quiet by turns, of any lengths; quiet at the beginning and at the end."""
    mean_blocks = rng.uniform(1, 40)
    lengths = rng.exponential(mean_blocks, 20_000).astype(int) + 1
    loud = np.repeat(np.arange(len(lengths)) % 2, lengths)[: seconds * 50]
    loud[:50] = loud[-250:] = 0
    level = np.where(np.repeat(loud, 320), 8_000, 30)
    return np.rint(level * rng.uniform(-1, 1, len(level))).astype(np.int16)


def find_utterances(app: ctypes.CDLL, samples: np.ndarray, front_end: FrontEnd) -> Iterator[tuple[int, int]]:
    """Yields where speech begins and ends; an utterance is over when the gate is closed and its last window is complete."""
    block = front_end.sample_rate // 50
    is_open, speaks = np.zeros((2, len(samples) // block), np.uint8)
    app.follow_gate(as_pointer(samples), len(is_open), as_pointer(is_open), as_pointer(speaks))
    begin, end = None, 0

    def is_complete(position: int) -> bool:
        return position >= window_starts(begin, end, front_end)[-1] + front_end.window_samples

    for number in range(len(is_open)):
        position = (number + 1) * block
        if begin is None and is_open[number]:
            begin = position - 4 * block  # the gate opens behind four loud blocks
        if speaks[number]:
            end = position
        if begin is not None and not is_open[number] and is_complete(position):
            yield begin, end
            begin = None


def checksum_of(window: np.ndarray) -> int:
    return int(np.sum(window.astype(np.int64) * np.arange(1, len(window) + 1))) % 2**32


def as_pointer(array: np.ndarray) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)
