import io

import matplotlib.image
import numpy as np
import soundfile

from schemas.record import Audio, Example
from ser_tinyml.report.listening import draw_mfcc, encode_flac, find_disagreements, find_mistakes, let_hear


def make_row(number: int, label: str, tflm: float, keras: float) -> dict:
    """`tflm` and `keras` are the probabilities that they give "calm"."""
    of_runtimes = {name: {"calm": p, "happy": 1 - p} for name, p in (("keras", keras), ("tflm", tflm))}
    return {
        "clip_id": f"{number}",
        "copy": 0,
        "corpus": "own",
        "speaker": "a",
        "label": label,
        "probabilities": of_runtimes,
    }


ROWS = [
    make_row(0, "calm", 0.9, 0.9),
    make_row(1, "calm", 0.4, 0.5),
    make_row(2, "happy", 0.8, 0.8),
    make_row(3, "calm", 0.1, 0.3),
]


def test_the_surest_mistakes_come_first():
    found = find_mistakes(ROWS, "tflm")
    assert [number for number, _ in found] == [3, 2, 1]
    assert found[0][1] == "own/a: calm, heard as happy with 0.90"


def test_disagreements_are_told_with_both_probabilities():
    assert find_disagreements(ROWS, "keras", "tflm") == [
        (3, "own/a: calm 0.300 by keras, 0.100 by tflm"),
        (1, "own/a: calm 0.500 by keras, 0.400 by tflm"),
    ]


def test_what_the_model_heard_can_be_heard():
    samples = np.arange(-50, 50, dtype=np.int16)
    sound = [Audio("3", 0, 0, samples), Audio("3", 0, 1, samples[::-1])]
    records = [Example("3", "own", "a", "", 0, 0, 0, "clean", False, np.eye(5, 3, dtype=np.float32))]
    (heard,) = let_hear([(3, "wrong"), (2, "not at hand")], ROWS, sound=sound, records=records, rate=16_000)
    decoded, rate = soundfile.read(io.BytesIO(heard.sound), dtype="int16")
    np.testing.assert_array_equal(decoded, samples)
    assert rate == 16_000 and heard.text == "wrong"


def test_pictures_are_the_same_each_time():
    mfcc = np.random.default_rng(0).standard_normal((47, 13))
    assert draw_mfcc(mfcc) == draw_mfcc(mfcc)
    assert matplotlib.image.imread(io.BytesIO(draw_mfcc(mfcc))).shape[:2] == (4 * 13, 4 * 47)
    assert encode_flac(np.zeros(10, np.int16), 8000) == encode_flac(np.zeros(10, np.int16), 8000)
