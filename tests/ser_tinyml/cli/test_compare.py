import json
import shutil

import pytest

from schemas.errors import UserError
from schemas.run_files import RunHistory
from ser_tinyml.judging.side_by_side import compare_runs
from ser_tinyml.store import run_files


@pytest.fixture(scope="module")
def worse(demo_root, tmp_path_factory):
    """A run of other flags that gets every happy clip wrong."""
    root = tmp_path_factory.mktemp("worse")
    shutil.copytree(demo_root / "evaluation", root / "evaluation")
    rows = [json.loads(line) for line in (demo_root / "evaluation/predictions.jsonl").read_text().splitlines()]
    for row in rows:
        if row["label"] == "happy":
            for probabilities in row["probabilities"].values():
                probabilities["happy"], probabilities["neutral"] = 0.0, 1.0
    (root / "evaluation/predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    history = run_files.read(RunHistory, str(demo_root))
    history.steps["trainer"].parameters["epochs"] = 99
    run_files.write(history, str(root))
    return root


def test_flags_that_differ_figures_and_the_paired_difference_are_shown(demo_root, worse, run):
    shown = run("ser_tinyml", "compare", demo_root, worse).stdout
    assert f"[1] {demo_root}" in shown and f"[2] {worse}" in shown
    (flags,) = [line.split() for line in shown.splitlines() if "trainer --" in line]
    assert flags == ["trainer", "--epochs", "5", "99"]
    (uar,) = [line for line in shown.splitlines() if line.startswith("  [2] uar")]
    assert "less" in uar and "-0." in uar
    assert "-" in next(line for line in shown.splitlines() if "RAM, bytes" in line)


def test_json_has_all_that_the_table_has(demo_root, worse, run):
    found = json.loads(run("ser_tinyml", "compare", demo_root, worse, "--json").stdout)
    assert found["roots"] == [str(demo_root), str(worse)] and found["differences"][0] is None
    assert found["differences"][1]["difference"]["uar"] < 0
    assert found["differences"][1]["intervals"]["uar"][1] < 0
    assert found["flags"] == {"trainer --epochs": [5, 99]}


def test_a_run_is_no_better_than_itself(demo_root):
    found = compare_runs([str(demo_root), str(demo_root)])
    assert found.flags == {} and found.differences[1].difference["uar"] == 0


def test_what_was_not_judged_is_told(demo_root, tmp_path, run):
    with pytest.raises(UserError, match="evaluation"):
        compare_runs([str(demo_root), str(tmp_path)])
    ended = run("ser_tinyml", "compare", demo_root, tmp_path, check=False)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
