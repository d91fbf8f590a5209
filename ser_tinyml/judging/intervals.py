"""Confidence intervals: how the next stranger will fare, and whether one model really does better than another."""

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np

from schemas.run_files import Interval, Scores
from ser_tinyml.judging import metrics

_RESAMPLES = 2_000
_QUANTILES = (0.025, 0.975)


@dataclasses.dataclass(frozen=True)
class _Resampled:
    """Clips that are alike, counted anew in each resample."""

    kinds: np.ndarray  # int64 [kinds, 1 + models]: the true class, and what each model says
    counts: np.ndarray  # int64 [resamples, kinds]

    def find_recalls(self, n_classes: int) -> np.ndarray:
        """Returns the recalls of the first model, float64 [resamples, n_classes]; NaN where no clip of a class was drawn."""
        true, right = self.kinds[:, 0], self.kinds[:, 0] == self.kinds[:, 1]
        one_hot = np.eye(n_classes)[true]
        with np.errstate(invalid="ignore"):
            return (self.counts @ (one_hot * right[:, np.newaxis])) / (self.counts @ one_hot)

    def score(self, model: int, n_classes: int) -> dict[str, np.ndarray]:
        """Returns the metrics of `metrics.score` for a model's column of `kinds`, float64 [resamples] each."""
        true, predicted = self.kinds[:, 0], self.kinds[:, 1 + model]
        one_hot = np.eye(n_classes)
        hits = self.counts @ (one_hot[true] * (true == predicted)[:, np.newaxis])
        return metrics.score_counts(hits, self.counts @ one_hot[true], self.counts @ one_hot[predicted])


def score_intervals(true: np.ndarray, predicted: np.ndarray, speakers: Sequence[str]) -> dict[str, Interval]:
    """Returns the 95 % interval of each metric by a bootstrap in two stages: speakers, then the clips of each.

    The clips of one speaker are not independent, and the question is how the next stranger will fare. With few speakers the
    first stage alone would be too sure of itself. Of a single speaker, or of speakers whom nobody named, the interval is over
    clips alone.

    Args:
      true: int64 [clips].
      predicted: int64 [clips].
      speakers: of each clip.

    Returns:
      Metric -> (lower, upper).
    """
    resampled = _resample(np.stack([true, predicted], axis=1), speakers)
    return _find_quantiles(resampled.score(0, _count_classes(true, predicted)))


def score_strangers(true: np.ndarray, predicted: np.ndarray, speakers: Sequence[str]) -> Scores:
    """Returns the metrics of `metrics.score` with the intervals of `score_intervals`."""
    found = metrics.score(true, predicted)
    return dataclasses.replace(found, intervals=score_intervals(true, predicted, speakers))


def recall_intervals(
    true: np.ndarray, predicted: np.ndarray, speakers: Sequence[str], n_classes: int
) -> list[Interval | None]:
    """Returns the interval of each class's recall, by the bootstrap of `score_intervals`; None of a class without clips."""
    recalls = _resample(np.stack([true, predicted], axis=1), speakers).find_recalls(n_classes)
    occurs = np.isin(np.arange(n_classes), true)
    return [
        _find_quantiles({"": recalls[~np.isnan(recalls[:, each]), each]})[""] if occurs[each] else None
        for each in range(n_classes)
    ]


def difference_intervals(
    true: np.ndarray, one: np.ndarray, other: np.ndarray, speakers: Sequence[str]
) -> dict[str, Interval]:
    """Returns the 95 % interval of how much more `one` has of each metric than `other`, both on the same clips.

    The bootstrap is that of `score_intervals`, paired: both models meet the same speakers and clips in each resample.
    """
    resampled = _resample(np.stack([true, one, other], axis=1), speakers)
    n_classes = _count_classes(true, one, other)
    scores, others = resampled.score(0, n_classes), resampled.score(1, n_classes)
    return _find_quantiles({name: scores[name] - others[name] for name in scores})


def hit_difference_interval(true: np.ndarray, one: np.ndarray, other: np.ndarray) -> Interval:
    """Returns the 95 % interval of how much more accurate `one` is than `other`, over clips alone, as shares of them.

    It is that of two forms of one network, whose differences are a matter of rounding and not of who speaks.
    """
    counts = np.bincount((one == true).astype(int) - (other == true).astype(int) + 1, minlength=3)
    drawn = _generator(counts).multinomial(len(true), counts / len(true), _RESAMPLES)
    return _find_quantiles({"": (drawn[:, 2] - drawn[:, 0]) / len(true)})[""]


def _resample(rows: np.ndarray, speakers: Sequence[str]) -> _Resampled:
    """Draws speakers, then as many clips of each as it has, all with replacement; `rows` are int64 [clips, 1 + models]."""
    kinds, kind_of_clip = np.unique(rows, axis=0, return_inverse=True)
    names, speaker_of_clip = np.unique(np.array(speakers), return_inverse=True)
    counts = np.zeros((len(names), len(kinds)), np.int64)
    np.add.at(counts, (speaker_of_clip, kind_of_clip.reshape(-1)), 1)
    rng = _generator(np.concatenate([kinds.ravel(), counts.ravel()]))
    times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), _RESAMPLES)
    drawn = np.zeros((_RESAMPLES, len(kinds)), np.int64)
    for speaker, clips in enumerate(counts):
        present = np.flatnonzero(clips)
        drawn[:, present] += rng.multinomial(times[:, speaker] * clips.sum(), clips[present] / clips.sum())
    return _Resampled(kinds, drawn)


def _generator(content: np.ndarray) -> np.random.Generator:
    """Returns a generator whose seed is what is resampled."""
    seed = hashlib.sha256(np.ascontiguousarray(content, np.int64).tobytes()).digest()
    return np.random.default_rng(int.from_bytes(seed, "big"))


def _count_classes(*classes: np.ndarray) -> int:
    return 1 + max(int(each.max()) for each in classes)


def _find_quantiles(resampled: dict[str, np.ndarray]) -> dict[str, Interval]:
    return {name: tuple(np.quantile(values, _QUANTILES).tolist()) for name, values in resampled.items()}
