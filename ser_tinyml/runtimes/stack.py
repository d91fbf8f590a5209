"""The stack that a linked firmware can take at most, from its call graph.

GCC writes beside each object file whom a function calls and how much stack its frame has (`-fcallgraph-info=su`). What GCC does
not know, functions of C libraries and those that are written in assembly, comes from the program's instructions. Interrupts
are apart: each takes the 104 bytes that a Cortex-M4F saves, and its handler's.
"""

import collections
import dataclasses
import pathlib
import re
from collections.abc import Iterable

from schemas.errors import UserError
from ser_tinyml.runtimes.programs import run_program

_OBJDUMP_SECONDS = 60
_NUMBERS = ("FLASH_ORIGIN", "FLASH_LENGTH", "RAM_ORIGIN", "RAM_LENGTH", "STACK_BYTES", "HEAP_BYTES")
_INDIRECT = "__indirect_call"  # as GCC names the target of a call by a pointer

_NODE = re.compile(r'^node: \{ title: "(?P<title>[^"]*)" label: "(?P<label>[^"]*)"', re.MULTILINE)
_EDGE = re.compile(r'^edge: \{ sourcename: "(?P<source>[^"]*)" targetname: "(?P<target>[^"]*)"', re.MULTILINE)
_FRAME = re.compile(r"\\n(\d+) bytes \(([^)]*)\)")
_LOADED = re.compile(r"^LOAD (\S+)$", re.MULTILINE)
_FUNCTION = re.compile(r"^[0-9a-f]+ <(?P<name>[^>]+)>:\n(?P<body>(?:\s+[0-9a-f]+:.*\n)*)", re.MULTILINE)
_INSTRUCTION = re.compile(r"^\s+[0-9a-f]+:\s+(?P<mnemonic>\S+)\s*(?P<operands>[^@;\n]*)", re.MULTILINE)


@dataclasses.dataclass
class Function:
    """Bytes of a function's own frame, and the functions that it calls."""

    frame: int = 0
    calls: set[str] = dataclasses.field(default_factory=set)


class Stack:
    """The functions of a linked program."""

    def __init__(self, functions: dict[str, Function]):
        self._functions = functions
        self._bounds = dict[str, int]()

    @classmethod
    def of_build(cls, folder: pathlib.Path, name: str) -> "Stack":
        """Returns that of the Arm program `name`.elf in CMake's build folder, which has the linker's map beside it.

        Raises:
          UserError: a function's frame depends on what it is called with.
        """
        functions: dict[str, Function] = collections.defaultdict(Function)
        for path in _list_graphs(folder, (folder / f"{name}.map").read_text()):
            _add_compiled(functions, path.read_text())
        _add_disassembled(functions, _disassemble(folder / f"{name}.elf"))
        return cls(functions)

    def bound(self, entry: str) -> int:
        """Returns the bytes that a function and all that it calls take at most.

        Raises:
          UserError: there is no bound: a function calls itself, or one by a pointer; or the function is not there.
        """
        return self._bound(entry, ())

    def _bound(self, name: str, callers: tuple[str, ...]) -> int:
        if name in callers:
            raise UserError(f"the stack has no bound: {' calls '.join((*callers[callers.index(name) :], name))}")
        if name == _INDIRECT:
            raise UserError(f"the stack has no bound: {callers[-1]} calls a function by a pointer")
        if name not in self._functions:
            raise UserError(
                f"the stack has no bound: nothing is known of {name}, which {(*callers, 'nobody')[-1]} calls"
            )
        if name not in self._bounds:
            function = self._functions[name]
            deepest = [self._bound(called, (*callers, name)) for called in sorted(function.calls)]
            self._bounds[name] = function.frame + max(deepest, default=0)
        return self._bounds[name]


