"""tf.data over a dataset's shards: (standardised MFCCs, one-hot label, weight) in batches."""

import dataclasses
import itertools
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from schemas.front_end import FrontEnd
from schemas.record import Example
from schemas.run_files import Dataset
from ser_tinyml.audio.standardise import ONE_SESSION, Levels, Sessions, follow_speakers, standardise_examples
from ser_tinyml.store.dataset import open_records, parse_tensors, read_split, shard_paths


@dataclasses.dataclass(frozen=True)
class Drawing:
    """How batches are drawn from the training split."""

    batch_size: int
    seed: int
    shuffled: int  # records that are shuffled at a time; in shards they have no order to begin with


NO_WINDOW = -1  # a label where an utterance has no window any more

_VALIDATION_BATCH = 256
_READ_AT_ONCE = 1024  # records


def make_split_dataset(
    examples: str, split: str, dataset: Dataset, sessions: Sessions = ONE_SESSION
) -> tf.data.Dataset:
    """Returns a split's records as (standardised float32 [frames, coefficients], int64 label), in one order.

    `sessions` is that of `standardise_examples`.
    """
    front_end, constants = dataset.front_end, dataset.standardisation
    parsed = (
        open_records(shard_paths(examples, split))
        .map(lambda record: parse_tensors(record, front_end), num_parallel_calls=2)
        .apply(tf.data.experimental.assert_cardinality(dataset.splits[split].examples))
    )
    if not front_end.cmvn_prior_windows:
        return parsed.map(lambda mfcc, label: (standardise_in_graph(mfcc, constants.mean, constants.deviation), label))
    records, levels = _read_levels(examples, split, front_end)
    by = follow_speakers(records, levels, front_end, constants, sessions)
    return tf.data.Dataset.zip((parsed, tf.data.Dataset.from_tensor_slices(by))).map(
        lambda record, by: (standardise_in_graph(record[0], *by), record[1])
    )


class _Spoken(NamedTuple):
    """What of a record decides when it is heard."""

    clip_id: str
    speaker_key: str
    copy: int
    window: int


