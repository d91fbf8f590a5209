"""The rows of an evaluation's predictions.jsonl, a clip each, and two evaluations of the same clips side by side."""

import dataclasses

import numpy as np

from schemas.errors import UserError
from schemas.run_files import Comparison
from ser_tinyml.judging import metrics
from ser_tinyml.judging.intervals import difference_intervals
from ser_tinyml.store import files
from ser_tinyml.store.digests import sha256_of

PREDICTIONS = "predictions.jsonl"


@dataclasses.dataclass(frozen=True)
class Clips:
    """Judged clips, and what each runtime says of them."""

    labels: tuple[str, ...]
    ids: tuple[str, ...]  # as `clip id/copy`
    speakers: tuple[str, ...]  # as `corpus/speaker`
    true: np.ndarray  # int64 [clips]
    elected: dict[str, np.ndarray]  # runtime -> int64 [clips]

    @property
    def flashed(self) -> np.ndarray:
        """What is nearest to the device: the int8 file on TFLM's kernels where that was judged."""
        return next(self.elected[name] for name in ("tflm", "int8", *self.elected) if name in self.elected)

    @classmethod
    def from_rows(cls, rows: list[dict]) -> "Clips":
        """Gathers rows of predictions.jsonl."""
        runtimes = rows[0]["probabilities"]
        labels = tuple(next(iter(runtimes.values())))
        elected = {
            runtime: np.array([np.argmax([row["probabilities"][runtime][label] for label in labels]) for row in rows])
            for runtime in runtimes
        }
        return cls(
            labels=labels,
            ids=tuple(f"{row['clip_id']}/{row['copy']}" for row in rows),
            speakers=tuple(name_speaker(row) for row in rows),
            true=np.array([labels.index(row["label"]) for row in rows]),
            elected=elected,
        )

    @classmethod
    def read(cls, run: str) -> "Clips":
        """Reads those of a run, or of an evaluation's folder; raises UserError where there are none, or are not such."""
        path = _find_predictions(run)
        try:
            return cls.from_rows(list(files.read_json_lines(path)))
        except (KeyError, IndexError, TypeError, ValueError, StopIteration) as error:
            raise UserError(f"{path}: its rows are no predictions of clips") from error


def digest_predictions(run: str) -> str:
    """Returns the hexadecimal SHA-256 of a run's predictions; raises UserError where it has none."""
    return sha256_of(_find_predictions(run))


def _find_predictions(run: str) -> str:
    places = [files.join(run, "evaluation", PREDICTIONS), files.join(run, PREDICTIONS)]
    if not (found := next(filter(files.exists, places), "")):
        raise UserError(f"{run} is no run that was judged: {places[0]} is not there")
    return found


def name_speaker(row: dict) -> str:
    """Returns a row's speaker as `corpus/speaker`."""
    return f"{row['corpus']}/{row['speaker']}"


def compare(one: Clips, other: Clips, *, called: str) -> Comparison:
    """Compares two models on the clips that both were judged on.

    Args:
      one: what the first says.
      other: what the second says.
      called: where the second's evaluation is.

    Raises:
      UserError: they have other classes, or no clip in common.
    """
    if set(one.labels) != set(other.labels):
        raise UserError(
            f"{called} has the classes {', '.join(other.labels)}, not {', '.join(one.labels)}: nothing to compare"
        )
    place = {clip: number for number, clip in enumerate(other.ids)}
    shared = [number for number, clip in enumerate(one.ids) if clip in place]
    if not shared:
        raise UserError(f"{called} was judged on other clips: nothing to compare")
    theirs = [place[one.ids[number]] for number in shared]
    renamed = np.array([one.labels.index(label) for label in other.labels])
    true, speakers = one.true[shared], [one.speakers[number] for number in shared]
    ours, others = one.flashed[shared], renamed[other.flashed[theirs]]
    scores = [dataclasses.asdict(metrics.score(true, elected)) for elected in (ours, others)]
    intervals = difference_intervals(true, ours, others, speakers)
    return Comparison(
        other=called,
        clips=len(shared),
        difference={name: scores[0][name] - scores[1][name] for name in intervals},
        intervals=intervals,
    )
