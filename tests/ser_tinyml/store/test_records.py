import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import components  # noqa: F401  settles which Keras TensorFlow loads
from schemas.record import Example
from ser_tinyml.store.dataset import decode, parse_tensors
from ser_tinyml.store.records import encode


def make_example(**changes) -> Example:
    mfcc = np.random.default_rng(0).normal(size=(47, 13)).astype(np.float32) * 100
    example = Example("ab" * 32, "tess", "OAF", "happy", 1, 2, 3, "snr_noise:5:30", False, mfcc)
    return dataclasses.replace(example, **changes)


def test_a_record_decodes_to_the_example_that_was_encoded():
    example, copy = make_example(), decode(encode(make_example()))
    np.testing.assert_array_equal(copy.mfcc, example.mfcc)
    assert dataclasses.replace(copy, mfcc=None) == dataclasses.replace(example, mfcc=None)


@pytest.mark.parametrize("change", [{}, {"copy": 300}, {"copy": -1}, {"clip_id": ""}, {"speaker": "é" * 200}])
def test_bytes_are_those_of_tensorflows_deterministic_serialisation(change):
    example = make_example(**change)
    values = {name: getattr(example, name) for name in ("clip_id", "corpus", "speaker", "emotion", "augmentation")}
    context = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()])) for name, value in values.items()
    }
    for name in ("label", "copy", "window", "synthetic"):
        number = int(getattr(example, name))
        context[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[number]))
    frames = [tf.train.Feature(float_list=tf.train.FloatList(value=frame)) for frame in example.mfcc]
    record = tf.train.SequenceExample(
        context=tf.train.Features(feature=context),
        feature_lists=tf.train.FeatureLists(feature_list={"mfcc": tf.train.FeatureList(feature=frames)}),
    )
    assert encode(example) == record.SerializeToString(deterministic=True)


def test_tf_data_reads_what_was_encoded():
    mfcc, label = parse_tensors(encode(make_example()), 47, 13)
    np.testing.assert_array_equal(mfcc, make_example().mfcc)
    assert label == 1
