"""A search as a user runs it."""

import importlib.util
import json

import pytest

pytestmark = pytest.mark.skipif(not importlib.util.find_spec("optuna"), reason="Optuna is not installed")

# Two front ends at most, and networks that train in seconds.
SMALL = (
    *("--augment=clean", "--n_mfcc=13", "--window_hop=0.5", "--lstm_units=8", "--epochs=1", "--batch_size=16"),
    *("--folds=2", "--num_shards=1", "--max_ms=160"),
)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--conv_filters=8", "it goes without --conv_filters"),
        ("--fold=1/2", "folds of its own"),
        ("--quantization_aware", "tune trains in float"),
        ("--max_ms=0", "--max_ms=0.0: above 0"),
    ],
)
def test_what_cannot_be_searched_is_told(run, tmp_path, flag, message):
    ended = run("pipeline.tune", f"--pipeline_root={tmp_path / 'root'}", flag, "--corpus=folder:x", check=False)
    assert ended.returncode == 2 and message in ended.stderr, ended.stderr


def test_a_budget_that_nothing_fits_ends_the_search_before_any_training(run, demo_flags, tmp_path):
    flags = (*demo_flags, *SMALL[:-1], "--max_ms=1", f"--pipeline_root={tmp_path}")
    first = run("pipeline.tune", *flags, check=False)
    assert first.returncode == 1 and "configurations are beyond the budget" in first.stderr, first.stderr
    assert "raise --max_flash_kb or --max_ms" in first.stderr
    trials = [json.loads(line) for line in (tmp_path / "tune/trials.jsonl").read_text().splitlines()]
    assert all(trial["pruned"].endswith("ms a decision, 1 are allowed") for trial in trials)
    assert len(trials) == first.stdout.count("not trained: ") and not (tmp_path / "tune/predictions").exists()
    other = run("pipeline.tune", *flags, "--seed=1", check=False)
    assert other.returncode == 1 and "holds a study of other flags" in other.stderr


@pytest.mark.slow
def test_a_search_goes_on_with_the_same_trials_and_its_flags_are_those_of_a_run(run, demo_flags, tmp_path):
    undisturbed, resumed = tmp_path / "undisturbed", tmp_path / "resumed"
    flags = (*demo_flags, *SMALL)
    shown = run("pipeline.tune", *flags, "--trials=3", f"--pipeline_root={undisturbed}").stdout
    run("pipeline.tune", *flags, "--trials=2", f"--pipeline_root={resumed}")
    again = run("pipeline.tune", *flags, "--trials=3", f"--pipeline_root={resumed}").stdout
    assert "trials were done before" in again
    journal = (undisturbed / "tune/trials.jsonl").read_text()
    assert (resumed / "tune/trials.jsonl").read_text() == journal

    trials = [json.loads(line) for line in journal.splitlines()]
    trained = [trial for trial in trials if not trial["pruned"]]
    assert len(trained) == 3 and all(len(trial["validation_uar"]) == 2 for trial in trained)
    assert trials[0]["pruned"].endswith("ms a decision, 160 are allowed")  # the preset's prosody
    assert (undisturbed / "tune/tuning.md").read_text() in shown
    assert "<svg" in (undisturbed / "tune/tuning.html").read_text()

    other = run("pipeline.tune", *flags, "--max_ms=161", f"--pipeline_root={resumed}", check=False)
    assert other.returncode == 1 and "holds a study of other budget" in other.stderr

    few = ("--board_clips=2", "--noise_clips=0", "--min_uar=0", "--min_recall=0")
    ended = run("pipeline.run", f"--flagfile={undisturbed / 'tune/best.flags'}", *few, check=False)
    assert ended.returncode in (0, 3), ended.stderr  # a network as small as this may fail a gate
    used = json.loads((undisturbed / "best/lineage.json").read_text())["steps"]["trainer"]["parameters"]
    best = max(trained, key=lambda trial: sum(trial["validation_uar"]))
    assert {name: used[name] for name in best["flags"] if name in used} == {
        name: value for name, value in best["flags"].items() if name in used
    }
