"""Every export of a model on the same held-out windows."""

import dataclasses
import itertools
from collections.abc import Mapping

import numpy as np

from schemas.manifest import ManifestRow
from schemas.record import Example
from schemas.run_files import HEARD_BEFORE, ClassScores, ModelEvaluation, OutputComparison, Scores
from ser_tinyml import progress
from ser_tinyml.corpora import CORPORA
from ser_tinyml.judging import metrics
from ser_tinyml.judging.faithful import agreement, compare_outputs
from ser_tinyml.judging.held_out import HeldOut
from ser_tinyml.judging.intervals import recall_intervals, score_strangers
from ser_tinyml.runtimes.predictions import Candidate, Predictions


@dataclasses.dataclass(frozen=True)
class Judged:
    """What every runtime says of the held-out windows and clips."""

    predictions: dict[str, Predictions]  # runtime -> of the windows
    votes: dict[str, np.ndarray]  # runtime -> float64 [clips, classes]
    elected: dict[str, np.ndarray]  # runtime -> int64 [clips]
    flashed: str  # the runtime whose figures are the device's
    otherwise: dict[str, np.ndarray]  # how clips were heard instead -> int64 [clips], by what is flashed

    @classmethod
    def from_candidates(cls, candidates: dict[str, Candidate], held_out: HeldOut, flashed: str) -> "Judged":
        """Runs every candidate on the windows, and lets them vote; what is `flashed` also on those of other sessions."""
        with progress.shown("windows", len(candidates) * len(held_out.inputs)):
            predictions = {
                name: each.runtime.predict(held_out.inputs, held_out.begins) for name, each in candidates.items()
            }
        votes = {name: held_out.vote(predicted.probabilities) for name, predicted in predictions.items()}
        elected = {name: clips.argmax(axis=1) for name, clips in votes.items()}
        otherwise = {
            way: held_out.vote(candidates[flashed].runtime.run(inputs, held_out.begins)).argmax(axis=1)
            for way, inputs in held_out.otherwise.items()
        }
        return cls(predictions, votes, elected, flashed, otherwise)


def evaluate(
    candidates: dict[str, Candidate],
    judged: Judged,
    held_out: HeldOut,
    *,
    labels: tuple[str, ...],
    rows: Mapping[str, ManifestRow],
) -> dict[str, ModelEvaluation]:
    """Returns the figures of every candidate, each compared with the first, which is Keras where there is such a model.

    Args:
      candidates: what is judged.
      judged: what they say.
      held_out: of what.
      labels: the model's.
      rows: the manifest's by clip id, as far as they are at hand.
    """
    reference = next(iter(candidates))
    true, speakers = held_out.true, [clip.speaker_key for clip in held_out.clips]
    divisions = _divide(held_out.clips, rows)
    if held_out.heard is not None:
        divisions[HEARD_BEFORE] = [_name_range(windows, (10, 40), "windows") for windows in held_out.heard]
    slices = {
        name: {by: _score_parts(parts, true, judged.elected[name], speakers) for by, parts in divisions.items()}
        for name in candidates
    }
    for way, clips in judged.otherwise.items():
        slices[judged.flashed][HEARD_BEFORE][way] = score_strangers(true, clips, speakers)
    return {
        name: ModelEvaluation(
            bytes=candidate.bytes,
            latency_ms=judged.predictions[name].latency_ms,
            agreement=agreement(judged.elected[name], judged.elected[reference]),
            calibration_error=metrics.calibration_error(true, judged.votes[name]),
            scores=score_strangers(true, judged.elected[name], speakers),
            per_class=_score_classes(true, judged.elected[name], speakers, labels),
            confusion=tuple(map(tuple, metrics.confusion_matrix(true, judged.elected[name], len(labels)).tolist())),
            slices=slices[name],
        )
        for name, candidate in candidates.items()
    }


def _divide(clips: list[Example], rows: Mapping[str, ManifestRow]) -> dict[str, list[str]]:
    """Returns the part that each clip is in, by what divides them; by corpus and speaker always, else where parts differ."""
    known = [rows.get(clip.clip_id) for clip in clips]
    optional = {
        "sex": [row.sex if row else "" for row in known],
        "language": [CORPORA[clip.corpus].language if clip.corpus in CORPORA else "" for clip in clips],
        "emotion": [clip.emotion for clip in clips],
        "intensity": [row.intensity if row else "" for row in known],
        "duration": [_name_range(row.duration, (2, 3, 5), "s") if row else "" for row in known],
    }
    divisions = {"corpus": [clip.corpus for clip in clips], "speaker": [clip.speaker_key for clip in clips]}
    for by, parts in optional.items():
        if len(set(parts)) > 1:
            divisions[by] = [part or "not known" for part in parts]
    return divisions


def _name_range(value: float, limits: tuple[int, ...], unit: str) -> str:
    """Returns between which limits a value lies; the upper one is the next range's. Parts sort by these names."""
    ranges = itertools.pairwise((0, *limits))
    return next((f"{low} to {high} {unit}" for low, high in ranges if value < high), f"{limits[-1]} {unit} and more")


def _score_classes(
    true: np.ndarray, predicted: np.ndarray, speakers: list[str], labels: tuple[str, ...]
) -> dict[str, ClassScores]:
    found = metrics.score_classes(true, predicted, labels)
    intervals = recall_intervals(true, predicted, speakers, len(labels))
    return {
        label: dataclasses.replace(scores, recall_interval=interval)
        for (label, scores), interval in zip(found.items(), intervals, strict=True)
    }


def _score_parts(parts: list[str], true: np.ndarray, predicted: np.ndarray, speakers: list[str]) -> dict[str, Scores]:
    """Returns the scores of each part of the clips; `parts` names that of each clip."""
    part_of_clip, speaker_of_clip = np.array(parts), np.array(speakers)
    found = {}
    for part in np.unique(part_of_clip):
        among = part_of_clip == part
        found[str(part)] = score_strangers(true[among], predicted[among], speaker_of_clip[among])
    return found


def compare_runtimes(one: Predictions, other: Predictions) -> OutputComparison:
    """Tells how far the int8 outputs of two runtimes are apart."""
    differences = compare_outputs(one, other)
    return OutputComparison(
        windows=len(differences),
        same_class=int(np.sum(one.classes == other.classes)),
        identical_outputs=int(np.sum(differences == 0)),
        largest_difference=int(differences.max()),
    )


def list_predictions(held_out: HeldOut, judged: Judged, labels: tuple[str, ...]) -> list[dict]:
    """Returns a row a clip: who speaks, the true class, and the probabilities that each runtime gives."""
    return [
        {
            "clip_id": clip.clip_id,
            "copy": clip.copy,
            "corpus": clip.corpus,
            "speaker": clip.speaker,
            "label": labels[held_out.true[number]],
            "probabilities": {
                name: {label: round(float(p), 6) for label, p in zip(labels, judged.votes[name][number], strict=True)}
                for name in judged.votes
            },
        }
        for number, clip in enumerate(held_out.clips)
    ]
