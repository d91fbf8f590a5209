"""Whether a SavedModel says of recordings what the trained model says, in every encoding that it takes."""

import dataclasses
import io
from collections.abc import Iterable, Sequence

import numpy as np
import soundfile

from schemas.errors import UserError
from schemas.front_end import FrontEnd
from schemas.manifest import ManifestRow
from schemas.run_files import Gate, ServedForm
from ser_tinyml import progress
from ser_tinyml.audio.clip import to_pcm
from ser_tinyml.audio.decode import Crop, Undecodable, decode_window
from ser_tinyml.audio.features import compute_features
from ser_tinyml.audio.resample import resample
from ser_tinyml.audio.windows import cut_window
from ser_tinyml.judging.gates import judge
from ser_tinyml.prediction.hearing import CLIP_SECONDS
from ser_tinyml.prediction.model import ANY_RECORDING, Model, Prediction
from ser_tinyml.serving.saved_model import Answer, Server

SAMPLES = "samples"  # beside the encodings
_NAMED = 5  # clips that can't be decoded, which are told one by one
_ENCODINGS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
_MP3_RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """How far a SavedModel may be from the trained model."""

    min_agreement: float  # share of clips that get the same class
    max_difference: float  # of a clip's probabilities, on average
    max_feature_difference: float  # of a window's features


def measure_served(
    served: Server, reference: Model, rows: Sequence[ManifestRow]
) -> tuple[dict[str, ServedForm], float]:
    """Compares what a SavedModel and a model say of recordings.

    Args:
      served: the SavedModel.
      reference: the model, on Keras.
      rows: the recordings, of which the first ten seconds are heard.

    Returns:
      What was compared, by the form of the input: samples, and where the SavedModel decodes recordings wav, flac, ogg and mp3;
      and the largest difference of a window's features from the data job's.

    Raises:
      UserError: none of the recordings can be decoded.
    """
    compared: dict[str, list[tuple[Prediction, Answer, str | None]]] = {}
    differences = []
    for row, samples in progress.track(_decode(rows), "held-out clips", len(rows)):
        heard = resample(samples, row.sample_rate, reference.front_end.sample_rate)
        given = (samples, row.sample_rate) if served.decodes else (heard, reference.front_end.sample_rate)
        original = reference.predict(*given)
        differences.append(_compare_features(served, heard, original, reference.front_end))
        compared.setdefault(SAMPLES, []).append((original, served.hear_samples(*given), original.label))
        for name in _ENCODINGS if served.decodes else ():
            content = _encode(samples, row.sample_rate, name)
            said = reference.predict_opened(io.BytesIO(content))
            compared.setdefault(name, []).append((said, served.hear_encoded(content), original.label))
    if not compared:
        raise UserError("none of the held-out recordings can be decoded: there is nothing to try the SavedModel on")
    return {name: _compare(pairs) for name, pairs in compared.items()}, max(differences)


def judge_served(forms: dict[str, ServedForm], feature_difference: float, tolerance: Tolerance) -> list[Gate]:
    """Judges whether a SavedModel is what was trained."""
    gates = [
        judge(
            "features, difference from the data job's",
            feature_difference,
            "at most",
            tolerance.max_feature_difference,
            unit="",
        )
    ]
    for name, form in forms.items():
        gates += [
            judge(
                f"{name}, agreement with Keras", form.agreement, "at least", tolerance.min_agreement, unit="of clips"
            ),
            judge(
                f"{name}, mean difference from Keras",
                form.mean_difference,
                "at most",
                tolerance.max_difference,
                unit="",
            ),
        ]
    return gates


def _decode(rows: Sequence[ManifestRow]) -> Iterable[tuple[ManifestRow, np.ndarray]]:
    """Yields the recordings that can be decoded, float32 [samples] at their own rates."""
    left_out = 0
    for row in rows:
        end = min(row.start + CLIP_SECONDS, row.end or np.inf)
        sha256 = row.file_sha256 or row.clip_id
        crop = Crop(row.start, float(end))
        try:
            window = decode_window(row.path, crop, row.sample_rate, acceptance=ANY_RECORDING, sha256=sha256)
        except Undecodable as error:
            left_out += 1
            if left_out <= _NAMED:
                print(f"left out: {row.path}: {error}")
            continue
        yield row, window.samples
    if left_out > _NAMED:
        print(f"left out: {left_out} of {len(rows)} held-out clips, which can't be decoded")


def _encode(samples: np.ndarray, rate: int, encoding: str) -> bytes:
    if encoding == "mp3" and rate not in _MP3_RATES_HZ:
        chosen = next((known for known in _MP3_RATES_HZ if known > rate), _MP3_RATES_HZ[-1])
        samples, rate = resample(samples, rate, chosen), chosen
    container, subtype = _ENCODINGS[encoding]
    content = io.BytesIO()
    soundfile.write(content, samples, rate, format=container, subtype=subtype)
    return content.getvalue()


def _compare_features(served: Server, heard: np.ndarray, said: Prediction, front_end: FrontEnd) -> float:
    """Returns the largest difference of the features of a recording's windows; 0 where nobody speaks."""
    if not said.has_speech:
        return 0.0
    pcm, size = to_pcm(heard, len(heard)), front_end.window_samples
    starts = np.rint(said.window_starts * front_end.sample_rate).astype(int)
    windows = np.stack([cut_window(pcm, start, size) for start in starts]) / np.float32(32768)
    expected = np.stack([compute_features(window, front_end, padding="waveform") for window in windows])
    return float(np.abs(served.compute_features(windows) - expected).max())


def _compare(pairs: list[tuple[Prediction, Answer, str | None]]) -> ServedForm:
    differences = []
    for said, answer, _ in pairs:
        expected = np.array([said.probabilities.get(label, 0.0) for label in said.labels])
        differences.append(float(np.abs(answer.probabilities - expected).max()))
    return ServedForm(
        clips=len(pairs),
        agreement=_share(answer.label == said.label for said, answer, _ in pairs),
        same_windows=_share(_have_same_windows(said, answer) for said, answer, _ in pairs),
        mean_difference=float(np.mean(differences)),
        largest_difference=max(differences),
        agreement_with_recording=_share(answer.label == label for _, answer, label in pairs),
    )


def _have_same_windows(said: Prediction, answer: Answer) -> bool:
    starts = said.window_starts
    return len(starts) == len(answer.window_starts) and bool(np.allclose(starts, answer.window_starts, atol=1e-4))


def _share(true: Iterable[bool]) -> float:
    return float(np.mean([*true]))
