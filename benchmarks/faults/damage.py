"""Damages every file of every artifact once in every way, and tells what each step that reads it, and the pipeline, make of it.

`python benchmarks/faults/damage.py` prints a table of outcomes, and ends with an error where a step takes a damaged artifact,
or fails otherwise than by a sentence that names the artifact.
"""

import collections
import contextlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import small_run

from pipeline.steps import STEPS, Step
from schemas.errors import UserError
from ser_tinyml.store import artifact


def _flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


_DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "cut": lambda content: content[: len(content) // 2],
    "one bit flipped": _flip,
    "emptied": lambda content: b"",
    "exchanged": lambda content: None,  # by the next file of its folder
    "removed": lambda content: None,
}


def main() -> None:
    """Runs the campaign."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder, "root")
        command = small_run.command(small_run.make_corpus(pathlib.Path(folder)), root)
        subprocess.run(command, check=True, capture_output=True)
        outcomes, silent = _damage_all(root)
        print(f"{'artifact':12} {'damage':16} {'files':>5}  outcomes of the steps that read it, and of the pipeline")
        for (made, damage), (count, told) in outcomes.items():
            print(f"{made:12} {damage:16} {count:5}  {', '.join(f'{n} {text}' for text, n in sorted(told.items()))}")
        expected, wrong = small_run.digest(root), []
        for step in STEPS:
            victim = sorted(path for path in (root / step.output).iterdir() if path.is_file())[-1]
            victim.write_bytes(_flip(victim.read_bytes()))
            again = subprocess.run(command, capture_output=True, text=True)
            ran = [
                line.split()[1]
                for line in again.stdout.splitlines()
                if line.startswith("== ") and "done before" not in line
            ]
            differing = small_run.differences(root, expected)
            wrong += [name for name in differing] + ([step.name] if again.returncode or step.name not in ran else [])
            print(f"pipeline, {victim.relative_to(root)} changed: ran {', '.join(ran)}; {len(differing)} files differ")
    print(f"{sum(count for count, _ in outcomes.values())} damages, {len(silent)} silent, {len(wrong)} not repaired")
    for line in silent + wrong:
        print(line)
    sys.exit(1 if silent or wrong else 0)


def _damage_all(root: pathlib.Path) -> tuple[dict, list[str]]:
    """Returns the outcomes by artifact and damage, and what was taken without a word."""
    outcomes: dict[tuple[str, str], tuple[int, collections.Counter]] = {}
    silent = []
    for maker in STEPS:
        made = sorted(path for path in (root / maker.output).rglob("*") if path.is_file() and "logs" not in path.parts)
        for damage, change in _DAMAGES.items():
            told: collections.Counter = collections.Counter()
            tried = 0
            for number, path in enumerate(made):
                content = path.read_bytes()
                other = made[(number + 1) % len(made)].read_bytes() if len(made) > 1 else b"another"
                if damage in ("cut", "one bit flipped", "emptied") and not content:
                    continue  # an empty file
                tried += 1
                path.unlink()
                if damage != "removed":
                    changed = change(content)
                    path.write_bytes(other if changed is None else changed)
                for outcome in _observe(root, maker):
                    told[outcome] += 1
                    if outcome.startswith("SILENT"):
                        silent.append(f"{path.relative_to(root)}, {damage}: {outcome}")
                path.write_bytes(content)
            outcomes[maker.output, damage] = tried, told
    return outcomes, silent


def _observe(root: pathlib.Path, maker: Step) -> list[str]:
    """Returns what each step that reads an artifact makes of it, and whether the pipeline would make it again."""
    outcomes = []
    for step in STEPS:
        if maker.output not in [path.partition("/")[0] for path in step.inputs.values()]:
            continue
        inputs = {name: str(root / path) for name, path in step.inputs.items()}
        with tempfile.TemporaryDirectory() as output:
            told = io.StringIO()
            try:
                with contextlib.redirect_stdout(told):
                    step.component.run(output=f"{output}/out", parameters=step.parameters(), **inputs)
                outcomes.append(
                    "told" if "taken as written by hand" in told.getvalue() else f"SILENT: {step.name} took it"
                )
            except UserError as error:
                named = maker.output in str(error)
                outcomes.append("named error" if named else f"SILENT: {step.name} says {error}")
            except Exception as error:
                outcomes.append(f"SILENT: {step.name} ended with {type(error).__name__}: {error}")
    try:
        artifact.verify(str(root / maker.output))
        outcomes.append("SILENT: the pipeline takes it for finished")
    except UserError:
        outcomes.append("made again")
    return outcomes


if __name__ == "__main__":
    main()
