import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import components  # noqa: F401  settles which Keras TensorFlow loads
from schemas.classes import LABEL_OF_EMOTION, LABELS
from schemas.front_end import FrontEnd
from schemas.record import Example
from ser_tinyml.corpora import CORPORA
from ser_tinyml.store.dataset import decode, parse_tensors, violations
from ser_tinyml.store.records import encode, load_schema


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


def test_a_good_record_satisfies_the_schema():
    assert violations(encode(make_example())) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"corpus": "iemocap"}, "corpus: 'iemocap'"),
        ({"emotion": "fearful"}, "emotion: 'fearful'"),
        ({"label": 4}, "label: 4 is not in 0 to 3"),
        ({"copy": -1}, "copy: -1"),
        ({"mfcc": np.zeros((46, 13), np.float32)}, "mfcc: 46 frames"),
        ({"mfcc": np.zeros((47, 12), np.float32)}, "12 values, expected 13"),
        ({"mfcc": np.full((47, 13), np.nan, np.float32)}, "nan is not a number"),
        ({"mfcc": np.full((47, 13), 5000, np.float32)}, "5000.0 is not a number in"),
    ],
)
def test_a_record_that_breaks_the_schema_is_told_how(change, complaint):
    assert any(complaint in violation for violation in violations(encode(make_example(**change))))


def test_schema_agrees_with_labels_and_front_end():
    schema = {feature.name: feature for feature in load_schema().feature}
    assert set(schema["corpus"].string_domain.value) == set(CORPORA)
    assert set(schema["emotion"].string_domain.value) == {e for e, label in LABEL_OF_EMOTION.items() if label}
    assert schema["label"].int_domain.max == len(LABELS) - 1
    assert schema["mfcc"].value_count.min == schema["mfcc"].value_count.max == FrontEnd().n_frames
    assert schema["mfcc"].struct_domain.feature[0].shape.dim[0].size == FrontEnd().n_mfcc