def _read_levels(examples: str, split: str, front_end: FrontEnd) -> tuple[list[_Spoken], Levels]:
    """Returns what decides when each record is heard, and what is then remembered of it, in the order of `open_records`."""
    records, parts = list[_Spoken](), list[Levels]()
    parsed = open_records(shard_paths(examples, split)).map(lambda record: _parse_spoken(record, front_end))
    for names, numbers, features in parsed.batch(_READ_AT_ONCE).as_numpy_iterator():
        parts.append(Levels.of_windows(features))
        for (clip, corpus, speaker), (copy, window) in zip(names, numbers, strict=True):
            records.append(_Spoken(clip.decode(), f"{corpus.decode()}/{speaker.decode()}", int(copy), int(window)))
    fields = (field.name for field in dataclasses.fields(Levels))
    return records, Levels(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


def _parse_spoken(record: tf.Tensor, front_end: FrontEnd) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Parses a record to clip, corpus and speaker; copy and window; and its features."""
    names, numbers = ("clip_id", "corpus", "speaker"), ("copy", "window")
    kinds = dict.fromkeys(names, tf.string) | dict.fromkeys(numbers, tf.int64)
    context, _ = tf.io.parse_single_sequence_example(
        record, context_features={name: tf.io.FixedLenFeature([], kind) for name, kind in kinds.items()}
    )
    features, _ = parse_tensors(record, front_end)
    return tf.stack([context[name] for name in names]), tf.stack([context[name] for name in numbers]), features


def make_utterance_dataset(
    examples: str, split: str, dataset: Dataset, n_windows: int, sessions: Sessions = ONE_SESSION
) -> tf.data.Dataset:
    """Returns a split's utterances as sequences of windows, for a network that goes on from window to window.

    An utterance of more windows than `n_windows` is divided; behind a shorter one are zeros, and labels of NO_WINDOW.
    `sessions` is that of `standardise_examples`.

    Returns:
      (standardised float32 [n_windows * frames, coefficients], int64 labels [n_windows]) one by one.
    """
    front_end = dataset.front_end
    records = _read_records(examples, split, dataset)
    standardised = standardise_examples(records, front_end, dataset.standardisation, sessions)
    keyed = itertools.groupby(range(len(records)), key=lambda n: _name_part(records[n], n_windows))
    parts = [list(windows) for _, windows in keyed]
    inputs = np.zeros((len(parts), n_windows, front_end.n_frames, front_end.n_features), np.float32)
    labels = np.full((len(parts), n_windows), NO_WINDOW, np.int64)
    for number, windows in enumerate(parts):
        inputs[number, : len(windows)] = standardised[windows]
        labels[number, : len(windows)] = records[windows[0]].label
    sequences = inputs.reshape(len(parts), n_windows * front_end.n_frames, front_end.n_features)
    return tf.data.Dataset.from_tensor_slices((sequences, labels))


def _read_records(examples: str, split: str, dataset: Dataset) -> list[Example]:
    """Returns a split's records with the columns of prosody that the dataset's front end names."""
    columns = dataset.front_end.prosody
    return [
        dataclasses.replace(record, prosody={name: record.prosody[name] for name in columns})
        for record in read_split(examples, split)
    ]


def _name_part(record: Example, n_windows: int) -> tuple[str, int, int]:
    return record.clip_id, record.copy, record.window // n_windows


def standardise_in_graph(mfcc: tf.Tensor, mean: Any, deviation: Any) -> tf.Tensor:
    """Does in the graph what `ser_tinyml.audio.standardise` does in NumPy."""
    standardised = (mfcc - tf.convert_to_tensor(mean, tf.float32)) / tf.convert_to_tensor(deviation, tf.float32)
    return tf.where(tf.reduce_all(mfcc == 0, axis=-1, keepdims=True), 0.0, standardised)


def make_training_dataset(split: tf.data.Dataset, *, class_weights: np.ndarray, drawing: Drawing) -> tf.data.Dataset:
    """Returns all epochs one after the other, without end: (mfcc, one-hot label, weight) in batches of one static size.

    `split` is cached, and shuffled anew each epoch. LSTMs train 2.6 times faster in batches of one
    size. In the first iteration over this dataset, what is drawn at random depends on the seed and the place alone: training
    that goes on skips what it has seen.
    """
    shuffled = split.shuffle(drawing.shuffled, seed=drawing.seed, reshuffle_each_iteration=True)
    batches = shuffled.batch(drawing.batch_size, drop_remainder=True).repeat()
    if split.element_spec[1].shape.rank:
        batches = batches.enumerate().map(
            lambda place, batch: _begin_anywhere(batch[0], batch[1], seed=(drawing.seed, place))
        )
    weights = tf.constant(class_weights, tf.float32)
    return batches.map(
        lambda mfcc, label: (mfcc, tf.one_hot(label, len(class_weights)), _weigh(label, weights))
    ).prefetch(tf.data.AUTOTUNE)


_SHARE_CUT = 0.6  # of the utterances


def _begin_anywhere(utterances: tf.Tensor, labels: tf.Tensor, seed: tuple) -> tuple[tf.Tensor, tf.Tensor]:
    """Cuts off windows at the beginning of many utterances, each time anew; at least two stay.

    Else training hears each recording from its first word on alone, and learns it by heart.
    """
    size, n_windows = labels.shape
    share, place = tf.unstack(
        tf.random.stateless_uniform((2, size), tf.stack([tf.cast(each, tf.int64) for each in seed]))
    )
    count = tf.reduce_sum(tf.cast(labels != NO_WINDOW, tf.float32), axis=1)
    start = tf.where(share < _SHARE_CUT, tf.floor(place * tf.maximum(count - 1, 0)), 0)
    taken = tf.cast(start, tf.int32)[:, tf.newaxis] + tf.range(n_windows)
    there, taken = taken < n_windows, tf.minimum(taken, n_windows - 1)
    windows = tf.reshape(utterances, (size, n_windows, -1, utterances.shape[2]))
    cut = tf.where(there[:, :, tf.newaxis, tf.newaxis], tf.gather(windows, taken, batch_dims=1), 0)
    return tf.reshape(cut, utterances.shape), tf.where(there, tf.gather(labels, taken, batch_dims=1), NO_WINDOW)


def _weigh(label: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Returns the weight of each label in the loss: 0 where no window is, and of the first of several, which is too short."""
    weighed = tf.where(label == NO_WINDOW, 0.0, tf.gather(weights, tf.maximum(label, 0)))
    if label.shape.rank == 1:
        return weighed
    is_first_of_several = (tf.range(label.shape[1]) == 0) & (label[:, 1:2] != NO_WINDOW)
    return tf.where(is_first_of_several, 0.0, weighed)


def make_validation_dataset(split: tf.data.Dataset, n_classes: int) -> tf.data.Dataset:
    """Returns (mfcc, one-hot label) in large batches, cached.

    Its cardinality is known, as the split's is: Keras needs it to run several steps at once.
    """
    return split.batch(_VALIDATION_BATCH).map(lambda mfcc, label: (mfcc, tf.one_hot(label, n_classes))).cache()
