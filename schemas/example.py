"""A record of ROOT/examples: a `tf.train.SequenceExample` that satisfies `example.pbtxt`; written, read and checked here."""

import dataclasses
import functools
import pathlib

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from schemas import artifacts
from schemas.artifacts import UserError


@dataclasses.dataclass(frozen=True)
class Example:
    """One copy of one clip."""

    clip_id: str
    corpus: str
    speaker: str
    emotion: str
    label: int
    copy: int
    augmentation: str
    synthetic: bool
    mfcc: np.ndarray  # float32 [frames, coefficients], dB-like units of librosa's MFCC, not standardised


def encode(example: Example) -> bytes:
    """The record's bytes: the same for the same example, whatever made it."""
    text = ("clip_id", "corpus", "speaker", "emotion", "augmentation")
    numbers = ("label", "copy", "synthetic")
    context = {name: _bytes_feature(getattr(example, name)) for name in text}
    context |= {
        name: tf.train.Feature(int64_list=tf.train.Int64List(value=[int(getattr(example, name))])) for name in numbers
    }
    frames = [tf.train.Feature(float_list=tf.train.FloatList(value=frame)) for frame in example.mfcc]
    record = tf.train.SequenceExample(
        context=tf.train.Features(feature=context),
        feature_lists=tf.train.FeatureLists(feature_list={"mfcc": tf.train.FeatureList(feature=frames)}),
    )
    return record.SerializeToString(deterministic=True)


def decode(record: bytes) -> Example:
    """The inverse of `encode`; raises what protobuf raises for bytes that are no SequenceExample."""
    sequence = tf.train.SequenceExample.FromString(record)
    values: dict[str, str | int] = {}
    for name, feature in sequence.context.feature.items():
        if feature.WhichOneof("kind") == "bytes_list":
            values[name] = feature.bytes_list.value[0].decode()
        else:
            values[name] = feature.int64_list.value[0]
    frames = [frame.float_list.value for frame in sequence.feature_lists.feature_list["mfcc"].feature]
    values["synthetic"] = bool(values["synthetic"])
    return Example(mfcc=np.array(frames, np.float32), **values)  # type: ignore[arg-type]


def parse_tensors(record: tf.Tensor, n_frames: int, n_mfcc: int) -> tuple[tf.Tensor, tf.Tensor]:
    """In a tf.data graph: record -> (float32 [n_frames, n_mfcc] MFCCs, int64 label)."""
    context, sequence = tf.io.parse_single_sequence_example(
        record,
        context_features={"label": tf.io.FixedLenFeature([], tf.int64)},
        sequence_features={"mfcc": tf.io.FixedLenSequenceFeature([n_mfcc], tf.float32)},
    )
    return tf.ensure_shape(sequence["mfcc"], [n_frames, n_mfcc]), context["label"]


def shard_paths(examples: str, split: str) -> list[str]:
    """Paths of a split's shards, from ROOT/examples/dataset.json.

    Raises:
      UserError: there is no finished dataset, or it has no such split or no record in it.
    """
    dataset = artifacts.read_json(artifacts.join(examples, "dataset.json"))
    if dataset["splits"].get(split, {}).get("examples", 0) == 0:
        raise UserError(f"{examples} has no {split} examples; its splits are {', '.join(dataset['splits'])}")
    return [artifacts.join(examples, name) for name in dataset["splits"][split]["shards"]]


def read_split(examples: str, split: str) -> list[Example]:
    """All records of a split, in the order of (clip id, copy), however they are spread over shards."""
    records = tf.data.TFRecordDataset(shard_paths(examples, split), compression_type="GZIP")
    return sorted((decode(r) for r in records.as_numpy_iterator()), key=lambda e: (e.clip_id, e.copy))


@functools.cache
def load_schema() -> schema_pb2.Schema:
    """`example.pbtxt`."""
    return text_format.Parse(pathlib.Path(__file__).with_name("example.pbtxt").read_text(), schema_pb2.Schema())


def violations(record: bytes) -> list[str]:
    """How a record breaks `example.pbtxt`; empty where it doesn't. Each entry names the feature and what was expected."""
    sequence = tf.train.SequenceExample.FromString(record)
    schema = {feature.name: feature for feature in load_schema().feature}
    found = [f"{name}: not in the schema" for name in sequence.context.feature if name not in schema]
    for name, feature in schema.items():
        if feature.type == schema_pb2.STRUCT:
            found += _sequence_violations(feature, sequence.feature_lists.feature_list[name].feature)
        else:
            found += [f"{name}: {problem}" for problem in _value_violations(feature, sequence.context.feature[name])]
    return found


def _bytes_feature(text: str) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))


def _sequence_violations(feature: schema_pb2.Feature, frames: list) -> list[str]:
    count = feature.value_count
    if not count.min <= len(frames) <= count.max:
        return [f"{feature.name}: {len(frames)} frames, expected {count.min} to {count.max}"]
    inner = feature.struct_domain.feature[0]
    return [f"{feature.name}[{i}]: {p}" for i, frame in enumerate(frames) for p in _value_violations(inner, frame)]


_KINDS = {schema_pb2.BYTES: "bytes_list", schema_pb2.INT: "int64_list", schema_pb2.FLOAT: "float_list"}


def _value_violations(feature: schema_pb2.Feature, stored: tf.train.Feature) -> list[str]:
    kind = _KINDS[feature.type]
    if stored.WhichOneof("kind") != kind:
        return [f"{stored.WhichOneof('kind') or 'nothing'} stored, expected {kind}"]
    values = getattr(stored, kind).value
    size = feature.shape.dim[0].size
    if len(values) != size:
        return [f"{len(values)} values, expected {size}"]
    if feature.HasField("string_domain"):
        allowed = set(feature.string_domain.value)
        return [f"{v!r} is none of {sorted(allowed)}" for v in (x.decode() for x in values) if v not in allowed]
    if feature.HasField("int_domain"):
        low, high = feature.int_domain.min, feature.int_domain.max or 2**63 - 1
        return [f"{v} is not in {low} to {high}" for v in values if not low <= v <= high]
    if feature.HasField("float_domain"):
        low, high = feature.float_domain.min, feature.float_domain.max
        return [f"{v} is not a number in {low} to {high}" for v in values if not low <= v <= high]
    return []
