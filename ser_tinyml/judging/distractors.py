"""Sounds that are no speech, and what the firmware, left running, says of them: answers that should not be given."""

from collections.abc import Callable, Sequence

import numpy as np

from schemas.run_files import FalseAlarms

SECONDS = 60.0  # of each sound

_NOTES_HZ = (262.0, 330.0, 392.0, 523.0, 440.0, 349.0)
_FULL_SCALE = 32767


def make_distractors(sample_rate: int) -> dict[str, np.ndarray]:
    """Returns sounds by their names, int16 [samples] each: the same each time."""
    seconds = np.arange(round(SECONDS * sample_rate)) / sample_rate
    rng = np.random.default_rng(0)
    white = rng.standard_normal(len(seconds))
    hum = np.sum([np.sin(2 * np.pi * 50 * n * seconds) / n for n in range(1, 9)], axis=0)
    hum[: 2 * sample_rate] = 0  # the voice gate hears the room first
    sounds = {
        "silence": np.zeros(len(seconds)),
        "hiss of -60 dBFS": white * 10 ** (-60 / 20),
        "a fan of -30 dBFS": white * 10 ** (-30 / 20),
        "a hum of 50 Hz that starts": hum * 10 ** (-30 / 20) + white * 10 ** (-70 / 20),
        "a melody": _play_melody(seconds) + white * 10 ** (-70 / 20),
        "knocks, two in three seconds": _knock(seconds, white) + white * 10 ** (-70 / 20),
    }
    return {name: np.rint(np.clip(sound, -1, 1) * _FULL_SCALE).astype(np.int16) for name, sound in sounds.items()}


def count_false_alarms(
    sounds: dict[str, np.ndarray], listen: Callable[[np.ndarray], Sequence[dict]]
) -> tuple[FalseAlarms, ...]:
    """Lets the firmware hear each sound; `listen` returns its decisions."""
    counted = []
    for name, sound in sounds.items():
        decisions = listen(sound)
        announced = sum(not decision["uncertain"] for decision in decisions)
        counted.append(FalseAlarms(name, SECONDS, decisions=len(decisions), announced=announced))
    return tuple(counted)


def _play_melody(seconds: np.ndarray) -> np.ndarray:
    """Returns plucked notes with overtones, each half a second."""
    note = np.array(_NOTES_HZ)[(2 * seconds).astype(int) % len(_NOTES_HZ)]
    since = seconds % 0.5
    tones = np.sum([np.sin(2 * np.pi * n * note * since) / n**2 for n in range(1, 7)], axis=0)
    return 0.2 * tones * np.exp(-4 * since)


def _knock(seconds: np.ndarray, white: np.ndarray) -> np.ndarray:
    since = seconds % 1.5
    return np.where(since < 0.03, 0.3 * white * np.exp(-since / 0.008), 0)
