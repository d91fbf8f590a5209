import hashlib
import pathlib
import resource
import struct
import subprocess
import sys

import librosa
import numpy as np
import pytest
import soundfile

from components.transform.parameters import Parameters
from ser_tinyml.audio.decode import Acceptance, Crop, Undecodable, decode_blocks, decode_window
from ser_tinyml.store import files

CROP = Crop(0.4, 1.9)


def test_default_mode_crops_at_the_source_rate_and_resamples_once(write_speech):
    path = write_speech("x.wav", rate=48_000)
    samples, _ = soundfile.read(path, dtype="float32")
    expected = librosa.resample(samples[int(0.4 * 48_000) : int(1.9 * 48_000)], orig_sr=48_000, target_sr=16_000)
    window = decode_window(str(path), CROP, 16_000).samples
    assert len(window) == 24_000
    np.testing.assert_array_equal(window, expected)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_414, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("seconds", [1.0, 30.0])
def test_notebook_mode_is_librosas_load_then_crop_then_resample(write_speech, rate, seconds):
    path = write_speech("x.wav", seconds, rate)
    loaded, rate = librosa.load(path, sr=22_050)
    expected = librosa.resample(loaded[int(0.4 * rate) : int(1.9 * rate)], orig_sr=rate, target_sr=16_000)
    np.testing.assert_allclose(decode_window(str(path), CROP, 16_000, 22_050).samples, expected, atol=1e-6)


@pytest.mark.parametrize("rate", [24_414, 44_100])
def test_notebook_mode_far_into_a_recording(write_speech, rate):
    path = write_speech("x.wav", 30.0, rate)
    loaded, _ = librosa.load(path, sr=22_050)
    expected = librosa.resample(loaded[int(20.4 * 22_050) : int(21.9 * 22_050)], orig_sr=22_050, target_sr=16_000)
    window = decode_window(str(path), Crop(20.4, 21.9), 16_000, 22_050).samples
    np.testing.assert_allclose(window, expected, atol=5e-6)


def test_channels_are_averaged(write_speech):
    path = write_speech("x.wav", channels=2)
    samples, _ = soundfile.read(path, dtype="float32")
    window = decode_window(str(path), CROP, 16_000).samples
    np.testing.assert_allclose(window, samples[6400:30400].mean(axis=1), atol=1e-7)


def test_a_short_recording_gives_a_shorter_window(write_speech):
    window = decode_window(str(write_speech("x.wav", seconds=1.0)), CROP, 16_000)
    assert len(window.samples) == 9600
    assert window.recording_seconds == 1.0


def test_content_counts_and_not_the_name(write_speech, tmp_path):
    samples, rate = soundfile.read(write_speech("x.wav"), dtype="float32")
    soundfile.write(tmp_path / "aiff.wav", samples, rate, format="AIFF", subtype="PCM_16")
    aiff, wav = (decode_window(str(tmp_path / name), CROP, 16_000).samples for name in ("aiff.wav", "x.wav"))
    np.testing.assert_array_equal(aiff, wav)


