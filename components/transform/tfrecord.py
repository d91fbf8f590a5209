"""TFRecord shards whose bytes depend on their records alone."""

import gzip
import io
import struct
from collections.abc import Iterable

import google_crc32c

_MASK_DELTA = 0xA282EAD8


def encode_shard(records: Iterable[bytes]) -> bytes:
    """A gzip-compressed TFRecord file; the gzip header holds no time.

    Framing as in TensorFlow's record_writer.h: length, masked CRC-32C of the length, data, masked CRC-32C of the data.
    """
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file:
        for record in records:
            length = struct.pack("<Q", len(record))
            file.write(length + _masked_crc(length) + record + _masked_crc(record))
    return buffer.getvalue()


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF)
