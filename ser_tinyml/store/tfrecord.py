"""TFRecord shards whose bytes depend on their records alone."""

import gzip
import struct
from collections.abc import Iterable

import google_crc32c

_MASK_DELTA = 0xA282EAD8


def shard_names(split: str, num_shards: int, compressed: bool) -> list[str]:
    """Returns the file names of a split's shards."""
    suffix = ".tfrecord.gz" if compressed else ".tfrecord"
    return [f"{split}-{shard:05}-of-{num_shards:05}{suffix}" for shard in range(num_shards)]


def encode_shard(records: Iterable[bytes], compressed: bool) -> bytes:
    """Returns a TFRecord file, with gzip around it if `compressed`; the gzip header holds no time.

    Framing as in TensorFlow's record_writer.h: length, masked CRC-32C of the length, data, masked CRC-32C of the data.
    """
    content = b"".join(map(_frame, records))
    return gzip.compress(content, compresslevel=1, mtime=0) if compressed else content


def _frame(record: bytes) -> bytes:
    length = struct.pack("<Q", len(record))
    return length + _masked_crc(length) + record + _masked_crc(record)


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF)
