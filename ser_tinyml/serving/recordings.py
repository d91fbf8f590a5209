"""A recording's bytes -> its samples and their rate, in a graph, by tensorflow-io's decoders.

These give no rate, and must be told what kind of sample they will find: both are read from the recording's header here.
"""

from collections.abc import Callable

import tensorflow as tf
import tensorflow_io as tfio

_HEAD = 1 << 16  # bytes, in which a WAV file's description is, or a second MP3 frame
_PCM, _FLOAT = 1, 3  # wFormatTag of a WAV file
_ENDS = 4096  # frames behind a FLAC file: more bytes than a frame of its own has
_TAG = 10  # bytes of the head of an ID3v2 tag

_Decoder = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def decode(content: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns float32 [samples], the mean of the channels, and their rate in Hz, int32 [], of a recording's bytes, string [].

    It is WAV (integers of 8 to 32 bits, or float32), FLAC, Ogg Vorbis or MP3, which its content tells. In the graph
    anything else raises InvalidArgumentError.
    """
    begins = [tf.strings.substr(content, 0, 4) == mark for mark in ("RIFF", "fLaC", "OggS")]
    decoders: list[_Decoder] = [_decode_mp3, _decode_wav, _decode_flac, _decode_vorbis]
    kind = tf.reduce_sum([tf.cast(begin, tf.int32) * number for number, begin in enumerate(begins, start=1)])
    channels, rate = tf.switch_case(kind, [lambda decoder=decoder: decoder(content) for decoder in decoders])
    return tf.reduce_mean(tf.reshape(channels, (-1, tf.shape(channels)[-1])), axis=1), rate


def _decode_wav(content: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    head = _read_head(content)
    text = tf.strings.substr(content, 0, _HEAD)
    described = tf.strings.length(tf.strings.split(text, "fmt ", maxsplit=1)[0]) + 8
    with _asserted(described + 26 <= tf.size(head), "a WAV file that does not describe its samples"):
        described = tf.identity(described)
    tag, rate, bits = (_read_little(head, described + place, size) for place, size in ((0, 2), (4, 4), (14, 2)))
    extended = tf.logical_and(tag == 0xFFFE, described + 26 <= tf.size(head))
    tag = tf.where(extended, _read_little(head, described + tf.where(extended, 24, 0), 2), tag)
    known = tf.stack(
        [tf.logical_and(tag == _PCM, bits == size) for size in (8, 16, 24, 32)] + [(tag == _FLOAT) & (bits == 32)]
    )
    with _asserted(
        tf.reduce_any(known), "a WAV file of samples that are neither integers of 8, 16, 24 or 32 bits nor float32"
    ):
        channels, block = (_read_little(head, described + place, 2) for place in (2, 12))
    with _asserted((channels > 0) & (block == channels * (bits // 8)), "a WAV file whose header contradicts itself"):
        kind = tf.argmax(known, output_type=tf.int32)

    def read(dtype: tf.DType) -> tf.Tensor:
        return tfio.audio.decode_wav(content, dtype=dtype)

    kinds = (
        lambda: _from_uint8(read(tf.uint8)),
        lambda: _from_integers(read(tf.int16)),
        lambda: _from_integers(read(tf.int32)),
        lambda: _from_integers(tf.bitcast(read(tf.float32), tf.int32)),  # tensorflow-io takes all 32 bits for float32
        lambda: read(tf.float32),
    )
    return tf.switch_case(kind, kinds), rate


def _decode_flac(content: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    head = _read_head(content)
    with _asserted(tf.size(head) >= 42, "a FLAC file that ends in its header"):
        head = tf.identity(head)
    rate = head[18] * 4096 + head[19] * 16 + head[20] // 16
    bits = head[20] % 2 * 16 + head[21] // 16 + 1
    known = tf.stack([bits == size for size in (8, 16, 24)])
    with _asserted(tf.reduce_any(known), "a FLAC file whose samples are not of 8, 16 or 24 bits"):
        kind = tf.argmax(known, output_type=tf.int32)
    content = tf.strings.join([content, tf.strings.reduce_join(tf.fill([_ENDS], _make_end()))])
    kinds = (
        lambda: _from_uint8(tfio.audio.decode_flac(content, dtype=tf.uint8)),
        lambda: _from_integers(tfio.audio.decode_flac(content, dtype=tf.int16)),
        lambda: _from_integers(tfio.audio.decode_flac(content, dtype=tf.int32)),
    )
    return tf.switch_case(kind, kinds), rate


def _make_end() -> bytes:
    """Returns a FLAC frame of no stream: a decoder that comes to it ends with an error.

    tensorflow-io's would look for the rest of a file that was cut off without end. Behind the rest of a frame that was cut off
    stand so many of these, of 192 samples of silence each, that one of them is read as a frame.
    """
    header = bytes([0xFF, 0xF9, 0x15, 0x08, 0xFE, *[0xBF] * 6])  # of the last sample number that there can be
    header += _crc(header, 0x07, 8)
    silence = bytes(3)
    return header + silence + _crc(header + silence, 0x8005, 16)


def _crc(content: bytes, polynomial: int, bits: int) -> bytes:
    register = 0
    for byte in content:
        register ^= byte << bits - 8
        for _ in range(8):
            register = (register << 1) ^ (polynomial if register >> bits - 1 else 0)
            register &= (1 << bits) - 1
    return register.to_bytes(bits // 8, "big")


def _decode_vorbis(content: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    with _asserted(tf.strings.substr(content, 28, 7) == b"\x01vorbis", "an Ogg file whose sound is not Vorbis"):
        content = tf.identity(content)
    return tfio.audio.decode_vorbis(content), _read_little(_read_head(content), 40, 4)


def _decode_mp3(content: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    tagged = tf.strings.substr(content, 0, 3) == b"ID3"
    with _asserted(tf.strings.length(content) > _TAG, "neither WAV, FLAC, Ogg nor MP3"):
        tag = tf.io.decode_raw(tf.strings.substr(content, 0, _TAG), tf.uint8)
    size = tf.reduce_sum(tf.cast(tag[6:], tf.int32) * [1 << 21, 1 << 14, 1 << 7, 1])
    begin = tf.where(tagged, tf.minimum(_TAG + size, tf.strings.length(content)), 0)
    frame = tf.cast(tf.io.decode_raw(tf.strings.substr(content, begin, _HEAD), tf.uint8), tf.int32)
    frame = tf.concat([frame, tf.zeros(3, tf.int32)], axis=0)
    first, second, third = frame[:-2], frame[1:-1], frame[2:]
    version, layer, index = second // 8 % 4, second // 2 % 4, third // 4 % 4
    is_frame = (first == 255) & (second // 32 == 7) & (version != 1) & (layer == 1) & (index != 3) & (third // 16 != 15)
    with _asserted(tf.reduce_any(is_frame), "neither WAV, FLAC, Ogg nor MP3"):
        place = tf.argmax(is_frame, output_type=tf.int32)
    rate = tf.gather([44_100, 48_000, 32_000], index[place]) // tf.gather([4, 1, 2, 1], version[place])
    with tf.control_dependencies([rate]):
        return tfio.audio.decode_mp3(tf.identity(content)), rate


def _read_head(content: tf.Tensor) -> tf.Tensor:
    """Returns the first bytes of a recording, int32 [bytes]."""
    return tf.cast(tf.io.decode_raw(tf.strings.substr(content, 0, _HEAD), tf.uint8), tf.int32)


def _read_little(head: tf.Tensor, place: tf.Tensor, size: int) -> tf.Tensor:
    """Returns a little-endian number of so many bytes, int32 []."""
    return tf.reduce_sum(head[place : place + size] * [1 << 8 * byte for byte in range(size)])


def _from_uint8(samples: tf.Tensor) -> tf.Tensor:
    return (tf.cast(samples, tf.float32) - 128) / 128


def _from_integers(samples: tf.Tensor) -> tf.Tensor:
    return tf.cast(samples, tf.float32) / (1 - float(samples.dtype.min) - 1)


def _asserted(condition: tf.Tensor, message: str) -> tf.control_dependencies:
    return tf.control_dependencies([tf.debugging.Assert(condition, [message])])
