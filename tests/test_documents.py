"""What README and docs say, held to what is there: recipes run, flags exist, messages are the code's, links lead."""

import ast
import functools
import itertools
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
from typing import NamedTuple

import pytest
import yaml
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.steps import STEPS
from schemas.manifest import ManifestRow
from ser_tinyml.cli import COMMANDS
from ser_tinyml.version import VERSION
from tests.conftest import run_command

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")])


class Recipe(NamedTuple):
    """A fenced block of commands, how its comment says it is tried, and the block of text behind it."""

    page: str
    kind: str  # quick, slow, or flags: not run, since it needs a cloud or what is not there; its flags are checked
    needs: tuple[str, ...]
    commands: str
    shown: str


def list_recipes(page: pathlib.Path) -> list[Recipe]:
    """Returns the recipes of a page, in their order."""
    found = re.findall(
        r"<!-- recipe: (\w+)(?:, needs ([\w .-]+))? -->\n```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?",
        page.read_text(),
        re.DOTALL,
    )
    return [Recipe(page.name, kind, tuple(needs.split()), commands, shown) for kind, needs, commands, shown in found]


def list_commands(text: str) -> list[list[str]]:
    """Returns the words of each of our commands in a block: the command's name, then its flags and paths."""
    commands = []
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        words.whitespace_split = True
        parts = [
            list(part) for is_word, part in itertools.groupby(words, lambda word: word[0] not in "|&;<>") if is_word
        ]
        commands += [found for found in map(find_command, parts) if found]
    return commands


def find_command(words: list[str]) -> list[str]:
    """Returns a command of ours without what starts it; [] of any other."""
    if pathlib.PurePath(words[0]).name == "ser-tinyml":
        return words[1:]
    if words[:2] == ["python", "-m"] and words[2] == "ser_tinyml":
        return words[3:]
    is_module = words[:2] == ["python", "-m"] and words[2].startswith(("pipeline.", "components."))
    return [words[2].partition(".")[2], *words[3:]] if is_module else []


@functools.cache
def list_flags(command: str) -> frozenset[str]:
    """Returns the flags that a command's help lists."""
    words = [sys.executable, "-m", "ser_tinyml", command, "--help"]
    shown = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    return frozenset(re.findall(r"--(?:\[no\])?([\w-]+)", shown))


def is_known(command: str, flag: str) -> bool:
    """Tells whether a command takes a flag, as its own or, of the data job's commands, as Beam's."""
    name = flag.removeprefix("--").partition("=")[0]
    known = list_flags(command)
    if name in known or (name == "flagfile" and "preset" in known):  # absl's own, which no help lists
        return True
    is_beams = name in PipelineOptions([flag if "=" in flag else f"{flag}=1"]).get_all_options(drop_default=True)
    return command in ("run", "transform", "bulk") and is_beams


