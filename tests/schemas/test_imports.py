"""Imports go one way, downwards: pipeline -> components -> schemas."""

import ast
import pathlib

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
STEPS = {path.parent.name for path in REPOSITORY.glob("components/*/component.py")}
# The readers are a part that example_gen reads corpora with, not a step.
ALLOWED = {("example_gen", "corpora")}


def imported(path: pathlib.Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", sorted(REPOSITORY.glob("schemas/*.py")), ids=lambda p: p.name)
def test_schemas_import_nothing_of_the_project_but_schemas(path):
    assert not [name for name in imported(path) if name.split(".")[0] in ("components", "pipeline")]


@pytest.mark.parametrize("step", sorted(STEPS | {"corpora"}))
def test_a_step_imports_no_other_step_and_no_pipeline(step):
    for path in (REPOSITORY / "components" / step).glob("*.py"):
        for name in imported(path):
            parts = name.split(".")
            assert parts[0] != "pipeline", f"{path} imports {name}"
            if parts[0] == "components" and parts[1] in STEPS | {"corpora"}:
                assert parts[1] == step or (step, parts[1]) in ALLOWED, f"{path} imports {name}"
