"""Babble of the training split's other speakers."""

import dataclasses
import hashlib
import pathlib

import numpy as np
import pytest
import soundfile

from schemas.front_end import FrontEnd
from schemas.manifest import ManifestRow
from ser_tinyml.audio.augment import Surroundings, make_copies
from ser_tinyml.audio.decode import Crop
from ser_tinyml.audio.talkers import Talker, babble, choose_talkers

RATE = 16_000
SAMPLES = np.random.default_rng(0).standard_normal(24_000).astype(np.float32) * 0.1


def make_row(number: int, speaker: str, split: str = "train", **fields) -> ManifestRow:
    clip_id = hashlib.sha256(f"{speaker}{number}".encode()).hexdigest()
    return ManifestRow(clip_id, f"{number}.wav", "ours", speaker, "joy", "happy", split, 2.0, RATE, False, **fields)


@pytest.fixture
def talkers(tmp_path) -> tuple[Talker, ...]:
    """Ten speakers, each a tone of his own, some louder than others."""
    rows = []
    for number in range(10):
        path = tmp_path / f"{number}.wav"
        tone = np.sin(np.arange(20_000) * 2 * np.pi * hertz(number) / RATE) / (number + 2)
        soundfile.write(path, tone, RATE)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        rows.append(dataclasses.replace(make_row(number, str(number)), clip_id=digest, path=str(path)))
    return choose_talkers(rows)


def hertz(number: int) -> int:
    return 400 * (number + 1)


def find_levels(noise: np.ndarray) -> np.ndarray:
    """How loud each talker's tone is, float [talkers]."""
    spectrum = np.abs(np.fft.rfft(noise * np.hanning(len(noise))))
    at = np.round(np.array([hertz(number) for number in range(10)]) * len(noise) / RATE).astype(int)
    return spectrum[at]


def test_of_each_speaker_of_the_training_split_as_many_clips_are_chosen_in_any_order_of_the_rows():
    rows = [make_row(number, "often") for number in range(1000)] + [make_row(number, "seldom") for number in range(9)]
    rows += [make_row(number, "held out", split) for number in range(9) for split in ("validation", "test")]
    chosen = choose_talkers(rows)
    speakers = [talker.speaker for talker in chosen]
    assert (
        len(chosen) == 256
        and speakers.count("ours/seldom") == 9
        and set(speakers[:18]) == {"ours/often", "ours/seldom"}
    )
    assert choose_talkers(reversed(rows)) == chosen


def test_of_a_part_of_a_recording_that_part_is_heard():
    (talker,) = choose_talkers([make_row(0, "ann", file_sha256="ab" * 32, start=7.0, end=8.5)])
    assert (talker.crop, talker.sha256) == (Crop(7.0, 8.5), "ab" * 32)


def test_so_many_talk_at_once_each_as_loud_as_the_others(talkers):
    noise = babble(talkers, 4, rng=np.random.default_rng(0), length=40_000, sample_rate=RATE)
    heard = sorted(find_levels(noise))
    assert len(noise) == 40_000 and noise.dtype == np.float32
    assert heard[-4] > 0.9 * heard[-1] and heard[-5] < 0.01 * heard[-1]


def test_who_can_not_be_decoded_is_passed_over(talkers, tmp_path):
    for number in range(8):
        pathlib.Path(tmp_path / f"{number}.wav").write_text("not what it was")
    noise = babble(talkers, 8, rng=np.random.default_rng(0), length=16_000, sample_rate=RATE)
    levels = find_levels(noise)
    assert (levels[8:] > 0.9 * levels.max()).all() and (levels[:8] < 0.01 * levels.max()).all()
    for number in (8, 9):
        pathlib.Path(tmp_path / f"{number}.wav").unlink()
    moved = [dataclasses.replace(talker, crop=Crop(0, 3)) for talker in talkers]  # those were not read yet
    assert babble(moved, 8, rng=np.random.default_rng(0), length=16_000, sample_rate=RATE) is None


def test_a_copy_has_others_behind_it_at_the_level_that_was_asked_for_and_never_its_own_speaker(talkers):
    around = Surroundings(FrontEnd(), talkers=talkers).without("ours/3")
    made = [next(make_copies(SAMPLES, clip_id, ("babble:10:10",), around=around)) for clip_id in "abcdefghija"]
    noises = [copy - SAMPLES for copy in made]
    ratios = [10 * np.log10(np.mean(SAMPLES**2) / np.mean(noise**2)) for noise in noises]
    np.testing.assert_allclose(ratios, 10, atol=0.01)
    levels = np.array([find_levels(noise) for noise in noises])
    heard = (levels > 0.1 * levels.max(axis=1, keepdims=True)).sum(axis=1)
    assert heard.min() >= 3 and heard.max() <= 8 and len(set(heard)) > 1
    assert levels[:, 3].max() < 0.01 * levels.max()
    np.testing.assert_array_equal(made[0], made[-1])
    assert len({copy.tobytes() for copy in made}) == 10


def test_where_nobody_else_is_nothing_is_added(talkers):
    around = Surroundings(FrontEnd(), talkers=talkers[:1]).without(talkers[0].speaker)
    (copy,) = make_copies(SAMPLES, "a", ("babble:0:0",), around=around)
    np.testing.assert_array_equal(copy, SAMPLES)
