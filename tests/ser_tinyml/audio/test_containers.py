import io
import sys

import numpy as np
import pytest

from ser_tinyml.audio.decode import Crop, Undecodable, decode_window

av = pytest.importorskip("av")

RATE = 16_000
FORMATS = {  # name -> container, codec
    "speech.m4a": ("ipod", "aac"),
    "speech.mp4": ("mp4", "aac"),
    "speech.aac": ("adts", "aac"),
    "speech.webm": ("webm", "libopus"),
    "speech.mkv": ("matroska", "pcm_s16le"),
    "speech.avi": ("avi", "pcm_s16le"),
    "speech.mpg": ("mpeg", "mp2"),
    "speech.ts": ("mpegts", "aac"),
}


def make_sound(seconds: float = 2.0) -> np.ndarray:
    """A tone that swells, float32 [samples]."""
    time = np.arange(int(seconds * RATE)) / RATE
    return np.float32(0.4 * np.sin(2 * np.pi * 300 * time) * np.sin(np.pi * time / seconds))


def encode(container: str, codec: str, *, sound: bool = True, pictures: bool = False) -> bytes:
    content = io.BytesIO()
    rate = 48_000 if codec == "libopus" else RATE
    with av.open(content, "w", format=container) as file:
        if pictures:
            video = file.add_stream("mpeg4", rate=10)
            video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        if sound:
            stream = file.add_stream(codec, rate=rate, layout="mono")
            frame = av.AudioFrame.from_ndarray(make_sound()[np.newaxis], format="fltp", layout="mono")
            frame.sample_rate = RATE
            converter = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.frame_size or 0)
            for part in [*converter.resample(frame), *converter.resample(None)]:
                file.mux(stream.encode(part))
            file.mux(stream.encode(None))
        if pictures:
            for _ in range(20):
                file.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
            file.mux(video.encode(None))
    return content.getvalue()


def decode(path):
    return decode_window(str(path), Crop(0.0, 10.0), RATE).samples


@pytest.mark.parametrize("name", FORMATS)
def test_the_sound_of_a_container_is_read_by_its_content(tmp_path, name):
    path = tmp_path / "no suffix"
    path.write_bytes(encode(*FORMATS[name]))
    found, expected = decode(path), make_sound()
    assert abs(len(found) - len(expected)) < 0.15 * RATE
    lags = np.correlate(found, expected[4_000:28_000], "valid")
    assert lags.max() > 0.9 * np.square(expected[4_000:28_000]).sum()
    np.testing.assert_array_equal(found, decode(path))


def test_the_sound_of_a_video_is_read(tmp_path):
    (tmp_path / "video.mp4").write_bytes(encode("mp4", "aac", pictures=True))
    assert abs(len(decode(tmp_path / "video.mp4")) - 2 * RATE) < 0.15 * RATE


def test_a_video_without_sound_and_a_cut_file_are_told(tmp_path):
    path = tmp_path / "silent.mp4"
    path.write_bytes(encode("mp4", "aac", sound=False, pictures=True))
    with pytest.raises(Undecodable, match="no_sound: there is no sound in it"):
        decode(path)
    path.write_bytes(encode("avi", "pcm_s16le", pictures=True)[:30_000])
    with pytest.raises(Undecodable, match=r"no_sound: .*(could be decoded|FFmpeg stopped|no sound)"):
        decode(path)


def test_without_pyav_it_is_one_sentence(tmp_path, monkeypatch):
    path = tmp_path / "speech.m4a"
    path.write_bytes(encode("ipod", "aac"))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(Undecodable, match=r"unread_format: M4A, .* PyAV, which is not installed: pip install"):
        decode(path)


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_container_is_told_or_read(tmp_path, seed):
    rng = np.random.default_rng(seed)
    content = bytearray(encode("ipod", "aac"))
    for _ in range(rng.integers(1, 20)):
        content[rng.integers(len(content))] = rng.integers(256)
    (tmp_path / "speech.m4a").write_bytes(content[: rng.integers(1, len(content) + 1)])
    try:
        assert np.isfinite(decode(tmp_path / "speech.m4a")).all()
    except Undecodable as error:
        assert error.reason and error.detail
