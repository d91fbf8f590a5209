"""How records are written: `tf.train.SequenceExample` and `tf.train.Example`, without TensorFlow.

The workers of the data job write records and never read them (`dataset.py` does): they need no TensorFlow, whose import takes
as long as hundreds of clips.
"""

import functools

import numpy as np

from schemas.record import Audio, Example


def encode(example: Example) -> bytes:
    """Returns the record's bytes, those of TensorFlow's deterministic serialisation."""
    context = {name: _bytes_feature(getattr(example, name)) for name in _TEXTS}
    context |= {name: _int64_feature(int(getattr(example, name))) for name in _NUMBERS}
    sequences = {name: column[:, np.newaxis] for name, column in example.prosody.items()} | {"mfcc": example.mfcc}
    return _field(1, _map(context)) + _field(2, _map({name: _float_features(rows) for name, rows in sequences.items()}))


def encode_audio(audio: Audio) -> bytes:
    """Returns a `tf.train.Example` of `clip_id`, `copy`, `window` and, in bytes, `samples` (little-endian)."""
    context = {"clip_id": _bytes_feature(audio.clip_id), "samples": _raw_feature(audio.samples.astype("<i2").tobytes())}
    context |= {"copy": _int64_feature(audio.copy), "window": _int64_feature(audio.window)}
    return _field(1, _map(context))


_TEXTS = ("clip_id", "corpus", "speaker", "emotion", "augmentation")
_NUMBERS = ("label", "copy", "window", "synthetic")


# The wire format of tensorflow/core/example/{example,feature}.proto, of which a record needs five messages.


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _field(number: int, content: bytes) -> bytes:
    """Returns a field of a length-delimited kind: a message, text, or packed numbers."""
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


def _map(values: dict[str, bytes]) -> bytes:
    """Returns a message of which field 1 is a map: its entries in the order of their keys."""
    return b"".join(_field(1, _field(1, key.encode()) + _field(2, values[key])) for key in sorted(values))


def _bytes_feature(text: str) -> bytes:
    return _raw_feature(text.encode())


def _raw_feature(content: bytes) -> bytes:
    return _field(1, _field(1, content))


def _float_features(rows: np.ndarray) -> bytes:
    """Returns a message of which field 1 is repeated: a feature for each row of float32 [rows, columns]."""
    packed = np.ascontiguousarray(rows, "<f4").view(np.uint8)
    return np.concatenate([_heads(*packed.shape), packed], axis=1).tobytes()


@functools.lru_cache(8)
def _heads(rows: int, size: int) -> np.ndarray:
    """Returns what stands in front of each row of `size` bytes, uint8 [rows, bytes]."""
    head = _field(1, _field(2, _field(1, bytes(size))))[:-size]
    return np.broadcast_to(np.frombuffer(head, np.uint8), (rows, len(head)))


def _int64_feature(number: int) -> bytes:
    return _field(3, _field(1, _varint(number % 2**64)))
