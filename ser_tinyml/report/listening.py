"""What the page lets one hear: the worst mistakes of a model, and the copies that training made of a clip."""

import dataclasses
import io
from collections.abc import Sequence
from typing import Any

import matplotlib.image
import numpy as np
import soundfile

from schemas.manifest import ManifestRow
from schemas.record import Audio, Example
from schemas.run_files import Dataset
from ser_tinyml.audio.augment import Surroundings, make_copies, needs, resolve_copies
from ser_tinyml.audio.clip import ClipSettings, cut_windows, decode_clip, parse_crops, to_pcm
from ser_tinyml.audio.decode import Acceptance, Undecodable
from ser_tinyml.audio.talkers import choose_talkers
from ser_tinyml.judging.predicted import name_speaker

MOST = 10  # of each kind

Chosen = list[tuple[int, str]]  # the number of a row of predictions.jsonl, and what there is to say of it


@dataclasses.dataclass(frozen=True)
class Heard:
    """A sound, its features, and what there is to say of it."""

    text: str
    sound: bytes  # FLAC
    picture: bytes  # PNG of the MFCCs; empty where none are at hand


def find_mistakes(rows: Sequence[dict], flashed: str) -> Chosen:
    """Returns (number of the row, what is wrong) of the mistakes that the model is surest of, the surest first."""
    found = []
    for number, row in enumerate(rows):
        probabilities = row["probabilities"][flashed]
        said = max(probabilities, key=probabilities.__getitem__)
        if said != row["label"]:
            text = f"{name_speaker(row)}: {row['label']}, heard as {said} with {probabilities[said]:.2f}"
            found.append((-probabilities[said], number, text))
    return [(number, text) for _, number, text in sorted(found)[:MOST]]


def find_disagreements(rows: Sequence[dict], reference: str, flashed: str) -> Chosen:
    """Returns (number of the row, where they differ) of the clips on which two forms of the model are furthest apart."""
    found = []
    for number, row in enumerate(rows):
        ours, others = row["probabilities"][flashed], row["probabilities"][reference]
        label = max(ours, key=lambda name: round(abs(ours[name] - others[name]), 6))
        apart = abs(ours[label] - others[label])
        text = f"{name_speaker(row)}: {label} {others[label]:.3f} by {reference}, {ours[label]:.3f} by {flashed}"
        if apart:
            found.append((-apart, number, text))
    return [(number, text) for _, number, text in sorted(found)[:MOST]]


def let_hear(
    chosen: Chosen,
    rows: Sequence[dict],
    *,
    sound: Sequence[Audio],
    records: Sequence[Example],
    rate: int,
) -> list[Heard]:
    """Returns the first window of each of the chosen clips, as the model heard it."""
    first = {(audio.clip_id, audio.copy): audio for audio in sound if audio.window == 0}
    features = {(record.clip_id, record.copy): record.features for record in records if record.window == 0}
    heard = []
    for number, text in chosen:
        key = rows[number]["clip_id"], rows[number]["copy"]
        if key in first:
            heard.append(Heard(text, encode_flac(first[key].samples, rate), draw_mfcc(features[key])))
    return heard


def make_heard_copies(row: ManifestRow, rows: Sequence[ManifestRow], dataset: Dataset) -> list[Heard]:
    """Returns a training clip's first window in each of its augmented copies, as the data job makes them.

    The manifest's rows are those who babble. There are no copies where the recording is not as it was, or a copy needs recorded
    noise, which is the data job's alone.
    """
    flags, front_end = dataset.parameters, dataset.front_end
    texts = resolve_copies(tuple(flags["augment"]))
    if needs("recorded_noise", texts):
        return []
    settings = ClipSettings(
        around=Surroundings(front_end, talkers=choose_talkers(rows)).without(row.speaker_key),
        crops=parse_crops(flags["crop"], flags["max_crop_seconds"]),
        labels=dataset.labels,
        windows=flags["windows"],
        load_rate=flags["load_rate"],
        acceptance=Acceptance(flags["max_channels"], flags["max_clipped_fraction"]),
        padding=flags["padding"],
        train_copies=texts,
        noisy_copy=flags["noisy"],
        validation_fraction=0.0,
        test_fraction=0.0,
    )
    try:
        original = decode_clip(row, settings).samples
        copies = list(make_copies(original, row.clip_id, texts, around=settings.around))
    except Undecodable:
        return []
    if settings.windows == "speech":
        copies = [cut_windows(copy, original, front_end)[0] for copy in copies]
    sounds = [encode_flac(to_pcm(copy, front_end.window_samples), front_end.sample_rate) for copy in copies]
    return [Heard(text, sound, b"") for text, sound in zip(texts, sounds, strict=True)]


def encode_flac(samples: np.ndarray, rate: int) -> bytes:
    """Returns int16 [samples] as a FLAC file."""
    content = io.BytesIO()
    soundfile.write(content, samples, rate, format="FLAC", subtype="PCM_16")
    return content.getvalue()


def draw_mfcc(mfcc: np.ndarray) -> bytes:
    """Returns a PNG of float32 [frames, coefficients], time from left to right, a pixel four times four."""
    scaled = (mfcc - mfcc.mean(axis=0)) / (mfcc.std(axis=0) + 1e-6)
    content = io.BytesIO()
    pixels = np.kron(scaled.T[::-1], np.ones((4, 4)))
    unsigned: Any = {"Software": None}
    matplotlib.image.imsave(content, pixels, format="png", cmap="RdBu_r", vmin=-2.5, vmax=2.5, metadata=unsigned)
    return content.getvalue()