def make_bad_file(path, kind):
    """A file that goes to quarantine for the reason `kind`."""
    rate = 16_000
    speech = np.random.default_rng(0).standard_normal(3 * rate).astype(np.float32) * 0.1
    if kind == "unreadable":
        path.mkdir()
    elif kind == "empty_file":
        path.touch()
    elif kind == "not_audio":
        path.write_text("once upon a time")
    elif kind == "truncated_header":
        soundfile.write(path, speech, rate)
        path.write_bytes(path.read_bytes()[:30])
    elif kind == "damaged_header":
        soundfile.write(path, speech, rate)
        content = bytearray(path.read_bytes())
        content[20:22] = struct.pack("<H", 0x7777)  # a format that nobody has defined
        path.write_bytes(content)
    elif kind == "wrong_sample_rate":
        soundfile.write(path, speech, 100)
    elif kind == "wrong_channels":
        soundfile.write(path, np.stack([speech] * 3, axis=1), rate)
    elif kind == "truncated_data":
        soundfile.write(path, speech, rate)
        path.write_bytes(path.read_bytes()[:-10_000])
    elif kind == "damaged_data":
        soundfile.write(path, speech, rate, format="FLAC")
        content = bytearray(path.read_bytes())
        content[len(content) // 4 : len(content) * 3 // 4] = bytes(len(content) // 2)
        path.write_bytes(content)
    elif kind == "too_short":
        soundfile.write(path, speech[:100], rate)
    elif kind == "nan_samples":
        speech[rate] = np.nan
        soundfile.write(path, speech, rate, subtype="FLOAT")
    elif kind == "infinite_samples":
        speech[rate] = -np.inf
        soundfile.write(path, speech, rate, subtype="FLOAT")
    elif kind == "clipped":
        soundfile.write(path, speech * 100, rate)
    elif kind == "silent":
        soundfile.write(path, speech * 0, rate)
    else:
        assert kind == "not_found"


REASONS = [
    *("not_found", "unreadable", "empty_file", "not_audio", "truncated_header", "damaged_header", "wrong_sample_rate"),
    *("wrong_channels", "truncated_data", "damaged_data", "too_short", "nan_samples", "infinite_samples", "clipped"),
    "silent",
]


@pytest.mark.parametrize("kind", REASONS)
@pytest.mark.parametrize("load_rate", [0, 22_050])
def test_each_bad_file_has_its_own_reason(tmp_path, kind, load_rate):
    make_bad_file(tmp_path / "bad.wav", kind)
    with pytest.raises(Undecodable) as caught:
        decode_window(str(tmp_path / "bad.wav"), CROP, 16_000, load_rate)
    assert caught.value.reason == kind, caught.value
    assert caught.value.detail


@pytest.mark.parametrize("megabytes", [0.1, 40])
def test_a_file_whose_content_is_not_the_expected_is_changed(tmp_path, megabytes):
    path = tmp_path / "x.wav"
    samples = np.random.default_rng(0).standard_normal(int(megabytes * 5e5)) * 0.1
    soundfile.write(path, samples, 16_000, subtype="PCM_16")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    whole = decode_window(str(path), CROP, 16_000, sha256=sha256).samples
    np.testing.assert_array_equal(whole, decode_window(str(path), CROP, 16_000).samples)
    with path.open("r+b") as file:
        file.seek(-1, 2)  # outside the crop
        file.write(b"\x55")
    with pytest.raises(Undecodable) as caught:
        decode_window(str(path), CROP, 16_000, sha256=sha256)
    assert caught.value.reason == "changed" and sha256 in caught.value.detail


def test_every_reason_in_the_docstring_is_tested():
    listed = decode_window.__doc__.split("Undecodable:")[1].replace(" or ", ", ").strip(" .\n")
    assert [reason.strip() for reason in listed.split(",") if reason.strip() != "changed"] == REASONS


@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "FLAC"])
def test_truncation_is_seen_in_every_container_that_states_its_length(tmp_path, container):
    path = tmp_path / "x"
    speech = np.random.default_rng(0).standard_normal(48_000) * 0.1
    soundfile.write(path, speech, 16_000, format=container, subtype="PCM_16")
    decode_window(str(path), CROP, 16_000)
    path.write_bytes(path.read_bytes()[:-5_000])
    with pytest.raises(Undecodable) as caught:
        decode_window(str(path), CROP, 16_000)
    assert caught.value.reason in ("truncated_data", "truncated_header")


def test_a_writer_that_could_not_seek_back_has_not_truncated_anything(tmp_path):
    path = tmp_path / "piped.wav"
    soundfile.write(path, np.random.default_rng(0).standard_normal(48_000) * 0.1, 16_000)
    expected = decode_window(str(path), CROP, 16_000).samples
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff" * 4
    path.write_bytes(content)
    np.testing.assert_array_equal(decode_window(str(path), CROP, 16_000).samples, expected)


def test_what_is_accepted_can_be_set(tmp_path):
    samples = np.random.default_rng(0).standard_normal((48_000, 3))
    soundfile.write(tmp_path / "x.wav", samples, 16_000)
    acceptance = Acceptance(max_channels=3, max_clipped_fraction=1.0)
    assert len(decode_window(str(tmp_path / "x.wav"), CROP, 16_000, acceptance=acceptance).samples) == 24_000


def bytes_read() -> int:
    """By this process so far, from files and pipes (Linux)."""
    return int(pathlib.Path("/proc/self/io").read_text().split()[1])


@pytest.mark.parametrize("load_rate", [0, 22_050])
@pytest.mark.parametrize("container", ["WAV", "FLAC"])
def test_three_hours_cost_a_clips_memory_and_reading(tmp_path, container, load_rate):
    path = tmp_path / "long"
    block = np.random.default_rng(0).standard_normal(16_000 * 60).astype(np.float32) * 0.1
    with soundfile.SoundFile(path, "w", 16_000, 1, format=container, subtype="PCM_16") as file:
        for _ in range(180):
            file.write(block)
    crop = Crop(7_000.0, 7_001.5)  # near the middle of the second hour
    memory, read = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, bytes_read()
    window = decode_window(str(path), crop, 16_000, load_rate)
    memory, read = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory, bytes_read() - read
    assert window.recording_seconds == 3 * 3600
    first = 7_000 * 16_000 % len(block)
    if load_rate == 0:
        np.testing.assert_allclose(window.samples, block[first : first + 24_000], atol=2**-15)
    assert memory < 20_000  # KB; all of it would be 690,000 as float32
    assert read < 2_000_000  # bytes, of 346,000,000 (WAV)


