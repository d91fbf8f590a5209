"""What `ser-tinyml tune` searches, and how: Optuna's TPE, whose every draw depends on the seed and the trials before alone."""

import hashlib
from collections.abc import Collection
from typing import Any

from schemas.errors import UserError

_PRESETS = (  # where the search begins: what pipeline/configs/default.flags and small.flags say
    {"layers": 2, "units_1": 128, "units_2": 64, "dense_units": 64, "learning_rate": 0.002, "epochs": 5},
    {"layers": 2, "units_1": 60, "units_2": 32, "dense_units": 32, "learning_rate": 0.003, "epochs": 8},
)
_AS_IN_BOTH = {
    "dropout": 0.3,
    "augment": "default",
    "n_mfcc": 13,
    "prosody": "pitch,voicing,energy",
    "center": True,
}
# Flags that are searched together. Where a person gives one of a group, the group is not searched.
GROUPS = (
    ("lstm_units",),
    ("dense_units",),
    ("dropout",),
    ("learning_rate",),
    ("epochs",),
    ("augment",),
    ("n_mfcc",),
    ("prosody",),
    ("center", "window_hop"),
)


class Search:
    """The draws, one after the other.

    Every trial has a sampler of its own, seeded by the study's seed and the trial's number. So a study that was broken off, and
    whose trials are told again, goes on as if it had not been.
    """

    def __init__(self, given: Collection[str], *, seed: int, frame_pair_seconds: float):
        """Begins a study.

        Args:
          given: names of the flags that are fixed.
          seed: of all draws.
          frame_pair_seconds: two hops of the front end: a device whose windows lie a multiple apart shares frames.

        Raises:
          UserError: Optuna is not installed, or every flag of the space is given.
        """
        self._optuna = _load_optuna()
        self._searched = [group for group in GROUPS if not set(group) & set(given)]
        if not self._searched:
            raise UserError("every flag that tune searches is given: nothing is left to search")
        self._seed = seed
        self._shared_hop = max(1, round(0.5 / frame_pair_seconds)) * frame_pair_seconds
        self._study = self._optuna.create_study(direction="maximize")
        self._number = 0

    @property
    def searched(self) -> list[str]:
        """The names of the flags that are searched."""
        return [name for group in self._searched for name in group]

    def draw(self, known: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any], "Draw"]:
        """Draws the next trial.

        Args:
          known: what was drawn, where this is a trial of before.

        Returns:
          What was drawn, in the search's names; the flags that it means; and what takes the result.
        """
        start = _PRESETS[self._number] | _AS_IN_BOTH if self._number < len(_PRESETS) else None
        if (fixed := known or start) is not None:
            self._study.enqueue_trial(fixed)
        told = hashlib.sha256(f"{self._seed} {self._number}".encode()).digest()
        self._study.sampler = self._optuna.samplers.TPESampler(seed=int.from_bytes(told[:4], "big"))
        self._number += 1
        trial = self._study.ask()
        flags: dict[str, Any] = {}
        for group in self._searched:
            flags |= self._suggest(trial, group[0])
        return dict(trial.params), flags, Draw(self._optuna, self._study, trial)

    def _suggest(self, trial: Any, name: str) -> dict[str, Any]:
        """Returns the flags of one group, as `trial` draws them."""
        if name == "lstm_units":
            layers = trial.suggest_int("layers", 1, 2)
            units = [
                trial.suggest_int(f"units_{n + 1}", low, high, step=4) for n, (low, high) in enumerate(_WIDTHS[:layers])
            ]
            return {name: ",".join(map(str, units))}
        if name == "learning_rate":
            return {name: float(f"{trial.suggest_float(name, 5e-4, 1e-2, log=True):.2g}")}
        if name == "dropout":
            return {name: round(trial.suggest_float(name, 0.0, 0.5, step=0.1), 1)}
        if name in _WHOLE_NUMBERS:
            low, high, step = _WHOLE_NUMBERS[name]
            return {name: trial.suggest_int(name, low, high, step=step)}
        if name == "center":
            center = trial.suggest_categorical(name, [True, False])
            return {name: center, "window_hop": 0.5 if center else self._shared_hop}
        chosen = trial.suggest_categorical(name, _CHOICES[name])
        return {name: (chosen,) if name == "augment" else chosen}


_WIDTHS = ((16, 192), (16, 96))  # the least and the most units of the first LSTM and of the second
_WHOLE_NUMBERS = {  # flag -> the least, the most, the step
    "dense_units": (16, 96, 4),
    "epochs": (2, 12, 1),
}
_CHOICES: dict[str, list[Any]] = {
    "augment": ["default", "none"],
    "n_mfcc": [13, 20],
    "prosody": ["pitch,voicing,energy", "energy", ""],
}


class Draw:
    """A trial that waits for its result."""

    def __init__(self, optuna: Any, study: Any, trial: Any):
        self._optuna, self._study, self._trial = optuna, study, trial

    def tell(self, uar: float) -> None:
        """Takes what the trial reached, the more the better."""
        self._study.tell(self._trial, uar)

    def prune(self, excess: float) -> None:
        """Takes by how much the trial was beyond the budget, the less the better."""
        self._trial.report(-excess, step=0)
        self._study.tell(self._trial, state=self._optuna.trial.TrialState.PRUNED)


def _load_optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise UserError(
            "tune searches with Optuna, which is not installed: pip install 'ser-tinyml[train,tune]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
