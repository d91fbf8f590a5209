import json
import os
import pathlib
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent


def test_what_others_wrote_is_imported_untraced_and_our_lines_are_counted(tmp_path):
    (tmp_path / "theirs.py").write_text("import sys\ntraced = sys.gettrace() is not None\n")
    told = "import sys, theirs\nimport schemas.errors\nprint(theirs.traced, sys.gettrace() is not None)\n"
    (tmp_path / "main.py").write_text(told)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    environment |= {"PYTHONPATH": f"{REPOSITORY}:{tmp_path}", "COVERAGE_FILE": str(tmp_path / "data")}

    def run(*command: str | pathlib.Path) -> str:
        return subprocess.run(
            [sys.executable, "-m", "coverage", *command],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        ).stdout

    assert run("run", tmp_path / "main.py") == "False True\n"
    run("combine", "--quiet")
    run("json", "--quiet", "-o", tmp_path / "report.json")
    files = json.loads((tmp_path / "report.json").read_text())["files"]
    assert files["schemas/errors.py"]["summary"]["percent_statements_covered"] == 100
