"""Every export of a model on the same held-out windows."""

import dataclasses

import numpy as np

from schemas.run_files import ModelEvaluation, OutputComparison
from ser_tinyml.judging import metrics
from ser_tinyml.judging.gates import agreement, compare_outputs
from ser_tinyml.judging.held_out import HeldOut
from ser_tinyml.runtimes.predictions import Predictions, Runtime


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A runtime with a model in it."""

    runtime: Runtime
    bytes: int  # of the model


@dataclasses.dataclass(frozen=True)
class Judged:
    """What every runtime says of the held-out windows and clips."""

    predictions: dict[str, Predictions]  # runtime -> of the windows
    votes: dict[str, np.ndarray]  # runtime -> float64 [clips, classes]
    elected: dict[str, np.ndarray]  # runtime -> int64 [clips]

    @classmethod
    def from_candidates(cls, candidates: dict[str, Candidate], held_out: HeldOut) -> "Judged":
        """Runs every candidate on the windows, and lets them vote."""
        predictions = {name: candidate.runtime.predict(held_out.inputs) for name, candidate in candidates.items()}
        votes = {name: held_out.vote(predicted.probabilities) for name, predicted in predictions.items()}
        return cls(predictions, votes, {name: clips.argmax(axis=1) for name, clips in votes.items()})


def evaluate(
    candidates: dict[str, Candidate], judged: Judged, held_out: HeldOut, *, labels: tuple[str, ...]
) -> dict[str, ModelEvaluation]:
    """Returns the figures of every candidate. Each is compared with the first, which is Keras where there is such a model."""
    reference = next(iter(candidates))
    true, clips = held_out.true, held_out.clips
    corpora = [clip.corpus for clip in clips]
    speakers = [f"{clip.corpus}/{clip.speaker}" for clip in clips]
    return {
        name: ModelEvaluation(
            bytes=candidate.bytes,
            latency_ms=judged.predictions[name].latency_ms,
            agreement=agreement(judged.elected[name], judged.elected[reference]),
            calibration_error=metrics.calibration_error(true, judged.votes[name]),
            scores=metrics.score(true, judged.elected[name]),
            per_class=metrics.score_classes(true, judged.elected[name], labels),
            confusion=tuple(map(tuple, metrics.confusion_matrix(true, judged.elected[name], len(labels)).tolist())),
            by_corpus=metrics.score_groups(corpora, true, judged.elected[name]),
            by_speaker=metrics.score_groups(speakers, true, judged.elected[name]),
        )
        for name, candidate in candidates.items()
    }


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
    """Returns a row a clip: who speaks, the true class, and the probabilities of Keras and of int8."""
    return [
        {
            "clip_id": clip.clip_id,
            "corpus": clip.corpus,
            "speaker": clip.speaker,
            "label": labels[held_out.true[number]],
            "probabilities": {
                name: {label: round(float(p), 6) for label, p in zip(labels, judged.votes[name][number], strict=True)}
                for name in ("keras", "int8")
                if name in judged.votes
            },
        }
        for number, clip in enumerate(held_out.clips)
    ]
