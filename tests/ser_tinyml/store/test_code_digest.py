import pathlib
import shutil
import subprocess
import sys

import pytest

from ser_tinyml.store.code_digest import PACKAGES, list_modules

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
TRANSFORM, TRAINER = "components.transform.component", "components.trainer.component"


def test_a_step_is_all_that_it_imports_and_no_more():
    transform, trainer = (set(list_modules(name)) for name in (TRANSFORM, TRAINER))
    assert {"ser_tinyml.audio.mfcc", "ser_tinyml.audio.clip", "schemas.front_end"} <= transform
    assert {"ser_tinyml.network.fitting", "ser_tinyml.network.averaging", "ser_tinyml.store.dataset"} <= trainer
    assert not {name for name in transform if name.startswith(("ser_tinyml.report", "ser_tinyml.network"))}


@pytest.fixture
def digest(tmp_path):
    """Digests a step's code in a copy of the project, which the test may edit."""
    for package in (*PACKAGES, "firmware"):
        shutil.copytree(REPOSITORY / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))

    def run(module: str) -> str:
        program = f"from ser_tinyml.store.code_digest import digest_code; print(digest_code({module!r}))"
        command = [sys.executable, "-c", program]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    return run


@pytest.mark.parametrize(
    ("edited", "changes"),
    [
        ("ser_tinyml/report/png.py", ()),
        ("ser_tinyml/network/averaging.py", (TRAINER,)),
        ("ser_tinyml/audio/windows.py", (TRANSFORM,)),
        ("schemas/front_end.py", (TRAINER, TRANSFORM)),
        ("firmware/engine/ser_kernels.c", (TRAINER,)),
    ],
)
def test_an_edit_changes_the_digest_of_the_steps_that_import_the_file(digest, tmp_path, edited, changes):
    before = {name: digest(name) for name in (TRANSFORM, TRAINER)}
    with (tmp_path / edited).open("a") as file:
        file.write("\n\nEDITED = True\n")
    assert {name for name in before if digest(name) != before[name]} == set(changes)


@pytest.mark.parametrize(
    ("module", "edited"),
    [
        ("ser_tinyml.codegen", "ser_tinyml/codegen/templates/ser_model.c.j2"),
        ("ser_tinyml.codegen.firmware_tree", "firmware/engine/ser_kernels.c"),
    ],
)
def test_templates_and_the_firmware_are_code_of_what_reads_them(digest, tmp_path, module, edited):
    before = digest(module)
    assert len(before.strip()) == 64 and digest(module) == before
    (tmp_path / edited).write_text("another")
    assert digest(module) != before


def test_the_packages_that_a_module_is_in_are_code_that_it_runs():
    assert list_modules("schemas.errors") == ["schemas", "schemas.errors"]
    assert {"ser_tinyml", "ser_tinyml.codegen"} < set(list_modules("ser_tinyml.codegen.firmware_tree"))
    assert list_modules("json.decoder") == []
