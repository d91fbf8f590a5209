"""Another front end, and other networks, from sound to firmware: flags are all that it takes."""

import json

import numpy as np
import pytest
import soundfile

import ser_tinyml
from components.trainer.component import Parameters as TrainerParameters
from components.transform.component import Parameters as TransformParameters
from pipeline.evaluate import describe_front_end
from schemas.errors import UsageError
from schemas.front_end import FrontEnd
from schemas.run_files import Dataset
from ser_tinyml.store import run_files

SMALL = (
    *("--epochs=4", "--augment=clean", "--board_clips=2", "--num_shards=2", "--calibration_examples=50"),
    *("--min_agreement=0.9", "--max_accuracy_loss=5", "--min_tflm_agreement=0.95", "--min_board_agreement=0.97"),
    *("--min_uar=0", "--min_recall=0", "--noise_clips=0"),  # networks as small as these are of no use
)
NARROW = (
    "--sample_rate=8000",
    "--n_mfcc=40",
    "--window_seconds=1.024",
    "--window_hop=0.512",
    "--n_fft=1024",
    "--hop_length=256",
    "--center=false",
    "--n_mels=64",
    "--prosody=pitch,voicing,energy",
)


def check_board(root):
    board = json.loads((root / "board/board.json").read_text())
    assert board["validated"] and board["replay"]["bit_exact"]
    assert board["replay"]["windows"] > 20


def check_learns_speaker(root, recording):
    """The device says something else when it hears a recording for the second time, and the same when it has heard nothing."""
    model = ser_tinyml.load(str(root))
    sound, rate = soundfile.read(recording, dtype="int16")
    followed = np.concatenate([sound, np.zeros(2 * rate, np.int16)])
    device, other = model.stream(rate), model.stream(rate)
    first, second = device.feed(followed), device.feed(followed)
    assert first and [each.probabilities for each in first] == [each.probabilities for each in other.feed(followed)]
    assert [each.probabilities for each in second] != [each.probabilities for each in first]
    alone = model.predict_file(recording)
    model.follow_speaker()
    first, second = model.predict_file(recording), model.predict_file(recording)
    np.testing.assert_array_equal(first.window_probabilities, alone.window_probabilities)
    assert np.any(second.window_probabilities != alone.window_probabilities)


