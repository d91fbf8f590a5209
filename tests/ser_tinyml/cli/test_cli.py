import importlib.util
import json
import pathlib
import re
import subprocess
import sys

import pytest

from schemas.errors import GateFailed, UsageError, UserError
from ser_tinyml.cli import COMMANDS
from ser_tinyml.cli.endings import told_in_one_message
from ser_tinyml.corpora import CORPORA
from ser_tinyml.version import VERSION

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


def test_help_lists_every_command_without_loading_tensorflow_or_beam():
    code = """
import sys
sys.argv = ["ser-tinyml", "--help"]
from ser_tinyml.cli import main
main()
assert not {"tensorflow", "apache_beam", "numpy"} & set(sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name, command in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(command.help)}$", result.stdout, re.MULTILINE), name


@pytest.mark.parametrize("words", [["nonsense"], []], ids=["unknown", "none"])
def test_what_is_no_command_is_bad_usage_and_shows_the_list(run, words):
    result = run("ser_tinyml", *words, check=False)
    assert result.returncode == 2 and result.stdout == ""
    assert all(f"  {name} " in result.stderr for name in COMMANDS)


def test_every_step_and_the_pipeline_is_a_command():
    steps = {path.parent.name for path in REPOSITORY.glob("components/*/component.py")}
    modules = {
        command.module.split(".")[1] for command in COMMANDS.values() if command.module.startswith("components.")
    }
    assert steps == modules and "run" in COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_module_has_a_function_main(name):
    spec = importlib.util.find_spec(COMMANDS[name].module)
    assert "\ndef main() -> None:" in pathlib.Path(spec.origin).read_text()


@pytest.mark.parametrize("words", [["--version"], ["corpora", "--version"], ["example_gen", "--version"]], ids=" ".join)
def test_version_is_that_of_the_project(run, words):
    assert run("ser_tinyml", *words).stdout == f"ser-tinyml {VERSION}\n"


def test_corpora_are_listed_with_licence_and_page(run):
    rows = json.loads(run("ser_tinyml", "corpora", "--json").stdout)
    assert [row["name"] for row in rows] == list(CORPORA)
    for row in rows:
        corpus = CORPORA[row["name"]]
        assert (row["licence"], row["page"], row["speakers"]) == (corpus.licence, corpus.page, len(corpus.speakers))
    header, *lines = run("ser_tinyml", "corpora").stdout.splitlines()
    assert header.split() == list(rows[0])
    places = {line.index(row["page"]) for line, row in zip(lines, rows, strict=True)}
    assert places == {header.index("page")}


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("no disk"), 1, "error: no disk\n"),
        (UsageError("no such name"), 2, "error: no such name\n"),
        (GateFailed("too slow"), 3, "error: too slow\n"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_ends_the_program_with_its_code_and_one_message(capsys, error, code, message):
    with pytest.raises(SystemExit) as ended, told_in_one_message():
        raise error
    assert ended.value.code == code
    assert capsys.readouterr().err == message


def test_debug_shows_the_traceback(capsys):
    with pytest.raises(SystemExit), told_in_one_message(debug=True):
        raise UserError("no disk")
    assert "Traceback" in (shown := capsys.readouterr().err) and shown.endswith("error: no disk\n")


def test_a_package_that_is_not_installed_is_named(run):
    code = """
import sys
sys.modules["espeakng_loader"] = None
sys.argv = ["ser-tinyml", "demo-corpus", "--output=x"]
from ser_tinyml.cli import main
main()
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith("error: the package espeakng_loader is not installed")
