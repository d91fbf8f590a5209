"""A plugin of Coverage.py that measures nothing while packages of others are imported.

A tracer, which is all that Python 3.11 has, is called for each line of every module, wanted or not: to import TensorFlow, Beam
and SciPy takes twice as long under it, and hundreds of the tests' processes do. Whose a package is, its name tells: ours lie in
the repository.
"""

import builtins
import functools
import pathlib
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


def coverage_init(registry: Any, options: Any) -> None:
    """Stands before `import` from now on; Coverage.py calls it in each process that it measures."""
    imported = builtins.__import__

    def import_untraced(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        tracer = sys.gettrace()
        if tracer is None or level or _is_ours(name.partition(".")[0]):
            return imported(name, globals, locals, fromlist, level)
        sys.settrace(None)
        try:
            return imported(name, globals, locals, fromlist, level)
        finally:
            sys.settrace(tracer)

    builtins.__import__ = import_untraced


@functools.cache
def _is_ours(package: str) -> bool:
    return (REPOSITORY / package).is_dir()
