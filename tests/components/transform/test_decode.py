import librosa
import numpy as np
import pytest
import soundfile

from components.transform.decode import Crop, Undecodable, decode_window

CROP = Crop(0.4, 1.9)


def test_default_mode_crops_at_the_source_rate_and_resamples_once(write_speech):
    path = write_speech("x.wav", rate=48_000)
    samples, _ = soundfile.read(path, dtype="float32")
    expected = librosa.resample(samples[int(0.4 * 48_000) : int(1.9 * 48_000)], orig_sr=48_000, target_sr=16_000)
    window = decode_window(str(path), CROP, 16_000)
    assert len(window) == 24_000
    np.testing.assert_array_equal(window, expected)


def test_notebook_mode_is_librosas_load_then_crop_then_resample(write_speech):
    path = write_speech("x.wav", rate=44_100)
    loaded, rate = librosa.load(path, sr=22_050)
    expected = librosa.resample(loaded[int(0.4 * rate) : int(1.9 * rate)], orig_sr=rate, target_sr=16_000)
    np.testing.assert_allclose(decode_window(str(path), CROP, 16_000, load_rate=22_050), expected, atol=1e-6)


def test_channels_are_averaged(write_speech):
    path = write_speech("x.wav", channels=2)
    samples, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_allclose(decode_window(str(path), CROP, 16_000), samples[6400:30400].mean(axis=1), atol=1e-7)


def test_a_short_recording_gives_a_shorter_window(write_speech):
    assert len(decode_window(str(write_speech("x.wav", seconds=1.0)), CROP, 16_000)) == 9600


def test_content_counts_and_not_the_name(write_speech, tmp_path):
    samples, rate = soundfile.read(write_speech("x.wav"), dtype="float32")
    soundfile.write(tmp_path / "aiff.wav", samples, rate, format="AIFF", subtype="PCM_16")
    np.testing.assert_array_equal(
        decode_window(str(tmp_path / "aiff.wav"), CROP, 16_000), decode_window(str(tmp_path / "x.wav"), CROP, 16_000)
    )


def make_bad_file(path, kind):
    rate = 16_000
    if kind == "empty_file":
        path.touch()
    elif kind == "not_audio":
        path.write_text("RIFF, said the text file")
    elif kind == "too_short":
        soundfile.write(path, np.ones(100) * 0.1, rate)
    elif kind == "silent":
        soundfile.write(path, np.zeros(2 * rate), rate)
    elif kind == "not_finite":
        samples = np.ones(2 * rate, np.float32) * 0.1
        samples[rate] = np.nan
        soundfile.write(path, samples, rate, subtype="FLOAT")


@pytest.mark.parametrize("kind", ["not_found", "empty_file", "not_audio", "too_short", "silent", "not_finite"])
@pytest.mark.parametrize("load_rate", [0, 22_050])
def test_each_bad_file_has_its_own_reason(tmp_path, kind, load_rate):
    make_bad_file(tmp_path / "bad.wav", kind)
    with pytest.raises(Undecodable) as caught:
        decode_window(str(tmp_path / "bad.wav"), CROP, 16_000, load_rate)
    assert caught.value.reason == kind
    assert caught.value.detail


def test_all_published_oddities_decode(real_corpora):
    paths = sorted((real_corpora / "oddities").rglob("*.wav"))
    assert len(paths) == 10
    for path in paths:
        window = decode_window(str(path), CROP, 16_000)
        assert 16_000 < len(window) <= 24_000 and np.isfinite(window).all()
