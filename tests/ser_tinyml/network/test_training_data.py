import dataclasses
import itertools

import numpy as np
import tensorflow as tf

from schemas.front_end import Standardisation
from schemas.run_files import Dataset
from ser_tinyml.audio.standardise import Sessions, standardise, standardise_examples
from ser_tinyml.network.training_data import (
    NO_WINDOW,
    Drawing,
    make_split_dataset,
    make_training_dataset,
    make_utterance_dataset,
)
from ser_tinyml.store import run_files
from ser_tinyml.store.dataset import decode, open_records, read_split, shard_paths


def read_dataset(demo_root):
    """The demo's dataset, as of a front end whose constants standardise."""
    dataset = run_files.read(Dataset, str(demo_root / "examples"))
    return dataclasses.replace(dataset, front_end=dataclasses.replace(dataset.front_end, cmvn_prior_windows=0))


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


def test_in_sessions_inputs_are_standardised_as_a_device_that_learns_speakers_does_it(demo_root):
    examples, dataset = str(demo_root / "examples"), read_dataset(demo_root)
    learning = dataclasses.replace(dataset.front_end, cmvn_prior_windows=8)
    sessions = Sessions(clips=3, behind_another=0.5)
    split = make_split_dataset(examples, "train", dataclasses.replace(dataset, front_end=learning), sessions)
    records = [decode(record) for record in open_records(shard_paths(examples, "train")).as_numpy_iterator()]
    expected = standardise_examples(records, learning, dataset.standardisation, sessions)
    inputs, labels = (np.stack(each) for each in zip(*split.as_numpy_iterator(), strict=True))
    np.testing.assert_allclose(inputs, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(labels, [record.label for record in records])
    by_constants = standardise_examples(records, dataset.front_end, dataset.standardisation)
    assert 0.1 < np.abs(inputs - by_constants).mean() < 0.5


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
    np.testing.assert_allclose(standardise_in_graph(mfcc, constants.mean, constants.deviation), expected, atol=1e-6)


def test_an_utterance_is_its_windows_in_their_order_and_a_longer_one_is_divided(demo_root):
    examples, dataset = str(demo_root / "examples"), read_dataset(demo_root)
    records = read_split(examples, "validation")
    assert {record.window for record in records} >= {0, 1, 2}
    utterances = list(make_utterance_dataset(examples, "validation", dataset, 2).as_numpy_iterator())
    inputs, labels = (np.stack(each) for each in zip(*utterances, strict=True))
    there = labels != NO_WINDOW
    windows = inputs.reshape(*there.shape, dataset.front_end.n_frames, -1)
    expected = standardise(np.stack([record.features for record in records]), dataset.standardisation)
    np.testing.assert_array_equal(windows[there], expected)
    np.testing.assert_array_equal(labels[there], [record.label for record in records])
    assert not windows[~there].any() and there[:, 0].all() and not there.all()
    assert len(utterances) == sum(record.window % 2 == 0 for record in records)


def test_where_an_utterance_has_no_window_nothing_is_learned():
    labels = np.array([[1, 2], [3, NO_WINDOW]])
    split = tf.data.Dataset.from_tensor_slices((np.zeros((2, 4, 3), np.float32), labels))
    batches = make_training_dataset(split, class_weights=np.array([1, 2, 3, 4]), drawing=Drawing(2, 0, 2))
    _, one_hot, weights = next(batches.as_numpy_iterator())
    assert sorted(map(tuple, weights)) == [(0, 3), (4, 0)]  # nor of the first of several windows
    assert sorted(map(tuple, one_hot.sum(axis=2))) == [(1, 0), (1, 1)]


def test_utterances_begin_anywhere_each_time_anew_and_again_the_same():
    frames = np.repeat(np.arange(1, 6), 4)  # of windows of four frames, each with the window's number
    utterances = np.tile(np.where(frames < 5, frames, 0)[:, np.newaxis], (60, 1, 3)).astype(np.float32)
    labels = np.tile([1, 1, 1, 1, NO_WINDOW], (60, 1))
    split = tf.data.Dataset.from_tensor_slices((utterances, labels))

    def draw(skipped=0):
        batches = make_training_dataset(split, class_weights=np.ones(2), drawing=Drawing(60, 7, 60)).skip(skipped)
        return take(batches, 3)

    whole, again, rest = draw(), draw(), draw(skipped=1)
    for one, other in ((whole, again), (whole[1:], rest)):
        for expected, found in zip(one, other, strict=False):
            np.testing.assert_array_equal(found[0], expected[0])
    first = whole[0][0][:, 0, 0].astype(int)
    assert set(first) == {1, 2, 3} and np.mean(first == 1) > 0.4
    assert not np.array_equal(first, whole[1][0][:, 0, 0])
    for utterance, one_hot in zip(whole[0][0], whole[0][1], strict=True):
        begin = int(utterance[0, 0])
        windows = [*range(begin, 5), *[0] * begin]
        np.testing.assert_array_equal(utterance[:, 1], np.repeat(windows, 4))
        np.testing.assert_array_equal(one_hot.sum(axis=1), np.array(windows) > 0)
