"""What a training decides, apart from the code: `ser_model.bin`, the content of the firmware's section `.ser_model`.

While the sources are rendered, `Constants` takes each of these numbers and gives the C expression that reads it there. So the
code has none of them: it is the same for all models of the same layers, labels and front end, and a digest of it ties a
`ser_model.bin` to the code that may run it. firmware/engine/ser_apart.h has the header and its check.
"""

import dataclasses
import hashlib
import struct
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from ser_tinyml.codegen.engine_graph import Factor

MAGIC = b"SERM"
VERSION = 2  # of the header, and of how the kernels take packed weights; to be raised with either
_SHAPE_BYTES = 16
_ALIGNMENT = 8  # of the whole, as of its largest numbers

_FACTOR = np.dtype([("multiplier", "<i4"), ("left_shift", "u1"), ("right_shift", "u1"), ("padding", "<u2")])
_LARGEST_FIRST = ("int64_t", "int32_t", "float", "ser_factor", "int16_t", "int8_t")  # so that nothing needs padding


@dataclasses.dataclass(frozen=True)
class Field:
    """A member of the section's struct: its C type, its declarator (`quantize[13][2]`), and its values."""

    c_type: str
    declarator: str
    values: np.ndarray


class Constants:
    """Takes what a training decides, and says where it lies."""

    def __init__(self, shape: bytes = bytes(_SHAPE_BYTES)):
        self._shape = shape
        self._numbers: list[int] = []
        self._factors: list[Factor] = []
        self._arrays: list[Field] = []
        self.version = VERSION
        self.magic = ", ".join(f"'{character}'" for character in MAGIC.decode())
        self.shape = ", ".join(f"0x{byte:02x}" for byte in shape)

    def number(self, value: int) -> str:
        """Returns the C expression of an integer."""
        self._numbers.append(value)
        return f"ser_model.numbers[{len(self._numbers) - 1}]"

    def factor(self, factor: Factor) -> str:
        """Returns the C expression of a factor."""
        self._factors.append(factor)
        return f"ser_model.factors[{len(self._factors) - 1}]"

    def factors(self, name: str, factors: Sequence[Factor]) -> str:
        """Returns the C expression of an array of factors."""
        return self._add(Field("ser_factor", f"{name}[{len(factors)}]", _pack_factors(factors)))

    def scalar(self, name: str, value: float) -> str:
        """Returns the C expression of a number with a name: an integer, or a float."""
        whole = isinstance(value, int | np.integer)
        return self._add(Field("int32_t" if whole else "float", name, np.array(value, "<i4" if whole else "<f4")))

    def array(self, declarator: str, values: np.ndarray) -> str:
        """Returns the C expression of an array of integers, or of floats."""
        if values.dtype.kind == "f":
            return self._add(Field("float", declarator, values.astype("<f4")))
        return self._add(Field(f"{values.dtype}_t", declarator, values.astype(values.dtype.newbyteorder("<"))))

    def _add(self, field: Field) -> str:
        self._arrays.append(field)
        return f"ser_model.{field.declarator.partition('[')[0]}"

    @property
    def fields(self) -> list[Field]:
        """The members of the section's struct behind its header, in their order."""
        numbers = Field("int32_t", f"numbers[{len(self._numbers)}]", np.array(self._numbers, "<i4"))
        factors = Field("ser_factor", f"factors[{len(self._factors)}]", _pack_factors(self._factors))
        given = [field for field in (numbers, factors, *self._arrays) if field.values.size]
        return sorted(given, key=lambda field: _LARGEST_FIRST.index(field.c_type))

    def encode(self) -> bytes:
        """Returns the section's content."""
        content = b"".join(field.values.tobytes() for field in self.fields)
        behind = self._shape + content + bytes(-len(content) % _ALIGNMENT)
        size = struct.calcsize("<4sIII") + len(behind)
        return struct.pack("<4sIII", MAGIC, VERSION, size, zlib.crc32(behind)) + behind


def _pack_factors(factors: Sequence[Factor]) -> np.ndarray:
    parts = [(factor.multiplier, max(0, factor.shift), max(0, -factor.shift), 0) for factor in factors]
    return np.array(parts, _FACTOR)


def make_apart(render: Callable[[Constants], dict[str, bytes]]) -> dict[str, bytes]:
    """Returns the sources that `render` makes of constants that lie apart, tied to them, and `ser_model.bin`."""
    unbound = render(Constants())
    code = hashlib.sha256(b"".join(unbound[name] for name in sorted(unbound)))
    constants = Constants(code.digest()[:_SHAPE_BYTES])
    return render(constants) | {"ser_model.bin": constants.encode()}
