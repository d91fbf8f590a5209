"""What the graph decodes is what libsndfile decodes, and anything else is told in a sentence."""

import io
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from ser_tinyml.serving.recordings import decode
from tests.conftest import REPOSITORY

MADE = [
    *(("WAV", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT")),
    *(("WAVEX", subtype) for subtype in ("PCM_16", "PCM_24", "FLOAT")),
    *(("FLAC", subtype) for subtype in ("PCM_S8", "PCM_16", "PCM_24")),
    ("OGG", "VORBIS"),
    ("MP3", "MPEG_LAYER_III"),
]


def encode(container: str, subtype: str, *, rate: int = 44_100, channels: int = 1) -> bytes:
    samples = 0.1 * np.random.default_rng(3).standard_normal((8_000, channels))
    content = io.BytesIO()
    soundfile.write(content, np.cumsum(samples, axis=0) / 20, rate, format=container, subtype=subtype)
    return content.getvalue()


@pytest.mark.parametrize(("container", "subtype"), MADE, ids="-".join)
@pytest.mark.parametrize(("rate", "channels"), [(44_100, 1), (16_000, 2), (24_000, 1)])
def test_samples_and_rate_are_libsndfiles(container, subtype, rate, channels):
    content = encode(container, subtype, rate=rate, channels=channels)
    expected, _ = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    samples, found = decode(tf.constant(content))
    assert found.numpy() == rate
    np.testing.assert_allclose(samples.numpy(), expected.mean(axis=1), atol=2e-6)


def test_a_description_behind_other_chunks_is_found():
    content = encode("WAV", "PCM_16", rate=22_050)
    junk = b"JUNK" + (28).to_bytes(4, "little") + bytes(28)
    samples, rate = decode(tf.constant(content[:12] + junk + content[12:]))
    assert rate.numpy() == 22_050 and len(samples) == 8_000


def test_tags_before_an_mp3_are_skipped():
    content = encode("MP3", "MPEG_LAYER_III", rate=48_000)
    text = b"\xff\xfb\x40\xc0" * 50  # what looks like a frame of another rate
    tagged = b"ID3\x04\x00\x00" + bytes([0, 0, len(text) >> 7, len(text) & 127]) + text + content
    assert decode(tf.constant(tagged))[1].numpy() == 48_000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "neither WAV, FLAC, Ogg nor MP3"),
        (b"hello", "neither WAV, FLAC, Ogg nor MP3"),
        (b"<!doctype html>" * 20, "neither WAV, FLAC, Ogg nor MP3"),
        (b"RIFF____WAVEfmt ", "does not describe its samples"),
        (b"RIFF____WAVE" + bytes(60), "does not describe its samples"),
        (encode("WAV", "ULAW"), "neither integers of 8, 16, 24 or 32 bits nor float32"),
        (encode("WAV", "DOUBLE"), "neither integers of 8, 16, 24 or 32 bits nor float32"),
        (encode("WAV", "PCM_16")[:32] + b"\0\0" + encode("WAV", "PCM_16")[34:], "header contradicts itself"),
        (encode("WAV", "PCM_16")[:-99], "EOF reached"),
        (encode("FLAC", "PCM_16")[:-2_000], "unable to (read|seek)"),  # where the decoder alone would never end
        (encode("FLAC", "PCM_24", channels=2)[:9_000], "unable to (read|seek)"),
        (b"fLaC", "ends in its header"),
        (b"OggS" + bytes(80), "not Vorbis"),
        (encode("OGG", "OPUS", rate=48_000), "not Vorbis"),
    ],
    ids=lambda value: None if isinstance(value, str) else "",
)
def test_what_can_not_be_decoded_is_told(content, said):
    with pytest.raises((tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError), match=said):
        decode(tf.constant(content))


@pytest.mark.slow
def test_damaged_recordings_are_decoded_or_told_and_never_end_the_process_or_go_on_for_ever():
    """In a process of its own, which a crash would end, and with a limit of time for all."""
    code = """
import random
import tensorflow as tf
from ser_tinyml.serving.recordings import decode
from tests.ser_tinyml.serving.test_recordings import MADE, encode

graph = tf.function(decode, input_signature=[tf.TensorSpec((), tf.string)], autograph=False)
seeds, draw, told = [encode(*made) for made in MADE], random.Random(7), 0
for _ in range(2000):
    content = bytearray(draw.choice(seeds))
    for _ in range(draw.randint(0, 10)):
        content[draw.randrange(draw.choice([60, len(content)]))] = draw.choice([0, 255, draw.randrange(256)])
    if draw.random() < 0.4:
        del content[draw.randrange(len(content)) :]
    try:
        graph(tf.constant(bytes(content)))
    except tf.errors.OpError:
        told += 1
print(told)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=True
    )
    assert 500 < int(ran.stdout) < 2000
