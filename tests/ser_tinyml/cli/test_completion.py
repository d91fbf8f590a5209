"""The completion of bash and zsh, asked as the shell asks it."""

import os
import pathlib
import subprocess
import sys

import pytest

from ser_tinyml.cli import COMMANDS

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]

BASH = """
source {script}
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_ser_tinyml; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
# What zsh's completion system has shows what it is given.
ZSH = """
compdef() {{ }}; _files() {{ print FILES }}; compset() {{ }}
_describe() {{ print -l -- ${{${{(P)2}}%%:*}} }}; compadd() {{ print -l -- ${{@[2,-1]}} }}
source {script}
words=({words}); CURRENT=$#words; PREFIX=$words[-1]; _ser_tinyml
"""


@pytest.fixture
def ask(run, tmp_path):
    """`ask(shell, words)` returns what the shell may complete the last word to."""
    program = tmp_path / "ser-tinyml"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{REPOSITORY}" exec "{sys.executable}" -m ser_tinyml "$@"\n')
    program.chmod(0o755)

    def complete(shell: str, words: str) -> list[str]:
        script = tmp_path / "completion"
        script.write_text(run("ser_tinyml", "completion", shell).stdout)
        text = (BASH if shell == "bash" else ZSH).format(script=script, words=words)
        command = [shell, *(["-f"] if shell == "zsh" else ["--norc"]), "-c", text]
        environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        asked = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert asked.stderr == ""
        return asked.stdout.split()

    return complete


@pytest.mark.needs("bash")
def test_bash_completes_commands_and_flags(ask):
    assert ask("bash", "ser-tinyml 'ex'") == ["example_gen", "exporter", "export-hub"]
    assert ask("bash", "ser-tinyml predict --j") == ["--jobs", "--json"]
    assert ask("bash", "ser-tinyml example_gen --spl") == ["--split"]
    assert ask("bash", "ser-tinyml predict some") == []  # the shell's own completion of files follows


@pytest.mark.needs("zsh")
def test_zsh_completes_commands_flags_and_files(ask):
    assert ask("zsh", "ser-tinyml ''") == list(COMMANDS)
    assert {"--json", "--jobs", "--model", "--help"} <= set(ask("zsh", "ser-tinyml predict --"))
    assert ask("zsh", "ser-tinyml run --pipeline_root=bu") == ["FILES"] == ask("zsh", "ser-tinyml predict so")


def test_another_shell_is_refused(run):
    refused = run("ser_tinyml", "completion", "fish", check=False)
    assert refused.returncode == 2 and "bash" in refused.stderr and "zsh" in refused.stderr