def test_8_khz_40_coefficients_and_windows_that_share_frames_reach_the_emulated_board(
    run, demo_flags, demo_corpus, tmp_path
):
    flags = (*NARROW, "--lstm_units=12,8", "--dense_units=8", "--cmvn_prior_windows=4")
    shown = run("pipeline.run", *demo_flags, *SMALL, *flags, f"--pipeline_root={tmp_path}")
    assert "microphone hears at 16000 and 41667 Hz, not at 8000: there will be no Arduino library" in shown.stdout
    expected = FrontEnd(
        sample_rate=8000,
        window_samples=8192,
        n_fft=1024,
        hop_length=256,
        center=False,
        n_mels=64,
        fmax=4000.0,
        n_mfcc=40,
        window_hop_samples=4096,
        lead_samples=800,
        prosody=("pitch", "voicing", "energy"),
        cmvn_prior_windows=4,
    )
    assert run_files.read(Dataset, str(tmp_path / "examples")).front_end == expected
    assert json.loads((tmp_path / "export/export.json").read_text())["front_end"] == expected.to_dict()
    header = (tmp_path / "firmware/generated/ser_model.h").read_text()
    lines = ["SER_SAMPLE_RATE 8000", "SER_N_FRAMES 29", "SER_SHARES_FRAMES 1", "SER_N_MFCC 40", "SER_N_FEATURES 43"]
    for line in [*lines, "SER_FMAX 4000.0f", "SER_CMVN_PRIOR_WINDOWS 4"]:
        assert line in header
    assert not (tmp_path / "firmware/arduino").exists()
    assert "arduino/ser-tinyml" not in (tmp_path / "firmware/MODEL_CARD.md").read_text()
    check_board(tmp_path)
    slices = json.loads((tmp_path / "evaluation/evaluation.json").read_text())["models"]["tflm"]["slices"]
    always = {"nothing: each clip alone", "another speaker"}
    assert always < set(slices["heard before"])
    assert set(slices["heard before"]) <= always | {"0 to 10 windows", "10 to 40 windows", "40 windows and more"}
    told = "learns its speaker: a clip was judged behind other clips of the same person"
    for place in ("report/index.html", "firmware/MODEL_CARD.md"):
        assert f"{told}, not alone. Each clip alone, as by a device" in (tmp_path / place).read_text()
    check_learns_speaker(tmp_path, demo_corpus / "savee/ALL/JK_n04.wav")
    print(next(line for line in shown.stdout.splitlines() if "instructions a window" in line))


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags",
    [
        ("--lstm_units=", "--frame_pooling=flatten"),
        ("--lstm_units=16", "--conv_filters=16"),
        ("--lstm_units=16", "--frame_pooling=mean"),
        ("--lstm_units=12,8", "--bidirectional"),
        ("--lstm_units=8", "--conv_filters=12,12", "--conv_kernel=3", "--bidirectional", "--frame_pooling=mean"),
        ("--lstm_units=12,8", "--streaming"),
        ("--lstm_units=12,8", "--ensemble=3"),
    ],
    ids=["dense", "convolution", "mean", "bidirectional", "all", "streaming", "ensemble"],
)
def test_other_networks_reach_the_emulated_board(run, demo_flags, tmp_path, flags):
    run("pipeline.run", *demo_flags, *SMALL, *flags, f"--pipeline_root={tmp_path}")
    assert json.loads((tmp_path / "export/export.json").read_text())["engine_lacks"] == ""
    check_board(tmp_path)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"n_fft": 1000}, "front end: n_fft=1000: the firmware's FFT takes one of 32, 64"),
        ({"sample_rate": 8000, "fmax": 5000.0}, "fmax=5000: the firmware's mel bands are between 0 and .* 4000 Hz"),
        ({"n_mfcc": 200}, "front end: n_mfcc=200: expected 1 to n_mels, 128"),
        ({"n_fft": 256}, "front end: n_mels=128: mel band 1, of 0 to .* Hz, has no bin of an FFT of 256 samples"),
        ({"prosody": "energy,pitch"}, "front end: prosody=energy,pitch: expected some of pitch,voicing,energy"),
        ({"window_seconds": 30.0}, "the front end needs .* bytes of RAM .* an nRF52840 has 262,144"),
        ({"window_seconds": 0.1}, "--window_seconds=0.1: 1600 samples, at least 2048"),
        (
            {"streaming": True, "window_hop": 0.3},
            "streaming goes from window to window, of 10 frames, .* window_hop=0.32 s",
        ),
    ],
)
def test_a_front_end_that_the_device_can_not_have_is_told_when_the_flags_are_made(flags, message):
    with pytest.raises(UsageError, match=message):
        TransformParameters(**flags)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"lstm_units": "", "frame_pooling": "last"}, "--frame_pooling=last is of an LSTM"),
        ({"lstm_units": "", "frame_pooling": "mean", "bidirectional": True}, "--bidirectional is of LSTMs"),
        (
            {"bidirectional": True, "quantization_aware": True},
            "--quantization_aware knows the roundings of LSTMs and dense",
        ),
        ({"weight_bits": "4"}, "--weight_bits=4 is of --quantization_aware, and goes with it"),
        ({"conv_filters": "8,x"}, "--conv_filters=8,x: expected numbers"),
        ({"conv_filters": "8,8,8,8", "conv_pool": 4}, "--conv_pool=4: of 47 frames none is left behind 4 pools"),
    ],
)
def test_a_network_that_can_not_be_is_told(flags, message):
    with pytest.raises(UsageError, match=message):
        TrainerParameters(**flags).check_front_end(FrontEnd())


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"conv_filters": "8"}, "--streaming goes on with the states of LSTMs"),
        ({"ensemble": 2}, "--streaming is trained in float, as one network"),
        ({"quantization_aware": True}, "--streaming is trained in float, as one network"),
    ],
)
def test_a_network_that_can_not_go_on_from_window_to_window_is_told(flags, message):
    with pytest.raises(UsageError, match=message):
        TrainerParameters(**flags).check_front_end(TransformParameters(streaming=True).make_front_end())


@pytest.mark.parametrize(
    "flags", [{}, {"center": False, "n_mels": 40}, {"streaming": True}, {"floor_db": -55.0}], ids=str
)
def test_a_front_end_is_described_by_the_flags_that_make_it(flags):
    front_end = TransformParameters(**flags).make_front_end()
    assert TransformParameters(**describe_front_end(front_end)).make_front_end() == front_end


def test_flags_of_two_steps_that_do_not_fit_are_told_before_the_first(run, demo_flags, tmp_path):
    flags = ("--window_seconds=1.0", "--conv_filters=8,8,8", "--conv_pool=4")
    ended = run("pipeline.run", *demo_flags, *flags, f"--pipeline_root={tmp_path / 'run'}", check=False)
    assert ended.returncode == 2 and "==" not in ended.stdout
    assert ended.stderr.startswith("error: --conv_pool=4: of 32 frames none is left behind 3 pools")
    assert not (tmp_path / "run").exists()
