"""Mutation testing: changes the code in one small place, runs the tests of that module, and lists the changes that they miss.

    python tools/mutants.py --count=20 [--only=judging]

It works on a copy of the repository. Which places are tried is decided by hash, so the same code gives the same mutants. A
mutant on which the tests take five times as long as without it, and a minute more, counts as noticed.
"""

import argparse
import ast
import copy
import dataclasses
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent

Tests = tuple[str, str]  # a path, and pytest's -k where not all of its tests are meant

GOLDEN: Tests = ("tests/firmware/test_golden.py", "gives_the_golden_outputs")
REFUSALS: Tests = ("tests/firmware/test_engine.py", "lacks or minus_128 or nearest_of_31")
NETWORKS: Tests = ("tests/firmware/test_differential.py", "judge_networks")

# What is changed, and the tests that must notice it: the slow ones last, which run where the others miss it.
ROOMS: dict[str, tuple[tuple[str, ...], tuple[Tests, ...]]] = {
    "judging": (("ser_tinyml/judging/*.py",), (("tests/ser_tinyml/judging", ""),)),
    # Of a mutant in croissant.py, its own tests run as well, which need a whole run of the demo.
    "store": (("ser_tinyml/store/*.py",), (("tests/ser_tinyml/store", "not test_croissant"),)),
    "splits": (("ser_tinyml/corpora/splits.py",), (("tests/ser_tinyml/corpora/test_splits.py", ""),)),
    "int8": (("ser_tinyml/runtimes/int8.py",), (("tests/ser_tinyml/runtimes/test_int8.py", ""),)),
    "codegen": (("ser_tinyml/codegen/engine_*.py", "ser_tinyml/codegen/graph_reader.py"), (GOLDEN, REFUSALS, NETWORKS)),
    "kernels": (("firmware/engine/ser_kernels.c", "firmware/engine/ser_kernels.h"), (GOLDEN, NETWORKS)),
}

_COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
_C_TOKENS = {
    " < ": " <= ", " <= ": " < ", " > ": " >= ", " >= ": " > ", " == ": " != ", " != ": " == ", " + ": " - ", " - ": " + ",
    " * ": " + ", " / ": " * ", " << ": " >> ", " >> ": " << ", " && ": " || ", " || ": " && ", " & ": " | ", " | ": " & ",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A file in which the bytes from `begin` to `end` are others."""

    path: str
    begin: int
    end: int
    text: str

    def apply(self, source: bytes) -> bytes:
        """Returns the changed file."""
        return source[: self.begin] + self.text.encode() + source[self.end :]

    def describe(self, source: bytes) -> str:
        """Returns path, line and change on one line."""
        line = source.count(b"\n", 0, self.begin) + 1
        before = " ".join(source[self.begin : self.end].decode().split())
        return f"{self.path}:{line}: {before} -> {self.text}"


def list_mutants(path: str, source: bytes) -> Iterator[Mutant]:
    """Yields all mutants of a Python or a C file."""
    return _mutate_python(path, source) if path.endswith(".py") else _mutate_c(path, source)


def _mutate_python(path: str, source: bytes) -> Iterator[Mutant]:
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in _walk_code(ast.parse(source)):
        changed = _change_node(node)
        if changed is not None:
            begin = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            text = ast.unparse(changed)
            yield Mutant(path, begin, end, text if isinstance(node, ast.Return) else f"({text})")


def _walk_code(node: ast.AST) -> Iterator[ast.AST]:
    """Yields the nodes that run: no annotations and decorators, and nothing in the text of an f-string."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list") or isinstance(node, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _walk_code(child)


def _change_node(node: ast.AST) -> ast.AST | None:
    """Returns the node with another operator or constant; None where there is nothing to change."""
    changed = copy.deepcopy(node)
    if isinstance(changed, ast.Compare):
        changed.ops[0] = _COMPARISONS[type(changed.ops[0])]()
    elif isinstance(changed, ast.BinOp) and type(changed.op) in _ARITHMETIC:
        changed.op = _ARITHMETIC[type(changed.op)]()
    elif isinstance(changed, ast.BoolOp):
        changed.op = ast.Or() if isinstance(changed.op, ast.And) else ast.And()
    elif isinstance(changed, ast.UnaryOp) and isinstance(changed.op, ast.Not):
        return changed.operand
    elif isinstance(changed, ast.Constant) and isinstance(changed.value, int | float):
        changed.value = not changed.value if isinstance(changed.value, bool) else changed.value + 1
    elif isinstance(changed, ast.Return) and changed.value and not _is_none(changed.value):
        changed.value = ast.Constant(None)
    else:
        return None
    return changed


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _mutate_c(path: str, source: bytes) -> Iterator[Mutant]:
    blank = re.sub(rb"//[^\n]*|^\s*#[^\n]*", lambda found: b" " * len(found[0]), source, flags=re.MULTILINE)
    for token, text in _C_TOKENS.items():
        for found in re.finditer(re.escape(token.encode()), blank):
            yield Mutant(path, *found.span(), text)
    for found in re.finditer(rb"(?<![\w.])\d+(?![\w.])", blank):
        yield Mutant(path, *found.span(), str(int(found[0]) + 1))


def _choose(room: str, count: int) -> list[Mutant]:
    """Returns so many mutants of a room, by hash."""
    paths = sorted(path for pattern in ROOMS[room][0] for path in REPOSITORY.glob(pattern))
    everything = [
        mutant for path in paths for mutant in list_mutants(str(path.relative_to(REPOSITORY)), path.read_bytes())
    ]
    everything.sort(key=lambda mutant: hashlib.sha256(repr(mutant).encode()).digest())
    return everything[:count]


def _passes(folder: pathlib.Path, tests: Tests, seconds: float | None = None) -> bool:
    """Tells whether tests pass on the copy in `folder`, in so many seconds where there is a limit."""
    path, names = tests
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", path, "-k", names]
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, timeout=seconds).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _list_tests(folder: pathlib.Path, room: str, mutant: Mutant) -> tuple[Tests, ...]:
    """Returns the tests of a mutant's own module, if there are any, and those of its room."""
    path = pathlib.PurePath(mutant.path)
    own = "tests" / path.parent / f"test_{path.stem}.py"
    return (((str(own), ""),) if (folder / own).exists() else ()) + ROOMS[room][1]


def _find_limits(folder: pathlib.Path, everything: Iterable[Tests]) -> dict[Tests, float]:
    """Returns the seconds that each of the tests may take on a mutant; SystemExit where they fail without any."""
    limits = {}
    for tests in everything:
        begin = time.monotonic()
        if not _passes(folder, tests):
            sys.exit(f"{tests[0]} fails as the code is")
        limits[tests] = 60 + 5 * (time.monotonic() - begin)
    return limits


def main() -> int:
    """Prints the score of each room with its survivors; ends with 1 where tests fail without any mutant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, help="mutants of each room")
    parser.add_argument("--only", choices=ROOMS, help="a single room")
    arguments = parser.parse_args()
    noticed = tried = 0
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory) / "repository"
        ignored = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", ".*_cache")
        shutil.copytree(REPOSITORY, folder, ignore=ignored, symlinks=True)
        for room in [arguments.only] if arguments.only else ROOMS:
            survivors, mutants = [], _choose(room, arguments.count)
            tests_of = {mutant: _list_tests(folder, room, mutant) for mutant in mutants}
            limits = _find_limits(folder, dict.fromkeys(tests for each in tests_of.values() for tests in each))
            for mutant in mutants:
                target = folder / mutant.path
                source = target.read_bytes()
                target.write_bytes(mutant.apply(source))
                if all(_passes(folder, tests, limits[tests]) for tests in tests_of[mutant]):
                    survivors.append(mutant.describe(source))
                    print(f"  missed: {survivors[-1]}", flush=True)
                target.write_bytes(source)
            noticed, tried = noticed + len(mutants) - len(survivors), tried + len(mutants)
            print(f"{room}: {len(mutants) - len(survivors)} of {len(mutants)} noticed", flush=True)
    print(f"all: {noticed} of {tried} noticed ({100 * noticed / tried:.0f} %)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
