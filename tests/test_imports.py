"""Imports go one way, downwards: pipeline -> components -> ser_tinyml -> schemas; no step imports another."""

import pathlib
import subprocess
import sys

import pytest

from ser_tinyml.cli import COMMANDS
from ser_tinyml.store.code_digest import PACKAGES, list_imports

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
ABOVE = {"schemas": 3, "ser_tinyml": 2, "components": 1, "pipeline": 0}  # how many of PACKAGES lie above
MODULES = sorted(path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py"))
STEPS = {path.parent.name for path in REPOSITORY.glob("components/*/component.py")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_module_imports_only_what_lies_below_it(path):
    package, *below = path.relative_to(REPOSITORY).parts
    upper = PACKAGES[len(PACKAGES) - ABOVE[package] :]
    for name in list_imports(path):
        top, *rest = name.split(".")
        assert top not in upper, f"{path} imports {name}"
        if (package, top) == ("components", "components") and below[0] in STEPS and rest and rest[0] in STEPS:
            assert rest[0] == below[0], f"{path} imports {name}"


def test_who_loads_tensorflow_is_below_a_package_that_has_chosen_its_keras():
    """`ser_tinyml` chooses it; `components` imports that first."""
    loaders = {path.relative_to(REPOSITORY).parts[0] for path in MODULES if "tensorflow" in list_imports(path)}
    assert loaders <= {"ser_tinyml", "components"}
    assert list(list_imports(REPOSITORY / "components/__init__.py")) == ["ser_tinyml"]


@pytest.mark.parametrize("module", ["ser_tinyml.store.dataset", "components.trainer.component"])
def test_a_module_alone_gives_the_keras_that_fuses_lstms(module):
    """In an interpreter of its own, as a user imports it."""
    command = [sys.executable, "-c", f"import {module}, tensorflow; print(tensorflow.keras.Model.__module__)"]
    shown = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert shown.startswith("tf_keras.")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_looks_at_its_flags_without_what_takes_seconds_to_load(command):
    code = "import sys; from ser_tinyml.cli import main; main()"
    shown = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code, command, "--no_such_flag"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 2, shown.stderr
    loaded = {line.rpartition("|")[2].strip() for line in shown.stderr.splitlines()}
    assert "absl.flags" in loaded or command in (
        "predict",
        "listen",
        "monitor",
        "capture",
        "compare",
        "demo-corpus",
        "export-hub",
        "completion",
        "corpora",
    )
    assert not loaded & {"tensorflow", "apache_beam", "sklearn"}