README = list_recipes(REPOSITORY / "README.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_flags_of_a_page_are_known(page):
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    for name, *words in (words for block in blocks for words in list_commands(block) if words):
        if not name.startswith("-"):
            assert name in COMMANDS, f"{page.name}: {name}"
            flags = [word for word in words if re.match(r"--\w", word)]
            assert [flag for flag in flags if not is_known(name, flag)] == [], f"{page.name}: {name}"


def test_every_make_target_of_a_page_is_there():
    targets = set(re.findall(r"^([\w-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"(?:`|^)make ([a-z][a-z0-9-]*)(?=[`\s,;])", page.read_text(), re.MULTILINE))
        assert named <= targets, page.name


@pytest.fixture
def folder(tmp_path, demo_root, demo_corpus):
    """A fresh folder in which the demo has run, `ser-tinyml` is a program, and a user has recordings of his own."""
    program = tmp_path / ".venv" / "bin" / "ser-tinyml"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{REPOSITORY}" exec "{sys.executable}" -m ser_tinyml "$@"\n')
    program.chmod(0o755)
    root = tmp_path / "build" / "demo"
    root.mkdir(parents=True)
    for part in demo_root.iterdir():
        (root / part.name).symlink_to(part)
    (root / "corpus").symlink_to(demo_corpus)
    for line in (demo_root / "manifest" / "manifest.jsonl").read_text().splitlines():
        row = ManifestRow(**json.loads(line))
        place = tmp_path / "mine" / row.label / f"{row.corpus}-{row.speaker}"
        place.mkdir(parents=True, exist_ok=True)
        (place / pathlib.Path(row.path).name).symlink_to(row.path)
    return tmp_path


def to_pattern(line: str) -> str:
    """Returns what a line of output must match: numbers and classes may be others, and less certain; … stands for anything."""
    classes = r"(?:neutral|happy|surprise|unpleasant)(?: \(uncertain\))?"
    kinds = {
        "…": ".*",
        r"-?[\d.,]*\d": r"-?[\d.,]+(?:e-?\d+)?",
        classes: classes,
        r"\s+": r"\s+",
    }
    parts = re.split(f"({'|'.join(kinds)})", line.strip())
    return "".join(
        next((to for kind, to in kinds.items() if re.fullmatch(kind, part)), re.escape(part)) for part in parts
    )


def check_shown(shown: str, expected: str) -> None:
    """Fails where the lines that are expected do not come in their order."""
    lines = iter(shown.splitlines())
    for line in expected.splitlines():
        pattern = to_pattern(line)
        assert pattern == ".*" or any(re.search(pattern, given) for given in lines), f"{line!r} is not in\n{shown}"


def try_recipe(recipe: Recipe, folder: pathlib.Path) -> None:
    """Runs a recipe as it stands there."""
    if missing := [program for program in recipe.needs if not shutil.which(program)]:
        pytest.skip(f"{', '.join(missing)} not installed")
    path = f"{folder / '.venv' / 'bin'}:{os.environ['PATH']}"
    shell = ["bash", "-e", "-o", "pipefail", "-c", recipe.commands]
    ran = subprocess.run(shell, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    check_shown(ran.stdout, recipe.shown)


@pytest.mark.parametrize("recipe", [r for r in README if r.kind == "quick"], ids=lambda recipe: recipe.commands[:30])
def test_a_quick_recipe_shows_what_the_readme_says(recipe, folder):
    try_recipe(recipe, folder)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [r for r in README if r.kind == "slow"], ids=lambda recipe: recipe.commands[:30])
def test_a_slow_recipe_shows_what_the_readme_says(recipe, folder):
    try_recipe(recipe, folder)


def test_a_recipe_has_at_most_ten_lines_and_every_block_of_the_readme_is_one():
    blocks = re.findall(r"```sh\n", (REPOSITORY / "README.md").read_text())
    assert len(blocks) == len(README) and {recipe.kind for recipe in README} <= {"quick", "slow", "flags"}
    assert all(len(recipe.commands.splitlines()) <= 10 for recipe in README)


def test_another_output_than_expected_is_noticed():
    check_shown("begin\na.wav  2.4  happy (uncertain)  4e-05\nend", "…\na.wav  1.3  neutral  0.5\ne…")
    for wrong in ("b.wav  2.4  happy  0.4", "a.wav  2.4  angry  0.4", "a.wav  x  happy  0.4"):
        with pytest.raises(AssertionError):
            check_shown(wrong, "a.wav  1.3  neutral  0.5")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_to_files_and_headings(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name}: {link}"
        if heading:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}, link


def list_templates() -> list[str]:
    """Returns every text of the code, with … where it puts something in, and CMake's files."""
    texts = []
    for folder in ("schemas", "ser_tinyml", "components", "pipeline"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                    texts.append("".join(map(str, parts)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    texts.append(node.value)
    cmake = [REPOSITORY / "firmware" / "CMakeLists.txt", *(REPOSITORY / "firmware" / "cmake").glob("*.cmake")]
    return texts + [re.sub(r"\$\{\w+\}", "…", path.read_text()) for path in cmake]


def test_every_message_of_the_troubleshooting_page_is_one_of_the_codes():
    messages = re.findall(r"^\| `(.*?)` \|", (REPOSITORY / "docs" / "troubleshooting.md").read_text(), re.MULTILINE)
    templates = list_templates()
    patterns = {said: re.compile(".*?".join(map(re.escape, said.split("…")))) for said in messages}
    assert len(messages) > 30
    assert [said for said, pattern in patterns.items() if not any(map(pattern.search, templates))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_file_that_a_page_names_is_there(page):
    rooms = "schemas|ser_tinyml|components|pipeline|firmware|tests|tools|docs|benchmarks"
    for named in re.findall(rf"`((?:{rooms})/[\w./-]+)`", page.read_text()):
        assert "NAME" in named or (REPOSITORY / named).exists(), f"{page.name}: {named}"


@pytest.mark.slow
def test_the_tutorial_runs_from_top_to_bottom(folder):
    """It takes the demo's run as it is, and trains three small networks of its own: some 100 s of one core."""
    output = folder / "tutorial.ipynb"
    run_command("tools.tutorial", f"--folder={folder}", f"--output={output}")
    cells = [cell for cell in json.loads(output.read_text())["cells"] if cell["cell_type"] == "code"]
    assert len(cells) == 10 and all(cell["execution_count"] for cell in cells)
    said = "".join("".join(out.get("text", "")) for cell in cells for out in cell["outputs"])
    assert len(re.findall(r"^split by \w+ +UAR 0\.\d\d", said, re.MULTILINE)) == 3 and "FAILED" not in said


def test_the_tutorial_is_kept_with_what_its_cells_gave_and_no_path_of_a_machine():
    text = (REPOSITORY / "docs" / "tutorial.ipynb").read_text()
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] for cell in cells[1:]) and not re.search(r"/(?:tmp|home|root|work|Users)/", text)


def test_the_site_builds_and_every_page_and_link_of_it_leads_somewhere(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", f"--site-dir={tmp_path / 'site'}"]
    built = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert {page.stem for page in (REPOSITORY / "docs").glob("*.md")} <= {
        page.stem for page in (tmp_path / "site").iterdir()
    }
    assert "<table>" in (tmp_path / "site" / "glossary.html").read_text()


def test_the_hooks_before_a_commit_are_what_lint_does():
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"]
    entries = [hook["entry"] for repo in hooks for hook in repo["hooks"]]
    makefile = (REPOSITORY / "Makefile").read_text()
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)[1].replace("$(BIN)", ".venv/bin")
    assert entries == [line.strip() for line in lint.splitlines()]


def test_the_citation_is_of_this_version():
    cited = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert cited["version"] == VERSION and cited["cff-version"] == "1.2.0"
    assert cited["license"] == "Apache-2.0" and all(author["name"] for author in cited["authors"])


def test_the_devcontainer_builds_what_is_there():
    container = json.loads((REPOSITORY / ".devcontainer" / "devcontainer.json").read_text())
    assert (REPOSITORY / ".devcontainer" / container["build"]["dockerfile"]).resolve() == REPOSITORY / "Dockerfile"
    assert all((REPOSITORY / word).exists() for word in container["postCreateCommand"].split() if "/" in word)


def test_the_commands_for_other_orchestrators_make_the_pipelines_graph():
    page = (REPOSITORY / "docs" / "orchestration.md").read_text()
    commands = {name: set(flags) for name, *flags in list_commands(re.search(r"```sh\n(.*?)```", page, re.DOTALL)[1])}
    assert list(commands) == [step.name for step in STEPS]
    for step in STEPS:
        paths = step.inputs | {"output": step.output}
        graph = {f"--{name}=ROOT/{path}" for name, path in paths.items()}
        assert commands[step.name] - {"--corpus=folder:mine"} == graph, step.name
