"""One clip -> its records: decoded, copied with augmentations, cut into windows, and turned into features."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from schemas.errors import UsageError
from schemas.front_end import FrontEnd
from schemas.manifest import PER_COPY, ManifestRow
from schemas.record import Audio, Example
from ser_tinyml.audio.augment import Surroundings, make_copies
from ser_tinyml.audio.decode import Acceptance, Crop, Undecodable, decode_window
from ser_tinyml.audio.features import compute_features, split_features
from ser_tinyml.audio.resample import fix_length
from ser_tinyml.audio.windows import cut_window, place_windows
from ser_tinyml.corpora.splits import split_of
from ser_tinyml.store.digests import unit_hash

EVERY_CORPUS = ""  # whose crop is that of each corpus without one of its own
HELD_OUT = "test"  # the split whose sound is stored, for the firmware to be replayed

_FULL_SCALE = 32768  # of int16
_MOST_WINDOWS = 1000  # of a copy of a clip: 8 minutes of speech with the default hop, 10 s with the smallest


@dataclasses.dataclass(frozen=True)
class ClipSettings:
    """What decides the records of a clip."""

    around: Surroundings
    crops: dict[str, Crop]  # corpus -> the part to keep; of one that is not there that of EVERY_CORPUS
    labels: tuple[str, ...]  # of which a record's label is the index
    windows: str  # "speech": those that cover the speech in the crop; "crop": the crop is the window
    load_rate: int  # Hz; 0: the recording's own
    acceptance: Acceptance
    padding: str  # of a short clip: "waveform" or "features"
    train_copies: tuple[str, ...]  # augmentation of each
    noisy_copy: str
    validation_fraction: float  # of copies that are split one by one
    test_fraction: float


@dataclasses.dataclass(frozen=True)
class Made:
    """One record of a clip."""

    split: str
    example: Example
    audio: Audio | None  # the window's sound, where the split's is stored


@dataclasses.dataclass(frozen=True)
class DecodedClip:
    """A clip whose recording could be decoded."""

    row: ManifestRow
    samples: np.ndarray  # float32 [samples] of the crop, at the front end's rate
    recording_seconds: float


def parse_crops(values: Sequence[str], max_seconds: float) -> dict[str, Crop]:
    """Returns the crops that --crop names, by corpus, that of EVERY_CORPUS among them; UsageError for what is none."""
    crops = {EVERY_CORPUS: Crop(0.0, 10.0)}
    for value in values:
        *corpus, start, end = (EVERY_CORPUS, *value.split(":"))[-3:]
        try:
            crop = Crop(float(start), float(end))
        except ValueError:
            raise UsageError(f"--crop={value}: expected [CORPUS:]START:END in seconds, like 0.4:1.9") from None
        if not 0 <= crop.start < crop.end or value.count(":") > 2:
            raise UsageError(f"--crop={value}: expected [CORPUS:]START:END with 0 <= START < END")
        if round(crop.end - crop.start, 6) > max_seconds:
            raise UsageError(f"--crop={value}: at most {max_seconds:g} s, as --max_crop_seconds says")
        crops[corpus[0]] = crop
    return crops


def decode_clip(row: ManifestRow, settings: ClipSettings) -> DecodedClip:
    """Decodes a clip's crop; raises Undecodable where that is less than a frame, or the file is not the manifest's."""
    front_end = settings.around.front_end
    crop = _crop_part(settings.crops.get(row.corpus, settings.crops[EVERY_CORPUS]), row)
    decoded = decode_window(
        row.path,
        crop,
        front_end.sample_rate,
        load_rate=settings.load_rate,
        acceptance=settings.acceptance,
        sha256=row.file_sha256 or row.clip_id,
    )
    if len(decoded.samples) < front_end.n_fft:
        length = f"{len(decoded.samples)} samples at {front_end.sample_rate} Hz"
        raise Undecodable("too_short", f"{length}: less than a frame of {front_end.n_fft}")
    return DecodedClip(row, decoded.samples, decoded.recording_seconds)


def _crop_part(crop: Crop, row: ManifestRow) -> Crop:
    """Returns the crop of a recording; of a part of one, that which lies as far in the part."""
    if not row.file_sha256:
        return crop
    end = row.start + crop.end
    return Crop(row.start + crop.start, min(end, row.end) if row.end else end)


def make_records(clip: DecodedClip, settings: ClipSettings) -> Iterator[Made]:
    """Yields a record for each window of each copy of a clip.

    Raises:
      Undecodable: the speech has too many windows, a copy's features are not finite, or recorded noise for it can't be read.
    """
    row, front_end = clip.row, settings.around.front_end
    copies = _plan_copies(row, settings)
    texts = tuple(text for _, text in copies)
    around = settings.around.without(row.speaker_key)
    for number, samples in enumerate(make_copies(clip.samples, row.clip_id, texts, around=around)):
        split, text = copies[number]
        windows = [samples]
        if settings.windows == "speech":
            windows = cut_windows(samples, clip.samples, front_end)
        for place, window in enumerate(windows):
            mfcc, prosody = split_features(_compute_features(window, front_end, settings.padding), front_end)
            example = Example(
                clip_id=row.clip_id,
                corpus=row.corpus,
                speaker=row.speaker,
                emotion=row.emotion,
                label=settings.labels.index(row.label),
                copy=number,
                window=place,
                augmentation=text,
                synthetic=row.synthetic,
                mfcc=mfcc,
                prosody=prosody,
            )
            if not np.isfinite(example.features).all():
                detail = f"the features of copy {number} are not finite: its samples are far beyond full scale"
                raise Undecodable("overflow", detail)
            audio = None
            if split == HELD_OUT:
                audio = Audio(row.clip_id, copy=number, window=place, samples=to_pcm(window, front_end.window_samples))
            yield Made(split, example, audio)


def _plan_copies(row: ManifestRow, settings: ClipSettings) -> list[tuple[str, str]]:
    """Lists (split, augmentation) of each copy: a training clip's copies; of another clip a clean and a noisy one."""
    if row.split == PER_COPY:
        fractions = settings.validation_fraction, settings.test_fraction
        positions = [unit_hash(PER_COPY, row.clip_id, number) for number in range(len(settings.train_copies))]
        return [(split_of(p, *fractions), text) for p, text in zip(positions, settings.train_copies, strict=True)]
    if row.split == "train":
        return [(row.split, text) for text in settings.train_copies]
    return [(row.split, "clean"), (f"{row.split}_noisy", settings.noisy_copy)]


