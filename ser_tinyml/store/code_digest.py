"""What code a module runs: itself, and all of this project that it imports."""

import ast
import functools
import hashlib
import importlib.util
import json
import pathlib

from ser_tinyml.codegen import firmware_tree

PACKAGES = ("schemas", "ser_tinyml", "components", "pipeline")


def digest_code(module: str) -> str:
    """Returns the hexadecimal SHA-256 of a module's code and of all of this project's that it imports, directly or not."""
    contents = {name: hashlib.sha256(content).hexdigest() for name, content in _find_code(module).items()}
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()


def list_modules(module: str) -> list[str]:
    """Returns the names of a module and of all of this project's that it imports, sorted."""
    return sorted(_find_paths(module))


def _find_code(module: str) -> dict[str, bytes]:
    """Returns the files that are code: modules, and what lies beside a package's modules without being one (templates)."""
    found = {}
    for name, path in _find_paths(module).items():
        found[name] = path.read_bytes()
        if path.name == "__init__.py":
            others = (p for p in sorted(path.parent.rglob("*")) if p.is_file() and p.suffix in _DATA_SUFFIXES)
            found |= {f"{name}/{other.relative_to(path.parent)}": other.read_bytes() for other in others}
        if name == firmware_tree.__name__:
            found |= {f"firmware/{place}": content for place, content in firmware_tree.read_firmware().items()}
    return found


_DATA_SUFFIXES = (".j2", ".css")


def _find_paths(module: str) -> dict[str, pathlib.Path]:
    found: dict[str, pathlib.Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or (path := _find_path(name)) is None:
            continue
        found[name] = path
        waiting += [name.rpartition(".")[0], *list_imports(path, for_types=False)]
    return found


def _find_path(name: str) -> pathlib.Path | None:
    """Returns the file of a module of this project, without importing it; None for somebody else's, or what is no module."""
    top, *below = name.split(".")
    spec = importlib.util.find_spec(top) if top in PACKAGES else None
    if spec is None or spec.origin is None:
        return None
    place = pathlib.Path(spec.origin).parent.joinpath(*below)
    candidates = (place / "__init__.py", place.with_suffix(".py"))
    return next((path for path in candidates if path.is_file()), None)


def list_imports(path: pathlib.Path, *, for_types: bool = True) -> tuple[str, ...]:
    """Returns what a file of Python imports anywhere in it, as `module` and as `module.name`: one of both is a module.

    Args:
      path: the file.
      for_types: whether to tell of imports below `if TYPE_CHECKING`, too, which do not run.
    """
    return _parse_imports(path.read_text(), for_types)


@functools.cache  # all steps share most of their modules
def _parse_imports(code: str, for_types: bool) -> tuple[str, ...]:
    tree = ast.parse(code)
    if not for_types:
        tree = _WithoutTypes().visit(tree)
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(found)


class _WithoutTypes(ast.NodeTransformer):
    """Takes off what stands below `if TYPE_CHECKING`."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return None
        return self.generic_visit(node)