MEASURE = """
import pathlib, re, sys, tempfile
import numpy as np
import soundfile
from components.transform.parameters import Parameters
from ser_tinyml.audio.decode import Acceptance, Crop, Undecodable, decode_blocks, decode_window

def peak():  # KB; getrusage would tell the parent's peak where that is higher
    return int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])

for container in "WAV", "FLAC":  # libraries that the first recording loads are no cost of this one
    with tempfile.NamedTemporaryFile() as first:
        soundfile.write(first.name, np.random.default_rng(0).standard_normal(8_000) * 0.1, 8_000, format=container)
        decode_window(first.name, Crop(0.0, 1.0), 16_000)
before = peak()
try:
    crop, acceptance = Crop(0.0, float(sys.argv[2])), Acceptance(max_channels=int(sys.argv[3]))
    decode_window(sys.argv[1], crop, 16_000, acceptance=acceptance)
    outcome = "decoded"
except Undecodable as error:
    outcome = error.reason
print(outcome, peak() - before)
"""


def measure(path, seconds=Parameters.max_crop_seconds, channels=Acceptance.max_channels):
    """Decodes in a process of its own; returns what became of the recording, and by how many KB memory's peak grew."""
    command = [sys.executable, "-c", MEASURE, path, str(seconds), str(channels)]
    child = subprocess.run(command, capture_output=True, text=True, check=True)
    outcome, kilobytes = child.stdout.split()
    return outcome, int(kilobytes)


def write_claim(path, container, *, offset, claim):
    """Writes three seconds of noise whose header says something else from byte `offset` on."""
    soundfile.write(path, np.random.default_rng(0).standard_normal(48_000) * 0.1, 16_000, format=container)
    content = bytearray(path.read_bytes())
    content[offset : offset + len(claim)] = claim
    path.write_bytes(content)


# What the header claims -> container, where in the file, the claim, and what becomes of the recording.
CLAIMS = {
    "2**32 samples": ("FLAC", 22, b"\xff" * 4, "truncated_data"),
    "blocks of 65535 samples": ("FLAC", 8, b"\xff" * 4, "damaged_data"),
    "frames of 16 MB": ("FLAC", 12, b"\xff" * 6, "decoded"),  # libsndfile does not go by it
    "2 GB": ("WAV", 40, struct.pack("<I", 0x7FFFEFFF), "truncated_data"),
    "1024 channels": ("WAV", 22, struct.pack("<H", 1024), "wrong_channels"),
    "65535 channels": ("WAV", 22, struct.pack("<H", 65_535), "damaged_header"),
    "2 GHz": ("WAV", 24, struct.pack("<I", 2**31 - 1), "wrong_sample_rate"),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_a_header_claims_costs_no_memory(tmp_path, claim):
    container, offset, content, expected = CLAIMS[claim]
    write_claim(tmp_path / "x", container, offset=offset, claim=content)
    outcome, kilobytes = measure(tmp_path / "x")
    assert outcome == expected and kilobytes < 20_000


def test_five_hours_of_silence_cost_no_more_than_the_longest_crop(tmp_path):
    with soundfile.SoundFile(tmp_path / "x", "w", 16_000, 1, format="FLAC", subtype="PCM_16") as file:
        for _ in range(5 * 60):
            file.write(np.zeros(60 * 16_000, np.int16))
    outcome, kilobytes = measure(tmp_path / "x")
    assert outcome == "silent" and kilobytes < 25_000  # 60 s are 3,840 KB as float32, five hours 1,152,000


def test_the_longest_crop_of_the_most_channels_is_mixed_block_by_block(tmp_path):
    speech = np.random.default_rng(0).standard_normal((8_000, 64)) * 0.1
    with soundfile.SoundFile(tmp_path / "x", "w", 8_000, 64, format="WAV", subtype="PCM_U8") as file:
        for _ in range(600):
            file.write(speech)
    outcome, kilobytes = measure(tmp_path / "x", seconds=600, channels=64)
    assert outcome == "decoded" and kilobytes < 400_000  # all channels are 1,229,000 KB as float32


def test_a_read_error_in_the_middle_is_no_truncation(write_speech, monkeypatch):
    path = write_speech("x.wav")

    class Failing:
        def __init__(self, stream):
            self._stream = stream
            self._reads = 0

        def readinto(self, buffer):
            self._reads += 1
            if self._reads > 6:
                raise OSError("the network is gone")
            return self._stream.readinto(buffer)

        def __getattr__(self, name):
            return getattr(self._stream, name)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self._stream.close()

    open_binary = files.open_binary
    monkeypatch.setattr(files, "open_binary", lambda path: Failing(open_binary(path)))
    with pytest.raises(Undecodable, match="the network is gone") as caught:
        decode_window(str(path), CROP, 16_000)
    assert caught.value.reason == "unreadable"


def test_all_published_oddities_decode(real_corpora):
    paths = sorted((real_corpora / "oddities").rglob("*.wav"))
    assert len(paths) == 10
    for path in paths:
        window = decode_window(str(path), CROP, 16_000).samples
        assert 16_000 < len(window) <= 24_000 and np.isfinite(window).all()


def make_voice(seconds: float = 1.0) -> np.ndarray:
    time = np.arange(int(seconds * 16_000)) / 16_000
    return (0.3 * np.sin(2 * np.pi * 200 * time) * np.sin(2 * np.pi * 3 * time)).astype(np.float32)


@pytest.mark.parametrize("kind", ["dither", "offset", "dither on an offset", "cancelling channels"])
def test_a_file_without_a_voice_is_silent(tmp_path, kind):
    dither = np.random.default_rng(0).integers(-1, 2, 16_000) / 32_768
    samples = {
        "dither": dither,
        "offset": np.full(16_000, 0.4),
        "dither on an offset": dither - 0.2,
        "cancelling channels": np.stack([make_voice(), -make_voice()], axis=1),
    }
    soundfile.write(tmp_path / "x.wav", samples[kind], 16_000, subtype="PCM_16")
    with pytest.raises(Undecodable, match="^silent: .*" + ("cancel" if "channels" in kind else "silence or dither")):
        decode_window(str(tmp_path / "x.wav"), Crop(0.0, 10.0), 16_000)


@pytest.mark.parametrize("scale", [1.0, 1e-3, 2 / 32_768 / 0.3])
def test_a_quiet_voice_is_none_the_less_one(tmp_path, scale):
    soundfile.write(tmp_path / "x.wav", make_voice() * scale + 0.1, 16_000, subtype="PCM_16")
    assert len(decode_window(str(tmp_path / "x.wav"), Crop(0.0, 10.0), 16_000).samples) == 16_000


def write_unfinished(path, behind: bytes) -> None:
    """A WAV file whose header says that its sound has a length of 0, as a recorder leaves it that lost its power."""
    soundfile.write(path, make_voice()[:1], 16_000, subtype="PCM_16")
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"data") + 4] + b"\0\0\0\0" + behind)


