import dataclasses
import json

import pytest

from components.example_gen import component as example_gen
from pipeline.lineage import Lineage
from pipeline.steps import STEPS
from ser_tinyml.store import artifact, files

STEP = STEPS[0]
PARAMETERS = example_gen.Parameters()


@pytest.fixture
def root(tmp_path):
    """A root in which the first step has finished."""
    lineage = Lineage(str(tmp_path))
    run = lineage.describe_run(STEP, PARAMETERS)
    lineage.begin(STEP)
    artifact.begin(str(tmp_path / STEP.output), STEP.name, STEP.makes)
    files.write_text(str(tmp_path / STEP.output / "manifest.jsonl"), "{}\n")
    artifact.finish(str(tmp_path / STEP.output), STEP.name, STEP.makes)
    lineage.finish(STEP, run)
    return tmp_path


def is_finished(root, **changes):
    lineage = Lineage(str(root))
    parameters = dataclasses.replace(PARAMETERS, **changes)
    return lineage.is_finished(STEP, lineage.describe_run(STEP, parameters))


def test_a_step_that_ran_so_before_is_finished(root):
    assert is_finished(root)
    assert not is_finished(root, test_fraction=0.3)


@pytest.mark.parametrize("name", ["manifest.jsonl", "artifact.json"])
def test_a_step_whose_files_changed_is_not(root, name):
    (root / STEP.output / name).write_text("{}")
    assert not is_finished(root)


def test_a_step_that_began_again_is_not(root):
    Lineage(str(root)).begin(STEP)
    assert not is_finished(root)


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", "3", '"x"', "null", "\0\0", "other version", "other kind"])
def test_a_damaged_history_is_set_aside_with_a_message(root, content, capsys):
    path = root / "lineage.json"
    stored = json.loads(path.read_text())
    changed = {"other version": {"version": 99}, "other kind": {"kind": "board"}}.get(content)
    damaged = json.dumps(stored | changed) if changed else content
    for number in (1, 2):
        path.write_text(damaged)
        assert not is_finished(root)
        assert f"set aside as {path}.damaged-{number}, all steps run again" in capsys.readouterr().out
        assert (root / f"lineage.json.damaged-{number}").read_text() == damaged
    assert not path.exists()
