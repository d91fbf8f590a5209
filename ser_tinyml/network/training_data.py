"""tf.data over a dataset's shards: (standardised MFCCs, one-hot label, weight) in batches."""

import dataclasses

import numpy as np
import tensorflow as tf

from schemas.front_end import Standardisation
from schemas.run_files import Dataset
from ser_tinyml.store.dataset import open_records, parse_tensors, shard_paths


@dataclasses.dataclass(frozen=True)
class Drawing:
    """How batches are drawn from the training split."""

    batch_size: int
    seed: int
    shuffled: int  # records that are shuffled at a time; in shards they have no order to begin with


_VALIDATION_BATCH = 256


def make_split_dataset(examples: str, split: str, dataset: Dataset) -> tf.data.Dataset:
    """Returns a split's records as (standardised float32 [frames, coefficients], int64 label), in the order of their shards."""
    front_end = dataset.front_end
    return (
        open_records(shard_paths(examples, split))
        .map(lambda record: parse_tensors(record, front_end), num_parallel_calls=2)
        .map(lambda mfcc, label: (standardise_in_graph(mfcc, dataset.standardisation), label))
        .apply(tf.data.experimental.assert_cardinality(dataset.splits[split].examples))
    )


def standardise_in_graph(mfcc: tf.Tensor, constants: Standardisation) -> tf.Tensor:
    """Does in the graph what `ser_tinyml.audio.standardise` does in NumPy."""
    standardised = (mfcc - tf.constant(constants.mean)) / tf.constant(constants.deviation)
    return tf.where(tf.reduce_all(mfcc == 0, axis=-1, keepdims=True), 0.0, standardised)


def make_training_dataset(split: tf.data.Dataset, *, class_weights: np.ndarray, drawing: Drawing) -> tf.data.Dataset:
    """Returns all epochs one after the other, without end: (mfcc, one-hot label, weight) in batches of one static size.

    `split` is cached, and shuffled anew each epoch. LSTMs train 2.6 times faster in batches of one
    size. In the first iteration over this dataset, what is drawn at random depends on the seed and the place alone: training
    that goes on skips what it has seen.
    """
    shuffled = split.shuffle(drawing.shuffled, seed=drawing.seed, reshuffle_each_iteration=True)
    batches = shuffled.batch(drawing.batch_size, drop_remainder=True).repeat()
    weights = tf.constant(class_weights, tf.float32)
    return batches.map(
        lambda mfcc, label: (mfcc, tf.one_hot(label, len(class_weights)), tf.gather(weights, label))
    ).prefetch(tf.data.AUTOTUNE)


def make_validation_dataset(split: tf.data.Dataset, n_classes: int) -> tf.data.Dataset:
    """Returns (mfcc, one-hot label) in large batches, cached.

    Its cardinality is known, as the split's is: Keras needs it to run several steps at once.
    """
    return split.batch(_VALIDATION_BATCH).map(lambda mfcc, label: (mfcc, tf.one_hot(label, n_classes))).cache()
