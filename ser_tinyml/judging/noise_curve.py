"""How a model fares when it gets loud: the held-out sound with noise of many levels mixed in."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from schemas.front_end import FrontEnd, Standardisation
from schemas.record import Audio, Example
from schemas.run_files import NoiseLevel
from ser_tinyml import progress
from ser_tinyml.audio.clip import to_pcm
from ser_tinyml.audio.features import compute_features
from ser_tinyml.audio.standardise import standardise_examples
from ser_tinyml.judging.intervals import score_strangers
from ser_tinyml.judging.votes import vote
from ser_tinyml.runtimes.predictions import Runtime
from ser_tinyml.store.digests import unit_hash

SNR_DB = (40, 30, 20, 10, 5, 0)  # of speech above noise
HISS_DBFS = (-80, -70, -60, -50)  # of a microphone's own noise

_TALKERS = 6  # in babble
_HUM_HZ, _HARMONICS = 50, 8
_FULL_SCALE = 32768


def measure_noise(
    runtime: Runtime,
    clips: Sequence[Example],
    sound: Sequence[Audio],
    *,
    true: np.ndarray,
    front_end: FrontEnd,
    standardisation: Standardisation,
) -> tuple[NoiseLevel, ...]:
    """Scores a model on its held-out windows with noise.

    Noise is mixed into the windows as a microphone would have delivered them, which are then rounded to 16 bits. White noise, a
    hum of 50 Hz with its overtones, and babble, made of windows of other held-out speakers, are so many dB below the window's
    own level; hiss, which is white, has a level of its own. Babble is left out where fewer than two speakers are there.

    Args:
      runtime: where the model runs.
      clips: held-out clips.
      sound: of all windows of these clips.
      true: int64 [clips], their classes.
      front_end: the model's.
      standardisation: the model's.

    Returns:
      Kind by kind and from quiet to loud, on the same clips each.
    """
    order = {(clip.clip_id, clip.copy): number for number, clip in enumerate(clips)}
    windows = [audio for audio in sound if (audio.clip_id, audio.copy) in order]
    clip_of_window = np.array([order[audio.clip_id, audio.copy] for audio in windows])
    begins = np.array([audio.window == 0 for audio in windows]) if front_end.streaming else None
    speech = [audio.samples.astype(np.float32) / _FULL_SCALE for audio in windows]
    speakers = [clips[number].speaker_key for number in clip_of_window]

    def score(kind: str, level: int, mix: Callable[[int], np.ndarray]) -> NoiseLevel:
        mixed = [to_pcm(mix(number), front_end.window_samples) for number in range(len(speech))]
        features = [compute_features(each / np.float32(_FULL_SCALE), front_end, "waveform") for each in mixed]
        heard = [
            dataclasses.replace(clips[number], window=audio.window, mfcc=each, prosody={})
            for number, audio, each in zip(clip_of_window, windows, features, strict=True)
        ]
        said = runtime.predict(standardise_examples(heard, front_end, standardisation), begins).probabilities
        predicted = vote(said, clip_of_window, begins).argmax(axis=1)
        return NoiseLevel(kind, level, score_strangers(true, predicted, [clip.speaker_key for clip in clips]))

    kinds: dict[str, Callable[[int], np.ndarray]] = {
        "white": lambda number: _white(windows[number]),
        "hum": lambda number: _hum(windows[number], front_end.sample_rate),
    }
    if len(set(speakers)) > 1:
        kinds["babble"] = lambda number: _babble(windows[number], speakers[number], speech, speakers)
    made = {kind: [make(number) for number in range(len(speech))] for kind, make in kinds.items()}

    def below(kind: str, level: int) -> Callable[[int], np.ndarray]:
        return lambda number: mix_below(speech[number], made[kind][number], level)

    def over_hiss(level: int) -> Callable[[int], np.ndarray]:
        return lambda number: speech[number] + np.float32(10 ** (level / 20)) * made["white"][number]

    wanted = [(kind, level, below(kind, level)) for kind in made for level in SNR_DB]
    wanted += [("hiss", level, over_hiss(level)) for level in HISS_DBFS]
    with progress.shown("windows in noise", len(wanted) * len(speech)):
        return tuple(score(*each) for each in wanted)


def mix_below(speech: np.ndarray, noise: np.ndarray, level: float) -> np.ndarray:
    """Returns float32 [samples] of speech with noise that is so many dB below it, by their root mean squares."""
    return speech + noise * np.float32(_rms(speech) / _rms(noise) * 10 ** (-level / 20))


def choose_clips(clips: Sequence[Example], count: int) -> list[int]:
    """Returns the indices of so many clips, chosen by hash, in their order."""
    ranked = sorted(range(len(clips)), key=lambda number: unit_hash("noise", clips[number].clip_id, clips[number].copy))
    return sorted(ranked[:count])


def _white(audio: Audio) -> np.ndarray:
    """Returns white noise with a deviation of 1, which depends on the window alone."""
    seed = int(unit_hash("white", audio.clip_id, audio.copy, audio.window) * 2**56)
    return np.random.default_rng(seed).standard_normal(len(audio.samples), np.float32)


def _hum(audio: Audio, sample_rate: int) -> np.ndarray:
    phase = 2 * np.pi * unit_hash("hum", audio.clip_id, audio.copy, audio.window)
    angle = 2 * np.pi * _HUM_HZ * np.arange(len(audio.samples)) / sample_rate + phase
    return sum(np.sin(n * angle) / n for n in range(1, _HARMONICS + 1)).astype(np.float32)


def _babble(audio: Audio, speaker: str, speech: list[np.ndarray], speakers: list[str]) -> np.ndarray:
    """Returns the sum of windows of others, each as loud as the other."""
    others = [number for number, name in enumerate(speakers) if name != speaker]
    ranked = sorted(others, key=lambda number: unit_hash("babble", audio.clip_id, audio.copy, audio.window, number))
    return np.sum([speech[number] / np.float32(_rms(speech[number])) for number in ranked[:_TALKERS]], axis=0)


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) or 1.0
