"""The firmware's app on this machine: voice gate, places of windows, front end, engine and smoothing, as a board runs them."""

import ctypes
import weakref
from collections.abc import Iterator, Mapping

import numpy as np

from schemas.errors import UserError
from ser_tinyml.codegen.cmsis_dsp import read_release
from ser_tinyml.codegen.firmware_tree import read_c
from ser_tinyml.codegen.generated import FIRMWARE_SOURCES, read_define
from ser_tinyml.runtimes.compiled import load_compiled

_FLAGS = (
    # As firmware/cmake/cmsis_dsp.cmake has it: without CMSIS-Core, and the same bits on every processor.
    *("-D__GNUC_PYTHON__", "-ffp-contract=off", "-w"),
    *(f"-I{folder}" for folder in (".", "engine", "frontend", "app", "library")),
    *(f"-Icmsis_dsp/{folder}" for folder in ("Include", "PrivateInclude")),
)


class Listener:
    """A model's app in a library of its own, behind the functions of `firmware/library/ser_listener.h`."""

    def __init__(self, sources: Mapping[str, bytes], cmsis_dsp: Mapping[str, bytes]):
        """Compiles the app, or takes what was compiled once from the user's cache.

        Args:
          sources: `ser_model.h` and `ser_model.c`.
          cmsis_dsp: CMSIS-DSP's files, by path.

        Raises:
          UserError: there is no C compiler, or it refuses the sources.
        """
        files = {name: sources[name] for name in FIRMWARE_SOURCES}
        files |= {f"cmsis_dsp/{path}": cmsis_dsp[path] for path in read_release().files}
        files |= read_c("engine", "frontend", "app", "library")
        self._library = load_compiled(files, _FLAGS)
        self._library.ser_listener_new.restype = ctypes.c_void_p
        self._library.ser_listener_hear.restype = ctypes.c_uint32
        self._n_labels = read_define(sources["ser_model.h"].decode(), "SER_N_LABELS")
        self._heard = np.zeros(
            (),
            [
                *((name, np.uint32) for name in ("label", "uncertain", "milliseconds")),
                ("rms_db", np.float32),
                ("probabilities", np.float32, (self._n_labels,)),
            ],
        )
        self._pointer = ctypes.c_void_p(self._library.ser_listener_new())
        if not self._pointer:
            raise UserError("the firmware's app can't be started: there is no memory for it")
        weakref.finalize(self, self._library.ser_listener_delete, self._pointer)

    def hear(self, samples: np.ndarray) -> Iterator[np.ndarray]:
        """Takes int16 [samples] and yields the decisions that they bring, each a record [] of the fields of `ser_heard`."""
        samples, decided = np.ascontiguousarray(samples, np.int16), ctypes.c_int32(1)
        while decided:
            taken = self._library.ser_listener_hear(
                self._pointer,
                ctypes.c_void_p(samples.ctypes.data),
                ctypes.c_uint32(len(samples)),
                ctypes.c_void_p(self._heard.ctypes.data),
                ctypes.byref(decided),
            )
            samples = samples[taken:]
            if decided:
                yield self._heard.copy()

    def run_selftest(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns what a board's self-test gives: the int8 outputs [classes] for given features, and for given sound.

        What was heard before is forgotten. Raises UserError where the engine fails.
        """
        outputs = np.empty((2, self._n_labels), np.int8)
        pointers = (ctypes.c_void_p(row.ctypes.data) for row in outputs)
        if self._library.ser_listener_selftest(self._pointer, *pointers):
            raise UserError("the engine fails in its self-test")
        return outputs[0], outputs[1]

    @property
    def hears_speech(self) -> bool:
        """Whether the voice gate is open."""
        return bool(self._library.ser_listener_hears_speech(self._pointer))
