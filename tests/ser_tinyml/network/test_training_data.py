import itertools

import numpy as np
import tensorflow as tf

from schemas.front_end import Standardisation
from schemas.run_files import Dataset
from ser_tinyml.audio.standardise import standardise
from ser_tinyml.network.training_data import Drawing, make_split_dataset, make_training_dataset
from ser_tinyml.store import run_files


def read_dataset(demo_root):
    return run_files.read(Dataset, str(demo_root / "examples"))


def make_batches(examples=37, batch_size=8, class_weights=(1, 1, 1, 1), seed=0):
    """Examples whose every value is their number, from 1."""
    mfcc = np.ones((examples, 47, 13), np.float32) * np.arange(1, examples + 1)[:, np.newaxis, np.newaxis]
    split = tf.data.Dataset.from_tensor_slices((np.float32(mfcc), np.arange(examples) % 4))
    tf.keras.utils.set_random_seed(seed)
    drawing = Drawing(batch_size, seed, examples)
    return make_training_dataset(split, class_weights=np.array(class_weights), drawing=drawing)


def take(batches, count):
    return list(itertools.islice(batches.as_numpy_iterator(), count))


def test_inputs_are_standardised(demo_root):
    dataset = make_split_dataset(str(demo_root / "examples"), "train", read_dataset(demo_root))
    inputs = np.concatenate([mfcc for mfcc, _ in dataset.as_numpy_iterator()])
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(inputs.std(axis=0), 1, atol=1e-3)


def test_batches_have_one_size_and_each_epoch_its_own_order():
    batches = make_batches()
    assert batches.element_spec[0].shape == (8, 47, 13)
    epochs = np.array([batch[0][:, 0, 0] for batch in take(batches, 8)]).reshape(2, -1)
    assert all(len(set(epoch)) == 32 for epoch in epochs)
    assert not np.array_equal(*epochs)


def test_labels_are_one_hot_and_weights_those_of_their_classes():
    for mfcc, labels, weights in take(make_batches(class_weights=(1, 2, 3, 4)), 4):
        classes = (mfcc[:, 0, 0].astype(int) - 1) % 4
        np.testing.assert_array_equal(labels, np.eye(4)[classes])
        np.testing.assert_array_equal(weights, classes + 1)


def test_training_that_skips_what_it_has_seen_sees_what_it_would_have_seen():
    whole, rest = take(make_batches(), 12), take(make_batches().skip(8), 4)
    for expected, found in zip(whole[8:], rest, strict=True):
        np.testing.assert_array_equal(found[0], expected[0])


def test_the_graph_standardises_like_the_schema_and_leaves_padding_zero():
    from ser_tinyml.network.training_data import standardise_in_graph

    constants = Standardisation((-250.0, 30.0), (120.0, 40.0))
    mfcc = np.float32([[0, 0], [-300, 0], [-100, 70]])
    expected = standardise(mfcc, constants)
    np.testing.assert_allclose(expected, [[0, 0], [-50 / 120, -0.75], [1.25, 1.0]], atol=1e-6)
    np.testing.assert_allclose(standardise_in_graph(mfcc, constants), expected, atol=1e-6)
