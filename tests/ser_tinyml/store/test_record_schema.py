import dataclasses

import numpy as np
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from schemas.front_end import FrontEnd
from schemas.record import Example
from ser_tinyml.audio.mfcc import compute_mfcc
from ser_tinyml.store.record_schema import RecordSchema

SCHEMA = RecordSchema(
    labels=("good", "bad"), emotions=("happy", "sad"), corpora=("tess", "savee"), front_end=FrontEnd()
)


def make_example(**changes) -> Example:
    mfcc = np.random.default_rng(0).normal(size=(47, 13)).astype(np.float32) * 100
    example = Example("ab" * 32, "tess", "OAF", "happy", 1, 2, 3, "snr_noise:5:30", False, mfcc)
    return dataclasses.replace(example, **changes)


def test_a_good_record_satisfies_the_schema():
    assert list(SCHEMA.find_violations(make_example())) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"corpus": "iemocap"}, "corpus is 'iemocap', expected one of tess, savee"),
        ({"emotion": "fearful"}, "emotion is 'fearful', expected one of happy, sad"),
        ({"label": 2}, "label is 2, expected 0 to 1"),
        ({"label": -1}, "label is -1, expected 0 to 1"),
        ({"copy": -1}, "copy is -1, expected at least 0"),
        ({"mfcc": np.zeros((46, 13), np.float32)}, "mfcc is float32 [46, 13], expected float32 [47, 13]"),
        ({"mfcc": np.zeros((47, 12), np.float32)}, "mfcc is float32 [47, 12], expected float32 [47, 13]"),
        ({"mfcc": np.zeros((47, 13))}, "mfcc is float64 [47, 13]"),
        ({"mfcc": np.full((47, 13), np.nan, np.float32)}, "mfcc has a value that is not in"),
        ({"mfcc": np.full((47, 13), 5000, np.float32)}, "mfcc has a value that is not in"),
    ],
)
def test_a_record_that_breaks_the_schema_is_told_how(change, complaint):
    assert any(violation.startswith(complaint) for violation in SCHEMA.find_violations(make_example(**change)))


FRAMES = np.zeros(47, np.float32)


@pytest.mark.parametrize(
    ("prosody", "complaint"),
    [
        ({"pitch": FRAMES, "energy": FRAMES - 90}, ""),
        ({}, "prosody is none, expected pitch, energy"),
        ({"energy": FRAMES, "pitch": FRAMES}, "prosody is energy, pitch, expected pitch, energy"),
        ({"pitch": FRAMES + 4, "energy": FRAMES}, "pitch has a value that is not in -0.1 to 3.2"),
        ({"pitch": FRAMES * np.nan, "energy": FRAMES}, "pitch has a value that is not in -0.1 to 3.2"),
        ({"pitch": FRAMES, "energy": FRAMES - 101}, "energy has a value that is not in -100 to 20"),
        ({"pitch": FRAMES[1:], "energy": FRAMES}, "pitch is float32 [46], expected float32 [47]"),
        ({"pitch": FRAMES.astype(np.float64), "energy": FRAMES}, "pitch is float64 [47], expected float32 [47]"),
    ],
)
def test_prosody_is_what_the_front_end_says(prosody, complaint):
    front_end = dataclasses.replace(FrontEnd(), prosody=("pitch", "energy"))
    schema = dataclasses.replace(SCHEMA, front_end=front_end)
    assert "".join(schema.find_violations(make_example(prosody=prosody))) == complaint
    parsed = text_format.Parse(schema.to_text(), schema_pb2.Schema())
    assert [feature.name for feature in parsed.feature][-3:] == ["mfcc", "pitch", "energy"]


def test_another_front_end_and_other_classes_have_another_schema():
    """Eight classes over windows of a second: what holds for one dataset does not for another."""
    wider = RecordSchema(
        labels=tuple("abcdefgh"),
        emotions=SCHEMA.emotions,
        corpora=SCHEMA.corpora,
        front_end=dataclasses.replace(FrontEnd(), window_samples=16_000),
    )
    mfcc = np.zeros((32, 13), np.float32)
    assert list(wider.find_violations(make_example(label=7, mfcc=mfcc))) == []
    assert len(list(SCHEMA.find_violations(make_example(label=7, mfcc=mfcc)))) == 2


@pytest.mark.parametrize("scale", [0.0, 1e-9, 1.0])
def test_no_sound_within_full_scale_breaks_the_range_of_coefficients(scale):
    rng = np.random.default_rng(0)
    seconds = np.arange(24_000) / 16_000
    sounds = {
        "square": np.sign(np.sin(2 * np.pi * 1000 * seconds)),
        "noise": rng.choice([-1.0, 1.0], 24_000),
        "click": np.eye(1, 24_000, 12_000)[0],
        "constant": np.ones(24_000),
        "tone": np.sin(2 * np.pi * 1000 * seconds),
    }
    for name, sound in sounds.items():
        mfcc = compute_mfcc(np.float32(scale * sound), FrontEnd(), "waveform")
        assert list(SCHEMA.find_violations(make_example(mfcc=mfcc))) == [], name


def test_its_text_is_a_schema_of_tensorflow_metadata_with_the_same_domains():
    parsed = text_format.Parse(SCHEMA.to_text(), schema_pb2.Schema())
    schema = {feature.name: feature for feature in parsed.feature}
    assert set(schema) == {field.name for field in dataclasses.fields(Example)} - {"prosody"}
    assert tuple(schema["corpus"].string_domain.value) == SCHEMA.corpora
    assert tuple(schema["emotion"].string_domain.value) == SCHEMA.emotions
    assert schema["label"].int_domain.max == 1
    assert schema["mfcc"].value_count.min == schema["mfcc"].value_count.max == 47
    inner = schema["mfcc"].struct_domain.feature[0]
    assert inner.shape.dim[0].size == 13
    assert (inner.float_domain.min, inner.float_domain.max) == SCHEMA.mfcc_range
