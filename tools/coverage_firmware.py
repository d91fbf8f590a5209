"""Which lines and branches of the firmware's engine, front end and app the tests run; ends with 1 where one is not.

The tests compile C by `cc` and CMake: here compilers stand before them in PATH that add gcov's counters and leave out
optimisation. A branch counts as run where any program took it; where a function is inlined several times, any of its copies.
What can't be run is in EXCUSED, by its text and with the reason; an excuse that is not needed is an error, too.
"""

import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
FIRMWARE = REPOSITORY / "firmware"
ROOMS = ("app", "engine", "frontend")

COMPILER = """#!/bin/bash
kept=()
for word in "$@"; do
  case $word in -O* | -fsanitize=* | -fno-sanitize*) ;; *) kept+=("$word") ;; esac
done
exec {compiler} "${{kept[@]}}" -O0 --coverage -fprofile-abs-path
"""

# Two processes, of about the same length. What needs an emulated board, the demo's run or clang runs none of these counters.
TESTS = (
    (
        ("engine", "test_golden.py", "test_app.py", "test_windows.py"),
        "not clang and not without and not tflm_gives",
    ),
    (
        ("test_frontend.py", "test_frontend_fixed.py", "test_cmvn.py", "test_boards.py"),
        "not demo and not on_the_board and not host_and_board and not the_board and not the_device_on and not bundle "
        "and not fuzzers and not archive and not of_the_engine and not cmake_says and not real and not arguments "
        "and not tflms_library",
    ),
)

# Of a call that is inlined, the function's branches are the line's.
_OF_THE_KIND = "four_bits is a constant of each call that is inlined: one of the two is never taken there"
EXCUSED: dict[tuple[str, str], str] = {
    (
        "app/ser_console.c",
        'ser_text_append(out, result.failed ? "{\\"selftest\\":{\\"failed\\":true" : "{\\"selftest\\":{\\"failed\\":false");',
    ): "the generated engine does not fail",
    (
        "app/ser_console.c",
        'if (outputs[n] < 0) ser_text_append(out, "-");',
    ): "which outputs are below 0 depends on the model",
    (
        "frontend/ser_frames_fixed.c",
        "if (falling > sum) falling = sum;  // by rounding",
    ): "no sound that was tried rounds so",
    (
        "frontend/ser_frontend.c",
        "for (uint32_t n = cut.first; n < cut.last && cut.n_runs < SER_FRAME_RUNS;) {",
    ): "there are never more runs; Eva asks for the bound",
    ("engine/ser_kernels.c", "tile = ser_sum_gates(tile, four_bits, x, layer->n_inputs, sums);"): _OF_THE_KIND,
    (
        "engine/ser_kernels.c",
        "return value > limit ? INT32_MAX : value < -limit - 1 ? INT32_MIN : (int32_t)((uint32_t)value << shift);",
    ): "gemmlowp's function saturates at both ends; the softmax's numbers leave it at the upper one alone",
}

Lines = dict[int, int]  # number -> how often it ran
Branches = dict[int, dict[int, int]]  # line -> branch -> how often it was taken


def main() -> int:
    """Prints what was not run."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        _run_tests(folder)
        lines, branches = _read_counters(folder)
    wrong, used = [], set()
    for path in sorted(lines):
        text = (FIRMWARE / path).read_text().splitlines()
        missed = {number: "line" for number, count in lines[path].items() if not count}
        for number, taken in branches[path].items():
            if lines[path][number] and not all(taken.values()):
                missed[number] = "branch"
        for number, what in sorted(missed.items()):
            key = (path, text[number - 1].strip())
            used.add(key)
            if key not in EXCUSED:
                wrong.append(f"{path}:{number}: a {what} that no test runs: {key[1]}")
        total = sum(map(len, branches[path].values()))
        print(f"{path}: {len(lines[path])} lines, {total} branches, on {len(missed)} lines some are not run")
    wrong += [f"{path}: is excused and need not be: {text}" for path, text in EXCUSED if (path, text) not in used]
    absent = {str(p.relative_to(FIRMWARE)) for room in ROOMS for p in (FIRMWARE / room).glob("*.c")} - set(lines)
    wrong += [f"{path}: was compiled by no test" for path in sorted(absent)]
    print("\n".join(wrong) or f"all lines and branches ran, but for {len(EXCUSED)} that are excused")
    return 1 if wrong else 0


def _run_tests(folder: pathlib.Path) -> None:
    """Runs the tests, whose programs leave their counters below a folder; ends the program where one fails."""
    compilers = folder / "compilers"
    compilers.mkdir()
    for name in ("cc", "gcc"):
        (compilers / name).write_text(COMPILER.format(compiler="/usr/bin/gcc"))
        (compilers / name).chmod(0o755)
    # Of an object that ccache gives there are no counters: it knows neither of the wrapper's flags nor of gcov's notes.
    environment = os.environ | {"PATH": f"{compilers}:{os.environ['PATH']}", "CCACHE_DISABLE": "1"}
    running = []
    for number, (names, chosen) in enumerate(TESTS):
        command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-n", "0", "-p", "no:cacheprovider"]
        command += [f"--basetemp={folder / str(number)}", "-k", chosen, *(f"tests/firmware/{name}" for name in names)]
        running.append(subprocess.Popen(command, cwd=REPOSITORY, env=environment))
    if any([process.wait() for process in running]):
        sys.exit("a test failed")


def _read_counters(folder: pathlib.Path) -> tuple[dict[str, Lines], dict[str, Branches]]:
    """Returns how often each line ran and each branch was taken, by file."""
    lines: dict[str, Lines] = collections.defaultdict(lambda: collections.defaultdict(int))
    copies: dict[str, dict[int, list[list[int]]]] = collections.defaultdict(lambda: collections.defaultdict(list))
    for counters in folder.rglob("*.gcda"):
        command = ["gcov", "--json-format", "--branch-probabilities", "--stdout", f"./{counters.name}"]
        printed = subprocess.run(command, cwd=counters.parent, capture_output=True, check=True).stdout
        for file in (file for document in printed.splitlines() for file in json.loads(document)["files"]):
            path = pathlib.Path(file["file"])
            if not path.is_relative_to(FIRMWARE) or path.relative_to(FIRMWARE).parts[0] not in ROOMS:
                continue
            name = str(path.relative_to(FIRMWARE))
            for line in file["lines"]:
                lines[name][line["line_number"]] += line["count"]
                if line["branches"]:
                    copies[name][line["line_number"]].append([branch["count"] for branch in line["branches"]])
    return lines, {name: {number: _fold(found) for number, found in copies[name].items()} for name in lines}


def _fold(found: list[list[int]]) -> dict[int, int]:
    """Returns the counts of a line's branches: a program in which it is inlined n times has n times as many."""
    own = min(map(len, found))
    folded: dict[int, int] = collections.defaultdict(int)
    for counts in found:
        for place, count in enumerate(counts):
            folded[place % own] += count
    return folded


if __name__ == "__main__":
    sys.exit(main())