def _list_graphs(folder: pathlib.Path, linker_map: str) -> Iterable[pathlib.Path]:
    """Yields GCC's call graphs of the objects and libraries that the linker read from this build."""
    for loaded in _LOADED.findall(linker_map):
        path = pathlib.Path(loaded)
        if path.suffix == ".a":
            yield from sorted(folder.glob(f"CMakeFiles/{path.stem.removeprefix('lib')}.dir/**/*.ci"))
        elif (graph := folder / path.with_suffix(".ci")).is_file():
            yield graph


def _add_compiled(functions: dict[str, Function], graph: str) -> None:
    """Adds what GCC says of one source file."""
    for node in _NODE.finditer(graph):
        frame = _FRAME.search(node["label"])
        if frame is None:
            continue  # is only declared there
        name = _symbol(node["title"])
        if frame[2] not in ("static", "dynamic,bounded"):
            raise UserError(f"the stack has no bound: that of {name} depends on what it is called with")
        functions[name].frame = max(functions[name].frame, int(frame[1]))
    for edge in _EDGE.finditer(graph):
        functions[_symbol(edge["source"])].calls.add(_symbol(edge["target"]))


def _symbol(title: str) -> str:
    """Returns a function's name; a static one's title begins with its file."""
    return title.rsplit(":", 1)[-1]


def _disassemble(program: pathlib.Path) -> str:
    """Returns the instructions, without numbers of the linker that would name a function which lies at such an address."""
    copy = program.with_suffix(".code")
    numbers = [f"--strip-symbol={name}" for name in _NUMBERS]
    run_program("arm-none-eabi-objcopy", *numbers, program, copy, limit_seconds=_OBJDUMP_SECONDS)
    return run_program(
        "arm-none-eabi-objdump", "-d", "--no-show-raw-insn", copy, limit_seconds=_OBJDUMP_SECONDS
    ).decode()


def _add_disassembled(functions: dict[str, Function], disassembly: str) -> None:
    """Adds the functions of a program: all that their instructions push, or take off the stack's pointer, is their frame."""
    for found in _FUNCTION.finditer(disassembly):
        name, frame = found["name"], 0
        compiled, function = name in functions, functions[name]
        for instruction in _INSTRUCTION.finditer(found["body"]):
            mnemonic, operands = instruction["mnemonic"].split(".")[0], instruction["operands"].strip()
            taken = _take(mnemonic, operands)
            if taken is None and not compiled:
                raise UserError(f"the stack has no bound: that of {name} depends on what it is called with")
            frame += taken or 0
            if target := re.search(r"<([^+>]+)>$", operands):
                if mnemonic == "bl" or (
                    mnemonic.startswith("b") and target[1] != name
                ):  # else a loop to its first instruction
                    function.calls.add(target[1])
            elif mnemonic == "blx" or (mnemonic == "bx" and operands != "lr"):
                function.calls.add(_INDIRECT)
        function.frame = max(function.frame, frame)


def _take(mnemonic: str, operands: str) -> int | None:
    """Returns the bytes that an instruction takes off the stack's pointer; None where a register says how many."""
    if mnemonic in ("push", "vpush") or (mnemonic in ("stmdb", "vstmdb") and operands.startswith("sp!")):
        return sum(_count_bytes(part.strip()) for part in operands[operands.index("{") + 1 : -1].split(","))
    moves = mnemonic in ("sub", "subw", "add", "addw", "mov") and operands.startswith("sp,")
    if moves or (mnemonic in ("str", "strd", "vstr") and re.search(r"\[sp, #-\d+\]!$", operands)):
        step = re.search(r"#-?(\d+)\]?!?$", operands)
        if step is None:
            return None
        return 0 if mnemonic.startswith("add") else int(step[1])
    return 0


def _count_bytes(registers: str) -> int:
    """Returns the bytes of "r4", "d8" or "d8-d11"."""
    first, _, last = registers.partition("-")
    return (8 if first.startswith("d") else 4) * (int(last[1:]) - int(first[1:]) + 1 if last else 1)
