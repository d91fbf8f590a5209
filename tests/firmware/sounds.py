"""Sounds for the front end: made ones, and windows of real recordings."""

import hashlib
import pathlib

import numpy as np

from schemas.front_end import FrontEnd
from ser_tinyml.audio.decode import Crop, decode_window
from ser_tinyml.audio.windows import cut_window, place_windows
from tests.firmware.front_ends import to_int16

REAL_CLIPS = 200


def make_speech(samples: int = FrontEnd().window_samples) -> np.ndarray:
    """int16: harmonics of 150 Hz and noise, by turns loud and quiet."""
    time = np.arange(samples) / FrontEnd().sample_rate
    voice = sum(np.sin(2 * np.pi * 150 * n * time) / n for n in range(1, 20))
    noise = np.random.default_rng(1).standard_normal(samples)
    return to_int16((4000 * voice + 300 * noise) * (1 + np.sin(25 * time)))


def make_signals() -> dict[str, np.ndarray]:
    """Returns int16 [samples of a window] each: what a front end may stumble over."""
    time = np.arange(FrontEnd().window_samples) / FrontEnd().sample_rate
    rng = np.random.default_rng(2)
    speech = make_speech()
    pause = (time > 0.3) & (time < 0.9)
    faint = rng.integers(-1, 2, len(time)).astype(np.int16)
    return {
        "speech": speech,
        "digital zeros between speech": np.where(pause, np.int16(0), speech),
        "faint noise between speech": np.where(pause, faint, speech),
        "speech in loud hum": to_int16(speech / 4 + 20000 * np.sin(2 * np.pi * 50 * time)),
        "faint noise": faint,
        "full-scale square": np.where(np.sin(2 * np.pi * 200 * time) > 0, 32767, -32768).astype(np.int16),
        "full-scale noise": rng.choice(np.array([-32768, 32767], np.int16), len(time)),
        "constant": np.full(len(time), -32768, np.int16),
        "tone": to_int16(20000 * np.sin(2 * np.pi * 1000 * time)),
        "click": np.where(np.arange(len(time)) == 12_000, 32767, 0).astype(np.int16),
        "click at the start": np.where(np.arange(len(time)) == 0, 32767, 0).astype(np.int16),
        "click at the end": np.where(np.arange(len(time)) == len(time) - 1, 32767, 0).astype(np.int16),
        "one sample of -1": np.where(np.arange(len(time)) == 12_000, -1, 0).astype(np.int16),
        "zeros": np.zeros(len(time), np.int16),
    }


def choose_recordings(corpora: pathlib.Path) -> list[pathlib.Path]:
    """Those with the smallest hashes of their names."""
    paths = [path for folder in ("ravdess", "tess") for path in sorted((corpora / folder).rglob("*.flac"))]
    return sorted(paths, key=lambda path: hashlib.sha256(path.name.encode()).digest())[:REAL_CLIPS]


def cut_windows(path: pathlib.Path) -> list[np.ndarray]:
    """int16 [window_samples] each: what a device would decide about."""
    samples = decode_window(str(path), Crop(0.0, 10.0), FrontEnd().sample_rate).samples
    starts = place_windows(samples, FrontEnd())
    return [to_int16(32768 * cut_window(samples, start, FrontEnd().window_samples)) for start in starts]
