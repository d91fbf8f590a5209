"""Streams: the firmware's app, fed from Python."""

import pathlib

import numpy as np
import pytest

import ser_tinyml
from schemas.errors import UserError
from ser_tinyml.audio.clip import to_pcm
from ser_tinyml.audio.resample import resample
from ser_tinyml.codegen.cmsis_dsp import unpack_cmsis_dsp
from ser_tinyml.prediction.stream import Decision
from ser_tinyml.runtimes.device import build, listen_on_host

pytestmark = pytest.mark.needs("cc")
RATE = 16_000


@pytest.fixture(scope="module")
def speech(held_out) -> np.ndarray:
    """Some utterances with pauses, int16, and silence behind them."""
    pause = np.zeros(RATE, np.float32)
    samples = np.concatenate([part for recording in held_out[:4] for part in (recording.decode(), pause)] + [pause] * 3)
    return to_pcm(samples, len(samples))


@pytest.fixture(scope="module")
def decisions(model, speech):
    stream = model.stream()
    return stream.feed(speech) + stream.finish()


@pytest.mark.needs("cmake")
def test_decisions_are_those_of_the_firmwares_own_program(demo_root, speech, decisions, tmp_path):
    generated = demo_root / "firmware" / "generated"
    cmsis_dsp = unpack_cmsis_dsp(tmp_path / "cmsis_dsp")
    build("host", "ser_host", generated=generated, folder=tmp_path / "build", cmsis_dsp=cmsis_dsp)
    lines = listen_on_host(tmp_path / "build", speech, RATE)
    assert len(lines) >= 4
    assert [decision.to_json() | {"overruns": 0} for decision in decisions] == lines


def test_numbers_are_rounded_as_on_the_board():
    probabilities = {"a": 168 / 256, "b": 40 / 256, "c": 48 / 256, "d": 0.0}
    told = Decision(1.5, "a", False, probabilities, -12.25).to_json()
    assert told["probabilities"] == {"a": 0.6563, "b": 0.1563, "c": 0.1875, "d": 0.0} and told["rms_db"] == -12.3


@pytest.mark.parametrize("size", [100, 4097, 100_000])
def test_decisions_do_not_depend_on_the_blocks(model, speech, decisions, size):
    stream = model.stream()
    found = [d for start in range(0, len(speech), size) for d in stream.feed(speech[start : start + size])]
    assert found + stream.finish() == decisions


def test_two_streams_at_once_do_not_hear_each_other(model, speech, decisions):
    one, other = model.stream(), model.stream()
    noise = to_pcm(0.3 * np.random.default_rng(0).standard_normal(1000).astype(np.float32), 1000)
    found = []
    for start in range(0, len(speech), 1000):
        found += one.feed(speech[start : start + 1000])
        other.feed(noise)
    assert found + one.finish() == decisions


def test_what_was_said_last_is_decided_when_the_stream_is_finished(model, held_out):
    stream = model.stream()
    assert stream.feed(held_out[0].decode()[: int(1.2 * RATE)]) == [] and stream.hears_speech
    assert len(stream.finish()) == 1 and not stream.hears_speech


def test_a_stream_has_any_rate(model, held_out):
    """The last samples, which a resampler holds back, are heard, too: here somebody speaks in them."""
    samples = resample(held_out[0].decode()[: int(1.2 * RATE)], RATE, 48_000)
    stream, at_its_own = model.stream(rate=48_000), model.stream()
    found = [decision for block in np.array_split(samples, 7) for decision in stream.feed(block)] + stream.finish()
    expected = at_its_own.feed(resample(samples, 48_000, RATE)) + at_its_own.finish()
    assert found == expected and len(found) == 1
    with pytest.raises(UserError, match="the rate is -1"):
        model.stream(rate=-1)


def test_the_gate_tells_whether_somebody_speaks(model, held_out):
    stream = model.stream()
    states = []
    for block in np.array_split(held_out[0].decode(), 20):
        stream.feed(block)
        states.append(stream.hears_speech)
    assert states[0] is False and True in states


def test_the_runtime_device_predicts_by_these_decisions(demo_root, speech, decisions):
    found = ser_tinyml.load(str(pathlib.Path(demo_root, "firmware")), "device").predict(speech, RATE)
    ends = found.window_starts + found.window_seconds
    np.testing.assert_allclose(ends, [decision.seconds for decision in decisions], atol=1e-3)
    expected = [[*decision.probabilities.values()] for decision in decisions]
    np.testing.assert_array_equal(found.window_probabilities, np.array(expected, np.float32))
