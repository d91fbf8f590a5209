"""The C front end, compiled for this machine with the constants of any front end."""

import ctypes
import pathlib
import subprocess
import sys
from collections.abc import Callable

import numpy as np

from schemas.front_end import FrontEnd, Standardisation
from ser_tinyml.codegen.model_source import ModelInterface, make_sources
from tests.firmware.conftest import FIRMWARE, STRICT
from tests.firmware.random_models import make_small_model


class CFrontEnd:
    """The front end with its generated constants, compiled for this machine."""

    def __init__(self, library: pathlib.Path, front_end: FrontEnd):
        self.library = ctypes.CDLL(str(library))
        self._shape = front_end.n_frames, front_end.n_features

    def values(self, samples: np.ndarray, capacity: int = 0, start: int = 0) -> np.ndarray:
        """int16 [samples] -> float32 [frames, features]."""
        return self._call(self.library.ser_frontend_values, samples, capacity, start, np.float32)

    def features(self, samples: np.ndarray) -> np.ndarray:
        """int16 [samples] -> int8 [frames, features]."""
        return self._call(self.library.ser_frontend_features, samples, 0, 0, np.int8)

    def latest(self, samples: np.ndarray, front_end: FrontEnd, first: int) -> np.ndarray:
        """int16 [samples] -> int8 [frames, features] of a window, by the frames that begin at sample `first` or behind it."""
        assert samples.dtype == np.int16 and samples.flags.c_contiguous
        self.library.ser_frontend_clear()
        for start in range(first, len(samples) - front_end.n_fft + 1, front_end.hop_length):
            self.library.ser_frontend_add(ctypes.byref(_Audio(samples.ctypes.data, len(samples), start)))
        result = np.empty(self._shape, np.int8)
        self.library.ser_frontend_latest(result.ctypes.data_as(ctypes.c_void_p))
        return result

    def by_twos(
        self, samples: np.ndarray, front_end: FrontEnd, at_windows_end: Callable[[], object] = lambda: None
    ) -> np.ndarray:
        """int16 [samples] -> int8 [frames, features] of an utterance, each pair of frames when its second one is there."""
        self.library.ser_frontend_clear()
        found = []
        for number, start in enumerate(range(0, len(samples) - front_end.n_fft + 1, front_end.hop_length)):
            self.library.ser_frontend_add(ctypes.byref(_Audio(samples.ctypes.data, len(samples), start)))
            if number % 2:
                found.append(np.empty((2, front_end.n_features), np.int8))
                self.library.ser_frontend_latest_two(found[-1].ctypes.data_as(ctypes.c_void_p))
            if number % front_end.n_frames == front_end.n_frames - 1:
                at_windows_end()
        return np.concatenate(found)

    def _call(self, function, samples, capacity, start, dtype) -> np.ndarray:
        assert samples.dtype == np.int16 and samples.flags.c_contiguous
        result = np.empty(self._shape, dtype)
        audio = _Audio(samples.ctypes.data, capacity or len(samples), start)
        function(ctypes.byref(audio), result.ctypes.data_as(ctypes.c_void_p))
        return result


class _Audio(ctypes.Structure):
    _fields_ = (("samples", ctypes.c_void_p), ("capacity", ctypes.c_uint32), ("start", ctypes.c_uint32))


def compile_front_end(
    folder: pathlib.Path,
    cmsis_dsp: pathlib.Path | None,
    front_end: FrontEnd,
    standardisation: Standardisation | None = None,
    quantization: tuple[float, int] = (1.0, 0),
) -> CFrontEnd:
    """Compiles in an empty folder.

    Args:
      folder: the folder.
      cmsis_dsp: its build tree; None: the front end in integers, which takes no library, under UndefinedBehaviorSanitizer.
      front_end: the parameters.
      standardisation: by default none.
      quantization: scale and zero point of a model's input.
    """
    for name, content in make_front_end_sources(front_end, standardisation, quantization=quantization).items():
        (folder / name).write_bytes(content)
    command = [
        "cc",
        *STRICT,
        "-O2",
        "-DSER_ENGINE_TFLM",
        "-shared",
        "-fPIC",
        f"-I{folder}",
        "-o",
        folder / "front_end.so",
    ]
    command += [*sorted((FIRMWARE / "frontend").glob("*.c")), folder / "ser_model.c"]
    if cmsis_dsp:
        (headers,) = cmsis_dsp.glob("cmsisdsp-*/Include")
        command += ["-ffp-contract=off", "-D__GNUC_PYTHON__", "-isystem", headers, cmsis_dsp / "libcmsis_dsp.a"]
    else:
        command += ["-DSER_FRONTEND_FIXED", "-fsanitize=undefined", "-fno-sanitize-recover=all"]
    subprocess.run(command, check=True)
    return CFrontEnd(folder / "front_end.so", front_end)


def make_front_end_sources(
    front_end: FrontEnd, standardisation: Standardisation | None = None, quantization=(0.03, -3)
) -> dict[str, bytes]:
    """Makes ser_model.h and ser_model.c of a front end; `quantization` is the scale and zero point of the model's input."""
    standardisation = standardisation or Standardisation.identity(front_end.n_features)
    model = make_small_model(front_end, quantization=quantization)
    return make_sources(model, ModelInterface(("a", "b", "c", "d"), front_end, standardisation), graph=None)


def build_cmsis_dsp(folder: pathlib.Path) -> pathlib.Path:
    """Returns the build tree of `cmake/cmsis_dsp.cmake`, with what it fetched."""
    configured = configure_cmsis_dsp(folder, f"-DPython3_EXECUTABLE={sys.executable}")
    assert configured.returncode == 0, configured.stderr
    subprocess.run(["cmake", "--build", folder / "build"], check=True, capture_output=True)
    return folder / "build"


def configure_cmsis_dsp(folder: pathlib.Path, *flags: str) -> subprocess.CompletedProcess:
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(test C)\nset(CMAKE_POSITION_INDEPENDENT_CODE ON)\n"
        f"include({FIRMWARE}/cmake/cmsis_dsp.cmake)\n"
    )
    return subprocess.run(["cmake", "-S", folder, "-B", folder / "build", *flags], capture_output=True, text=True)


def to_float(samples: np.ndarray) -> np.ndarray:
    return samples.astype(np.float32) / 32768


def to_int16(samples: np.ndarray) -> np.ndarray:
    return np.clip(np.round(samples), -32768, 32767).astype(np.int16)
