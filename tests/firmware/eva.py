"""Frama-C's Eva over kernels, a generated engine, the ring buffer and both front ends: nothing undefined, or an open alarm.

`python -m tests.firmware.eva` prints how many properties hold, and the open alarms by function. It ends with 1 where an alarm
is of a function that OPEN does not name.
"""

import collections
import csv
import dataclasses
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

from schemas.front_end import PROSODY, FrontEnd
from tests.firmware.conftest import FIRMWARE, make_engine_sources
from tests.firmware.front_ends import make_front_end_sources
from tests.firmware.random_models import ModelWriter

DRIVERS = FIRMWARE / "tests/eva"

# Where Eva, which follows each value by itself, can't see what holds because two are related; and what shows it instead.
_SOFTMAX = (
    "the largest difference is 0, so the sum is 2^19 at least: bounds.py; test_ser_kernels.py compares with gemmlowp's"
)
_FRONT_END = "sums of floats, and pointers that move with a counter: make fuzz, under ASan and UBSan"
_POINTERS = "pointers that move with a counter: make fuzz, under ASan and UBSan"
_SCALED = "a frame is scaled by its loudest sample, to 28 bits, and each stage of the transform divides by its radix: make fuzz"
_PITCH = (
    "the loudest of the bins that were kept has 28 bits, or all are 0; no lag's sum is above that of lag 0: make fuzz"
)
OPEN = {
    "engine": {
        **dict.fromkeys(("ser_run_softmax", "reciprocal_of_one_plus", "shift_right"), _SOFTMAX),
        **dict.fromkeys(
            ("ser_sigmoid", "ser_tanh", "ser_tanh_of_state"),
            "a contract: test_ser_kernels.py compares with TFLM's, for every argument",
        ),
    },
    "frontend": dict.fromkeys(
        (
            "load_frame",
            "set_some",
            "transform_to_power",
            "apply_mel_bands",
            "transform_to_mfcc",
            "ser_frames_write_features",
        ),
        _FRONT_END,
    ),
    "frontend_fixed": {
        **dict.fromkeys(("transform_by", "apply_mel_bands", "ser_frames_write_features", "set_some"), _POINTERS),
        **dict.fromkeys(("load_frame", "add_by", "find_powers"), _SCALED),
        **dict.fromkeys(("measure_period", "correlate"), _PITCH),
        "log2_of": "a polynomial of a mantissa, whose value is below an octave: test_frontend_fixed.py",
        "transform_to_mfcc": "a sum of as many terms as there are bands, each below 2^56: make fuzz",
    },
}


@dataclasses.dataclass(frozen=True)
class Analysis:
    """One program for Eva: `sources` beside its driver."""

    name: str
    driver: str
    sources: tuple[pathlib.Path, ...]
    flags: tuple[str, ...]  # of Eva
    preprocessor: tuple[str, ...]


def list_analyses(folder: pathlib.Path) -> list[Analysis]:
    """Returns them; makes what is generated for them in a folder."""
    engine = _write(folder / "engine", _make_engine())
    front_end = _write(folder / "frontend", make_front_end_sources(FrontEnd()))
    with_prosody = _write(folder / "prosody", make_front_end_sources(FrontEnd(prosody=PROSODY)))
    kernels = FIRMWARE / "engine/ser_kernels.c"
    portable = ("-DSER_PORTABLE", "-U__SSE2__", f"-I{FIRMWARE / 'engine'}")
    dots = "ser_dot4:3000,ser_dot4_4bit:3000"
    unrolled = ("-eva-auto-loop-unroll", "700")
    return [
        Analysis(
            "ring",
            "ring",
            (FIRMWARE / "app/ser_ring.c",),
            ("-eva-slevel", "100000", "-eva-ilevel", "64"),
            (f"-I{FIRMWARE / 'app'}",),
        ),
        Analysis(
            "kernels", "kernels", (kernels,), ("-eva-precision", "3", *unrolled, "-eva-slevel-function", dots), portable
        ),
        Analysis(
            "engine",
            "engine",
            (kernels, engine / "ser_model.c"),
            (
                *("-eva-precision", "1", *unrolled, "-eva-use-spec", "ser_sigmoid,ser_tanh,ser_tanh_of_state"),
                *("-eva-slevel-function", f"{dots},main:2000,ser_engine_invoke:100,ser_run_units:400"),
            ),
            (*portable, f"-I{engine}", f"-include {DRIVERS / 'contracts.h'}"),
        ),
        _analyse_front_end("frontend", front_end),
        _analyse_front_end("frontend_fixed", with_prosody, "-DSER_FRONTEND_FIXED"),
    ]