def test_a_wav_file_that_was_never_finished_is_read_to_its_end(tmp_path):
    voice = np.rint(make_voice() * 32_767).astype("<i2")
    write_unfinished(tmp_path / "x.wav", voice.tobytes())
    decoded = decode_window(str(tmp_path / "x.wav"), Crop(0.0, 10.0), 16_000).samples
    np.testing.assert_array_equal(np.rint(decoded * 32_768).astype("<i2"), voice)


@pytest.mark.parametrize("behind", [b"", b"LIST\x04\0\0\0INFO", b"id3 \x0a\0\0\0ID3\x04\0\0\0\0\0\0"])
def test_what_is_no_sound_is_not_read_as_sound(tmp_path, behind):
    write_unfinished(tmp_path / "x.wav", behind)
    with pytest.raises(Undecodable, match=r"^no_sound: .*a length of 0"):
        decode_window(str(tmp_path / "x.wav"), Crop(0.0, 10.0), 16_000)


@pytest.mark.parametrize(
    ("begin", "reason"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git_lfs_pointer"),
        (b"\n<!DOCTYPE HTML><html></html>", "html_page"),
        (b"\x00\x05\x16\x07" + bytes(100), "not_audio"),
    ],
)
def test_what_stands_in_the_place_of_a_recording_is_told(tmp_path, begin, reason):
    (tmp_path / "x.wav").write_bytes(begin)
    with pytest.raises(Undecodable, match=f"^{reason}: "):
        decode_window(str(tmp_path / "x.wav"), Crop(0.0, 10.0), 16_000)


@pytest.mark.parametrize("name", ["x.wav", "x.flac", "x.ogg", "x.mp3"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_blocks_are_the_bits_of_the_whole(write_speech, tmp_path, name, rate):
    samples, _ = soundfile.read(write_speech("source.wav", 5.0, rate, channels=2))
    soundfile.write(tmp_path / name, samples, rate)
    whole = decode_window(str(tmp_path / name), Crop(0.0, 60.0), 16_000).samples
    with files.open_binary(str(tmp_path / name)) as stream:
        blocks = list(decode_blocks(stream, 16_000))
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_blocks_of_a_recording_that_ends_too_early_end_with_the_reason(write_speech):
    path = write_speech("x.wav", 10.0)
    path.write_bytes(path.read_bytes()[:-1000])
    with files.open_binary(str(path)) as stream, pytest.raises(Undecodable, match="truncated_data"):
        list(decode_blocks(stream, 16_000))
