"""The windows of the graph are those that `predict` finds."""

import numpy as np
import pytest

from schemas.front_end import FrontEnd
from ser_tinyml.prediction.hearing import HeardRecording
from ser_tinyml.serving.windows import find_windows

RATE = 16_000


def make_sound(*parts: tuple[str, float]) -> np.ndarray:
    """Returns parts of so many seconds, one after the other."""
    rng = np.random.default_rng(2)
    made = []
    for kind, seconds in parts:
        noise = rng.standard_normal(round(seconds * RATE)).astype(np.float32)
        level = {"speech": 0.1, "soft": 0.003, "room": 0.0005, "silence": 0.0}[kind]
        made.append(level * noise)
    sound = np.concatenate(made)
    return sound + np.float32(0.02)  # an offset, as cheap microphones have


SOUNDS = {
    "an utterance": make_sound(("room", 0.7), ("speech", 1.0), ("room", 0.5)),
    "speech up to both ends": make_sound(("speech", 0.35), ("room", 0.3), ("speech", 2.0)),
    "less than a window": make_sound(("room", 0.2), ("speech", 0.2)),
    "soft speech": make_sound(("silence", 1.0), ("soft", 1.3), ("silence", 2.013)),
    "long, with pauses": make_sound(("room", 1.0), ("speech", 2.0), ("room", 6.0), ("speech", 1.0), ("room", 4.0)),
    "nobody": make_sound(("room", 3.0)),
    "digital silence": np.zeros(2 * RATE, np.float32),
    "silence inside": np.concatenate(
        [make_sound(("speech", 1.0)), np.zeros(3 * RATE, np.float32), make_sound(("speech", 1.0))]
    ),
    "a click": np.where(np.arange(2 * RATE) == 9_000, 0.9, 0.0).astype(np.float32),
}
FRONT_ENDS = [FrontEnd(), FrontEnd(center=False, window_hop_samples=8192, prosody=("energy",))]


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=["any start", "starts at frames"])
@pytest.mark.parametrize("name", SOUNDS)
def test_windows_are_those_of_predict(name, front_end):
    sound = SOUNDS[name]
    heard = HeardRecording([sound[:5_000], sound[5_000:]], front_end)
    expected = [start for start, _ in heard.read_windows(heard.find_windows())]
    assert find_windows(sound, front_end).numpy().tolist() == expected


def test_the_sounds_have_windows_or_none():
    counts = {name: len(find_windows(sound, FrontEnd())) for name, sound in SOUNDS.items()}
    assert {name for name, count in counts.items() if not count} == {"nobody", "digital silence", "a click"}
    assert counts["long, with pauses"] > 5
