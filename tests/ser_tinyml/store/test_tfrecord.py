import gzip

import tensorflow as tf

from ser_tinyml.store.tfrecord import encode_shard, shard_names

RECORDS = [b"", b"a record", bytes(range(256)) * 40]


def test_a_shard_is_what_tensorflow_writes(tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / "x.tfrecord")) as writer:
        for record in RECORDS:
            writer.write(record)
    assert encode_shard(RECORDS, compressed=False) == (tmp_path / "x.tfrecord").read_bytes()


def test_a_compressed_shard_is_the_same_at_any_time():
    compressed = encode_shard(RECORDS, compressed=True)
    assert gzip.decompress(compressed) == encode_shard(RECORDS, compressed=False)
    assert compressed[4:8] == bytes(4)  # the time, in the header of gzip
    assert len(compressed) < sum(map(len, RECORDS)) / 10


def test_shards_are_numbered_from_0_among_all_of_them():
    assert shard_names("train", 2, True) == ["train-00000-of-00002.tfrecord.gz", "train-00001-of-00002.tfrecord.gz"]
    assert shard_names("test", 1, False) == ["test-00000-of-00001.tfrecord"]
