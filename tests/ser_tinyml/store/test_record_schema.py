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


@pytest.mark.parametrize(
    "change", [{}, {"label": 0, "copy": 0, "window": 0}, {"copy": 10**6, "window": 10**6}], ids=str
)
def test_a_good_record_satisfies_the_schema(change):
    assert list(SCHEMA.find_violations(make_example(**change))) == []


def test_coefficients_reach_from_silence_to_20_db_above_the_loudest_band():
    """sqrt(128) times -100 dB, the logarithm of `amin`, and times 48.28 dB and 20."""
    assert SCHEMA.mfcc_range == (-1132, 773)
    for value, is_in in ((-1132, True), (773, True), (-1133, False), (774, False)):
        mfcc = np.zeros((47, 13), np.float32)
        mfcc[5, 7] = value
        assert (not [*SCHEMA.find_violations(make_example(mfcc=mfcc))]) is is_in, value


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"corpus": "iemocap"}, "corpus is 'iemocap', expected one of tess, savee"),
        ({"emotion": "fearful"}, "emotion is 'fearful', expected one of happy, sad"),
        ({"label": 2}, "label is 2, expected 0 to 1"),
        ({"label": -1}, "label is -1, expected 0 to 1"),
        ({"copy": -1}, "copy is -1, expected at least 0"),
        ({"window": -1}, "window is -1, expected at least 0"),
        ({"mfcc": np.zeros((46, 13), np.float32)}, "mfcc is float32 [46, 13], expected float32 [47, 13]"),
        ({"mfcc": np.zeros((47, 12), np.float32)}, "mfcc is float32 [47, 12], expected float32 [47, 13]"),
        ({"mfcc": np.zeros((47, 13))}, "mfcc is float64 [47, 13]"),
        ({"mfcc": np.full((47, 13), np.nan, np.float32)}, "mfcc has a value that is not in"),
        ({"mfcc": np.full((47, 13), 5000, np.float32)}, "mfcc has a value that is not in -1132 to 773"),
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


def test_voicing_is_from_0_to_1_and_energy_from_the_floor_to_20_dbfs():
    schema = dataclasses.replace(SCHEMA, front_end=dataclasses.replace(FrontEnd(), prosody=("voicing", "energy")))

    def find(voicing, energy):
        prosody = {"voicing": FRAMES.copy(), "energy": FRAMES - 50}
        prosody["voicing"][3], prosody["energy"][3] = voicing, energy
        return list(schema.find_violations(make_example(prosody=prosody)))

    assert find(1, 20) == find(0, -100) == []
    assert find(1.01, -50) == find(-0.01, -50) == ["voicing has a value that is not in 0 to 1"]
    assert find(0.5, 20.1) == find(0.5, -100.1) == ["energy has a value that is not in -100 to 20"]


def test_its_text_says_that_every_feature_is_there_and_of_what_size():
    schema = dataclasses.replace(SCHEMA, front_end=dataclasses.replace(FrontEnd(), prosody=("pitch",)))
    parsed = text_format.Parse(schema.to_text(), schema_pb2.Schema())
    features = {feature.name: feature for feature in parsed.feature}
    for name, feature in features.items():
        assert (feature.presence.min_fraction, feature.presence.min_count) == (1.0, 1), name
    sequences = {"mfcc": 13, "pitch": 1}
    for name, width in sequences.items():
        (inner,) = features.pop(name).struct_domain.feature
        assert [dim.size for dim in inner.shape.dim] == [width]
        assert inner.float_domain.disallow_nan and inner.float_domain.disallow_inf
    for name, feature in features.items():
        assert [dim.size for dim in feature.shape.dim] == [1], name
    domains = {
        name: (feature.int_domain.min, feature.int_domain.max, feature.int_domain.is_categorical)
        for name, feature in features.items()
        if feature.type == schema_pb2.INT
    }
    no_end = schema_pb2.IntDomain().max
    assert domains == {
        "label": (0, 1, True),
        "copy": (0, no_end, False),
        "window": (0, no_end, False),
        "synthetic": (0, 1, False),
    }
    assert not features["speaker"].HasField("string_domain") and features["copy"].int_domain.name == "copy"
