"""Reads the records of a finished dataset with TensorFlow."""

import numpy as np
import tensorflow as tf

from schemas.errors import UserError
from schemas.front_end import PROSODY, FrontEnd
from schemas.record import CALIBRATION_EXAMPLES, Audio, Example
from schemas.run_files import Dataset
from ser_tinyml.store import files, run_files
from ser_tinyml.store.digests import unit_hash

_READ_AT_ONCE = 1024  # records that leave TensorFlow together: one by one they take twice as long


def decode(record: bytes) -> Example:
    """Decodes what `records.encode` wrote; raises what protobuf raises for bytes that are no SequenceExample."""
    sequence = tf.train.SequenceExample.FromString(record)
    values: dict[str, str | int] = {}
    for name, feature in sequence.context.feature.items():
        if feature.WhichOneof("kind") == "bytes_list":
            values[name] = feature.bytes_list.value[0].decode()
        else:
            values[name] = feature.int64_list.value[0]
    values["synthetic"] = bool(values["synthetic"])
    lists = {
        name: np.array([frame.float_list.value for frame in found.feature], np.float32)
        for name, found in sequence.feature_lists.feature_list.items()
    }
    prosody = {name: lists[name][:, 0] for name in PROSODY if name in lists}
    return Example(mfcc=lists["mfcc"], prosody=prosody, **values)  # type: ignore[arg-type]


def parse_tensors(record: tf.Tensor, front_end: FrontEnd) -> tuple[tf.Tensor, tf.Tensor]:
    """Parses a record in a tf.data graph, to (float32 [n_frames, n_features], int64 label)."""
    widths = {"mfcc": front_end.n_mfcc} | dict.fromkeys(front_end.prosody, 1)
    context, sequence = tf.io.parse_single_sequence_example(
        record,
        context_features={"label": tf.io.FixedLenFeature([], tf.int64)},
        sequence_features={name: tf.io.FixedLenSequenceFeature([width], tf.float32) for name, width in widths.items()},
    )
    features = tf.concat([sequence[name] for name in widths], axis=1)
    return tf.ensure_shape(features, [front_end.n_frames, front_end.n_features]), context["label"]


def shard_paths(examples: str, split: str) -> list[str]:
    """Returns the paths of a split's shards, from ROOT/examples/dataset.json.

    Raises:
      UserError: there is no finished dataset, or it has no such split or no record in it.
    """
    splits = run_files.read(Dataset, examples).splits
    if split not in splits or not splits[split].examples:
        raise UserError(f"{examples} has no {split} examples; its splits are {', '.join(splits)}")
    return [files.join(examples, name) for name in splits[split].shards]


def open_records(paths: list[str]) -> tf.data.Dataset:
    """Opens records as they are stored; shards are compressed where their names end in `.gz`."""
    return tf.data.TFRecordDataset(paths, compression_type="GZIP" if paths[0].endswith(".gz") else "")


def read_split(examples: str, split: str) -> list[Example]:
    """Returns all records of a split, in the order of (clip id, copy, window), however they are spread over shards."""
    records = open_records(shard_paths(examples, split))
    return sorted((decode(r) for r in records.as_numpy_iterator()), key=lambda e: (e.clip_id, e.copy, e.window))


def list_clips(examples: str, split: str) -> set[tuple[str, str, str]]:
    """Returns (clip id, corpus, speaker) of the clips that a split has records of; none where it has none."""
    if not run_files.read(Dataset, examples).splits[split].examples:
        return set()
    names = ("clip_id", "corpus", "speaker")
    features = {name: tf.io.FixedLenFeature([], tf.string) for name in names}

    def parse(record: tf.Tensor) -> tf.Tensor:
        context, _ = tf.io.parse_single_sequence_example(record, context_features=features)
        return tf.stack([context[name] for name in names])

    batches = open_records(shard_paths(examples, split)).map(parse).batch(_READ_AT_ONCE).as_numpy_iterator()
    return {
        (clip_id.decode(), corpus.decode(), speaker.decode()) for batch in batches for clip_id, corpus, speaker in batch
    }


def read_calibration(examples: str, count: int = CALIBRATION_EXAMPLES) -> list[Example]:
    """Returns training records, chosen by hash, whose ranges decide a model's int8 scales.

    Of a network that goes on from window to window, whose state then has other ranges, they are those of whole utterances.
    """
    records = read_split(examples, "train")
    if run_files.read(Dataset, examples).front_end.streaming:
        return sorted(records, key=lambda e: (unit_hash("calibration", e.clip_id, e.copy), e.window))[:count]
    return sorted(records, key=lambda e: unit_hash("calibration", e.clip_id, e.copy, e.window))[:count]


def read_audio(examples: str) -> list[Audio]:
    """Returns the sound of the held-out windows that the job stored, in the order of `read_split`.

    Raises:
      UserError: the dataset has none.
    """
    stored = run_files.read(Dataset, examples).audio
    if not stored.examples:
        raise UserError(f"{examples} holds no sound of its held-out windows: run the transform step again")
    records = open_records([files.join(examples, name) for name in stored.shards])
    found = [_decode_audio(record) for record in records.as_numpy_iterator()]
    return sorted(found, key=lambda audio: (audio.clip_id, audio.copy, audio.window))


def _decode_audio(record: bytes) -> Audio:
    features = tf.train.Example.FromString(record).features.feature
    return Audio(
        features["clip_id"].bytes_list.value[0].decode(),
        features["copy"].int64_list.value[0],
        window=features["window"].int64_list.value[0],
        samples=np.frombuffer(features["samples"].bytes_list.value[0], "<i2"),
    )