def cut_windows(copy: np.ndarray, original: np.ndarray, front_end: FrontEnd) -> list[np.ndarray]:
    """Cuts a copy's windows of speech as a microphone delivers them, so that a device's features are these.

    Where speech is, is found in the original: noise hides it, and what changes speed moves it.

    Args:
      copy: float32 [samples].
      original: the clip that it is a copy of, float32 [samples].
      front_end: says how long windows are, and where.

    Returns:
      int16 [window_samples] each.

    Raises:
      Undecodable: too_many_windows, where they are more than a thousand.
    """
    places = place_windows(original, front_end)
    if len(places) > _MOST_WINDOWS:
        raise Undecodable(
            "too_many_windows",
            f"{len(places)} windows of speech, at most {_MOST_WINDOWS}: shorten --crop, or lengthen --window_hop",
        )
    starts = _move(places, len(copy) / len(original), front_end)
    cut = (cut_window(copy, start, front_end.window_samples) for start in starts)
    windows = [to_pcm(window, front_end.window_samples) for window in cut]
    # A copy that is faster can end before its last window begins: nothing is heard there.
    return [window for number, window in enumerate(windows) if window.any() or not number]


def _move(places: list[int], factor: float, front_end: FrontEnd) -> Sequence[int]:
    """Returns where windows are in a copy that is so many times as long; frame behind frame, where a network goes on."""
    moved = [round(start * factor) for start in places]
    hop = front_end.window_hop_samples
    return range(moved[0], moved[-1] + hop, hop) if front_end.streaming else moved


def _compute_features(window: np.ndarray, front_end: FrontEnd, padding: str) -> np.ndarray:
    samples = window / np.float32(_FULL_SCALE) if window.dtype == np.int16 else window
    return compute_features(samples, front_end, padding)


def to_pcm(samples: np.ndarray, length: int) -> np.ndarray:
    """Rounds float32 [samples] in [-1, 1) to int16 [length], with silence behind a shorter signal; int16 stays as it is."""
    if samples.dtype == np.int16:
        return samples
    steps = np.rint(fix_length(samples, length) * _FULL_SCALE)
    return np.clip(steps, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
