"""Flash and RAM of a linked firmware, by object file, from the linker's map."""

import collections
import dataclasses
import re

from schemas.errors import UserError

_FLASH, _RAM, _BOTH = ("text", "rodata", "ARM"), ("bss", "COMMON"), ("data",)
# " .rodata.layer_1_lstm_bias 0x00000000000012ab   0x800 libser_model.a(ser_model.c.obj)"; a long name has a line of its own
_PLACED = re.compile(r"^ \.?([\w.$-]+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$", re.MULTILINE)
# The weights, biases and front end's tables of the generated ser_model.c.
_NOT_ENGINE = re.compile(r"rodata\.(layer_\d+_\w+_(weights|bias)|ser_(?!labels)\w+)$")


@dataclasses.dataclass(frozen=True)
class Section:
    """A function or variable of an object file, where the linker has put it."""

    name: str
    size: int
    object_file: str

    @property
    def in_flash(self) -> bool:
        """Whether it is code, a constant, or what a variable is initialised from."""
        return self.name.split(".")[0] in (*_FLASH, *_BOTH)

    @property
    def in_ram(self) -> bool:
        """Whether it is a variable."""
        return self.name.split(".")[0] in (*_RAM, *_BOTH)


def read_map(text: str) -> list[Section]:
    """Returns the sections that a linker's map says are in the program; raises UserError where it has none."""
    body = text.split("Linker script and memory map", 1)[-1]
    joined = re.sub(r"^( \.[\w.$-]+)\n\s+0x", r"\1 0x", body, flags=re.MULTILINE)
    found = [
        Section(name, int(size, 16), object_file)
        for name, address, size, object_file in _PLACED.findall(joined)
        if int(size, 16)
    ]
    if not any(section.in_flash for section in found):
        raise UserError("the linker's map places nothing in flash")
    return found


def read_number(text: str, name: str) -> int:
    """Returns a number that the linker was given by name, as its map shows it; raises UserError where it does not."""
    found = re.search(rf"^\s+0x([0-9a-f]+)\s+{re.escape(name)} = ", text, re.MULTILINE)
    if found is None:
        raise UserError(f"the linker's map has no {name}")
    return int(found[1], 16)


def sum_flash(sections: list[Section]) -> int:
    """Returns the bytes of flash that sections take."""
    return sum(section.size for section in sections if section.in_flash)


def sum_ram(sections: list[Section]) -> int:
    """Returns the bytes of RAM that sections take."""
    return sum(section.size for section in sections if section.in_ram)


def of_engine(sections: list[Section]) -> list[Section]:
    """Returns the kernels and the model's layers, without weights and biases, and without the front end's tables."""
    kernels = [s for s in sections if "libser_engine.a" in s.object_file]
    model = [s for s in sections if "libser_model.a" in s.object_file and not _NOT_ENGINE.match(s.name)]
    return kernels + model


def by_library(sections: list[Section]) -> dict[str, dict[str, int]]:
    """Returns flash and RAM, in bytes, of each library and object file."""
    groups = collections.defaultdict(list)
    for section in sections:
        archive = re.search(r"(lib\w+)\.a\(", section.object_file)
        groups[archive[1] if archive else section.object_file.rsplit("/", 1)[-1]].append(section)
    return {name: {"flash": sum_flash(group), "ram": sum_ram(group)} for name, group in sorted(groups.items())}