def _analyse_front_end(name: str, generated: pathlib.Path, *defines: str) -> Analysis:
    places = FIRMWARE / "frontend", FIRMWARE / "engine", DRIVERS / "cmsis_dsp", generated
    sources = *sorted((FIRMWARE / "frontend").glob("*.c")), generated / "ser_model.c"
    preprocessor = *(f"-I{place}" for place in places), "-DSER_ENGINE_TFLM", *defines
    return Analysis(name, "frontend", sources, ("-eva-precision", "1"), preprocessor)


def _make_engine() -> dict[str, bytes]:
    """Returns the sources of an LSTM, dense layers of 8 and of 4 bits, and a softmax."""
    writer = ModelWriter(np.random.default_rng(0), 6, 5)
    writer.add_lstm(6)
    writer.add_slice(5)
    writer.weight_bits = 4
    writer.add_dense(8)
    writer.weight_bits = 8
    writer.add_dense(4)
    writer.add_softmax()
    return make_engine_sources(writer.finish())


def _write(folder: pathlib.Path, sources: dict[str, bytes]) -> pathlib.Path:
    folder.mkdir()
    for name, content in sources.items():
        (folder / name).write_bytes(content)
    return folder


def analyse(analysis: Analysis, folder: pathlib.Path) -> dict[str, list[str]]:
    """Runs Eva; returns the alarms by function, and prints what holds."""
    report = folder / f"{analysis.name}.csv"
    preprocessor = " ".join((*analysis.preprocessor, f"-include {DRIVERS / 'gcc.h'}"))
    command = ["frama-c", "-eva", "-machdep", "gcc_x86_64", f"-cpp-extra-args={preprocessor}", *analysis.flags]
    command += [str(path) for path in (DRIVERS / f"{analysis.driver}.c", *analysis.sources)]
    ended = subprocess.run([*command, "-then", "-report-csv", report], capture_output=True, text=True)
    if ended.returncode:
        sys.exit(f"frama-c failed on {analysis.name}:\n{ended.stdout[-2000:]}{ended.stderr}")
    with report.open() as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["directory"] != "FRAMAC_SHARE/libc"]
    statuses = collections.Counter(row["status"] for row in rows)
    alarms = collections.defaultdict(list)
    for row in rows:
        if row["status"] in ("Unknown", "Invalid", "Invalid or unreachable"):
            alarms[re.sub(r"_\d+$", "", row["function"])].append(
                f"{row['file']}:{row['line']}: {row['property kind']}: {row['property']}"
            )
    reached = re.search(r"(\d+ statements reached \(out of \d+\))", ended.stdout)
    n_alarms = sum(map(len, alarms.values()))
    print(f"{analysis.name}: {reached and reached[1]}, {statuses['Valid']} properties hold, {n_alarms} alarms")
    return alarms


def main() -> int:
    """Analyses all; returns the exit code."""
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        for analysis in list_analyses(pathlib.Path(name)):
            opened = OPEN.get(analysis.name, {})
            found = analyse(analysis, pathlib.Path(name))
            for function in opened.keys() - found.keys():
                wrong += 1
                print(f"  {function}: has no open alarm any more")
            for function, alarms in found.items():
                print(f"  {function}: {len(alarms)} alarms, {opened.get(function, 'NOT OPEN')}")
                if function not in opened:
                    wrong += len(alarms)
                    print("\n".join(f"    {alarm}" for alarm in alarms))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
