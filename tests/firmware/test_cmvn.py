"""The C that learns a speaker, against `Heard` of ser_tinyml/audio/standardise.py."""

import numpy as np
import pytest

from components.transform.parameters import Parameters
from schemas.front_end import CMVN_MEMORY_WINDOWS, FrontEnd, Standardisation
from ser_tinyml.audio.standardise import Heard, standardise
from tests.firmware.front_ends import build_cmsis_dsp, compile_front_end

pytestmark = pytest.mark.needs("cc", "cmake")

FRONT_END = FrontEnd(prosody=("pitch", "voicing", "energy"), cmvn_prior_windows=8)
CONSTANTS = Standardisation((-300.0, 100.0, *[5.0] * 11, 2.0, 0.5, -40.0), (120.0, 40.0, *[10.0] * 11, 1.0, 0.3, 15.0))
SCALE, ZERO_POINT = 0.04, -5


@pytest.fixture(scope="module")
def cmsis_dsp(tmp_path_factory):
    return build_cmsis_dsp(tmp_path_factory.mktemp("cmsis_dsp"))


@pytest.fixture(scope="module", params=["floating point", "integers"])
def front_end(request, tmp_path_factory, cmsis_dsp):
    library = cmsis_dsp if request.param == "floating point" else None
    return compile_front_end(tmp_path_factory.mktemp("cmvn"), library, FRONT_END, CONSTANTS, (SCALE, ZERO_POINT))


def make_windows(count):
    rng = np.random.default_rng(3)
    loud = rng.uniform(500, 9000, (count, 1))
    sound = loud * np.sin(np.arange(FRONT_END.window_samples) * rng.uniform(0.05, 0.12, (count, 1)))
    return (sound + rng.normal(0, 200, sound.shape)).astype(np.int16)


def quantize(standardised):
    return np.clip(np.round(standardised.astype(np.float64) / SCALE) + ZERO_POINT, -128, 127)


def hear(front_end, windows):
    found = []
    for window in windows:
        found.append(front_end.features(window))
        front_end.library.ser_cmvn_remember()
    return np.array(found, int)


def test_windows_are_standardised_by_those_before_them_as_in_python(front_end):
    front_end.library.ser_cmvn_forget()
    windows = make_windows(30)
    found = hear(front_end, windows)
    values = np.array([front_end.values(window) for window in windows])
    expected = quantize(Heard(FRONT_END, CONSTANTS).standardise(values))
    apart = np.abs(found - expected)
    assert apart.max() <= 1 and np.mean(apart > 0) < 0.005
    assert np.mean(found != quantize(standardise(values, CONSTANTS))) > 0.2


def test_where_the_network_goes_on_frames_are_standardised_by_the_windows_before_theirs(cmsis_dsp, tmp_path):
    streaming = Parameters(streaming=True, cmvn_prior_windows=8).make_front_end()
    front_end = compile_front_end(tmp_path, cmsis_dsp, streaming, CONSTANTS, (SCALE, ZERO_POINT))
    utterance = make_windows(8).reshape(-1)
    starts = range(0, len(utterance) - streaming.window_samples, streaming.window_hop_samples)
    windows = [np.ascontiguousarray(utterance[start : start + streaming.window_samples]) for start in starts]
    expected = quantize(Heard(streaming, CONSTANTS).standardise(np.array([front_end.values(each) for each in windows])))
    found = front_end.by_twos(utterance, streaming, at_windows_end=front_end.library.ser_cmvn_remember)
    apart = np.abs(found[: expected.size // streaming.n_features].reshape(expected.shape) - expected)
    assert len(windows) > 20 and apart.max() <= 1 and np.mean(apart > 0) < 0.005


def test_older_windows_fade(front_end):
    front_end.library.ser_cmvn_forget()
    quiet, loud = make_windows(1)[0] // 30, make_windows(2)[1]
    hear(front_end, [loud])
    values = np.array([front_end.values(quiet)] * 2 * CMVN_MEMORY_WINDOWS)
    hear(front_end, [quiet] * len(values))
    expected = quantize(Heard(FRONT_END, CONSTANTS).standardise(np.array([front_end.values(loud), *values]))[-1])
    assert np.abs(hear(front_end, [quiet])[0] - expected).max() <= 1


def test_of_a_microphone_that_is_stuck_features_stay_in_range(front_end):
    front_end.library.ser_cmvn_forget()
    silent = np.zeros(FRONT_END.window_samples, np.int16)
    values = np.array([front_end.values(silent)] * 3 * CMVN_MEMORY_WINDOWS)
    found = hear(front_end, [silent] * len(values))[-1]
    expected = quantize(Heard(FRONT_END, CONSTANTS).standardise(values)[-1])
    assert np.abs(found - expected).max() <= 1 and np.abs(found - ZERO_POINT).max() < 20


def test_what_was_forgotten_or_belongs_to_no_window_changes_nothing(front_end):
    front_end.library.ser_cmvn_forget()
    windows = make_windows(3)
    fresh = front_end.features(windows[0])
    hear(front_end, windows)
    assert np.any(front_end.features(windows[0]) != fresh)
    front_end.library.ser_cmvn_forget()
    front_end.features(windows[1])  # heard by nobody: no window was remembered
    front_end.library.ser_cmvn_drop()
    front_end.library.ser_cmvn_remember()
    np.testing.assert_array_equal(front_end.features(windows[0]), fresh)
