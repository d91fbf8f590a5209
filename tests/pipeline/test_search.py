"""What is searched, and that a search goes on as if it had not been broken off. No network is trained: a formula is the UAR."""

import importlib.util
import pathlib
import sys

import pytest

from components.trainer.parameters import Parameters as Trainer
from components.transform.parameters import Parameters as Transform
from pipeline.search import GROUPS, Search
from schemas.errors import UserError

CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "pipeline" / "configs"
PAIR = 2 * 512 / 16_000

needs_optuna = pytest.mark.skipif(not importlib.util.find_spec("optuna"), reason="Optuna is not installed")


def begin(given=(), seed: int = 0) -> Search:
    return Search(given, seed=seed, frame_pair_seconds=PAIR)


def go_on(search: Search, count: int) -> list[tuple[dict, dict]]:
    """Draws so many trials; those of two LSTMs are beyond the budget."""
    made = []
    for _ in range(count):
        drawn, flags, draw = search.draw()
        made.append((drawn, flags))
        tell(draw, flags)
    return made


def tell(draw, flags: dict) -> None:
    if "," in flags["lstm_units"]:
        draw.prune(excess=0.25)
    else:
        draw.tell(flags["dropout"] + flags["dense_units"] / 100 - flags["n_mfcc"] / 50)


@needs_optuna
def test_a_search_that_was_broken_off_goes_on_with_the_draws_of_an_undisturbed_one():
    undisturbed = go_on(begin(), 30)
    resumed = begin()
    for drawn, flags in undisturbed[:17]:
        *again, draw = resumed.draw(drawn)
        assert again == [drawn, flags]
        tell(draw, flags)
    assert go_on(resumed, 13) == undisturbed[17:]
    assert len({str(flags) for _, flags in undisturbed}) > 20


@needs_optuna
def test_another_seed_draws_other_trials():
    assert go_on(begin(seed=1), 5)[2:] != go_on(begin(), 5)[2:]


@needs_optuna
@pytest.mark.parametrize(("number", "preset"), enumerate(["default", "small"]))
def test_it_begins_with_the_presets(number, preset):
    lines = [line[2:].split("=", 1) for line in (CONFIGS / f"{preset}.flags").read_text().splitlines() if "=" in line]
    _, flags = go_on(begin(), 2)[number]
    stated = {name: value for name, value in lines if name in flags}
    assert len(stated) >= 7
    found = {name: ",".join(value) if isinstance(value, tuple) else str(value) for name, value in flags.items()}
    assert stated == {name: found[name] for name in stated}
    defaults = Transform()
    assert (flags["center"], flags["n_mfcc"]) == (defaults.center, defaults.n_mfcc)


@needs_optuna
def test_the_steps_take_every_draw():
    windows = set()
    for _, flags in go_on(begin(), 30):
        mine = {name: value for name, value in flags.items() if hasattr(Transform, name)}
        front_end = Transform(**mine).make_front_end()
        assert front_end.shares_frames == (not flags["center"])
        Trainer(**{name: value for name, value in flags.items() if name not in mine}).check_front_end(front_end)
        windows.add(flags["window_hop"])
    assert windows == {0.5, 0.512}


@needs_optuna
def test_a_flag_that_is_given_is_not_searched_and_some_flag_must_be_left():
    _, flags = go_on(begin(["epochs", "window_hop", "corpus"]), 1)[0]
    assert flags.keys() == {name for group in GROUPS for name in group} - {"epochs", "center", "window_hop"}
    with pytest.raises(UserError, match="nothing is left to search"):
        begin([group[0] for group in GROUPS])


def test_without_optuna_it_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UserError, match=r"Optuna, which is not installed: pip install 'ser-tinyml\[train,tune\]'"):
        begin()
