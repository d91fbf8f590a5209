import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import components  # noqa: F401  settles which Keras TensorFlow loads
from schemas.front_end import FrontEnd
from schemas.record import Audio, Example
from ser_tinyml.store.dataset import decode, parse_tensors
from ser_tinyml.store.records import encode, encode_audio

PROSODY = {"pitch": np.linspace(0, 3, 47, dtype=np.float32), "voicing": np.linspace(1, 0, 47, dtype=np.float32)}


def make_example(**changes) -> Example:
    mfcc = np.random.default_rng(0).normal(size=(47, 13)).astype(np.float32) * 100
    example = Example("ab" * 32, "tess", "OAF", "happy", 1, 2, 3, "snr_noise:5:30", False, mfcc)
    return dataclasses.replace(example, **changes)


def test_a_record_decodes_to_the_example_that_was_encoded():
    example, copy = make_example(), decode(encode(make_example()))
    np.testing.assert_array_equal(copy.mfcc, example.mfcc)
    assert dataclasses.replace(copy, mfcc=None) == dataclasses.replace(example, mfcc=None)


@pytest.mark.parametrize(
    "change",
    [
        {},
        *({"copy": number} for number in (0, 127, 128, 300, 2**63 - 1, -1, -(2**63))),
        {"clip_id": ""},
        {"speaker": "é" * 200},
        {"prosody": PROSODY},
    ],
    ids=str,
)
def test_bytes_are_those_of_tensorflows_deterministic_serialisation(change):
    example = make_example(**change)
    values = {name: getattr(example, name) for name in ("clip_id", "corpus", "speaker", "emotion", "augmentation")}
    context = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()])) for name, value in values.items()
    }
    for name in ("label", "copy", "window", "synthetic"):
        number = int(getattr(example, name))
        context[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[number]))
    columns = {name: column[:, np.newaxis] for name, column in example.prosody.items()} | {"mfcc": example.mfcc}
    lists = {
        name: tf.train.FeatureList(
            feature=[tf.train.Feature(float_list=tf.train.FloatList(value=frame)) for frame in frames]
        )
        for name, frames in columns.items()
    }
    record = tf.train.SequenceExample(
        context=tf.train.Features(feature=context), feature_lists=tf.train.FeatureLists(feature_list=lists)
    )
    assert encode(example) == record.SerializeToString(deterministic=True)


@pytest.mark.parametrize("prosody", [{}, PROSODY], ids=["mfcc", "prosody"])
def test_tf_data_reads_what_was_encoded(prosody):
    front_end = dataclasses.replace(FrontEnd(), prosody=tuple(prosody))
    features, label = parse_tensors(encode(make_example(prosody=prosody)), front_end)
    np.testing.assert_array_equal(features, make_example(prosody=prosody).features)
    assert features.shape == (47, 13 + len(prosody)) and label == 1


def test_prosody_is_decoded_in_its_own_order():
    copy = decode(encode(make_example(prosody=PROSODY)))
    assert list(copy.prosody) == ["pitch", "voicing"]
    np.testing.assert_array_equal(copy.features[:, 13], PROSODY["pitch"])
    np.testing.assert_array_equal(copy.features, make_example(prosody=PROSODY).features)


def test_sound_is_an_example_of_tensorflows_with_little_endian_samples():
    samples = np.array([-32768, -1, 0, 258, 32767], ">i2")
    numbers = {"copy": 2, "window": 3}
    features = {name: tf.train.Feature(int64_list=tf.train.Int64List(value=[value])) for name, value in numbers.items()}
    for name, content in (("clip_id", b"ab"), ("samples", b"\x00\x80\xff\xff\x00\x00\x02\x01\xff\x7f")):
        features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))
    expected = tf.train.Example(features=tf.train.Features(feature=features))
    assert encode_audio(Audio("ab", 2, 3, samples)) == expected.SerializeToString(deterministic=True)
