"""What every record of a dataset must be, made from the classes, the corpora and the front end."""

import dataclasses
import functools
import math
from collections.abc import Iterator

import numpy as np
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from schemas.front_end import FrontEnd
from schemas.record import Example
from ser_tinyml.audio.mel import loudest_power

_ABOVE_FULL_SCALE_DB = 20.0  # that mixed-in noise may add


@dataclasses.dataclass(frozen=True)
class RecordSchema:
    """The values that a record may have."""

    labels: tuple[str, ...]  # of which its label is the index
    emotions: tuple[str, ...]
    corpora: tuple[str, ...]
    front_end: FrontEnd

    @functools.cached_property
    def mfcc_range(self) -> tuple[float, float]:
        """The least and the most that a coefficient can be.

        The first one is that of a constant spectrum: `amin` in every band below, and above a spectrum as loud in every band as
        the loudest cell that full scale can make. All others are smaller.
        """
        quietest, loudest = (10 * math.log10(power) for power in (self.front_end.amin, loudest_power(self.front_end)))
        root = math.sqrt(self.front_end.n_mels)
        return float(math.floor(root * quietest)), float(math.ceil(root * (loudest + _ABOVE_FULL_SCALE_DB)))

    @property
    def prosody_ranges(self) -> dict[str, tuple[float, float]]:
        """The least and the most of each column of prosody that the front end has."""
        quietest = 10 * math.log10(self.front_end.amin)
        ranges = {"pitch": (-0.1, 3.2), "voicing": (0.0, 1.0), "energy": (math.floor(quietest), _ABOVE_FULL_SCALE_DB)}
        return {name: ranges[name] for name in self.front_end.prosody}

    def find_violations(self, example: Example) -> Iterator[str]:
        """Yields how a record breaks the schema: the feature, what it is, and what was expected."""
        for name, domain in (("corpus", self.corpora), ("emotion", self.emotions)):
            if (value := getattr(example, name)) not in domain:
                yield f"{name} is {value!r}, expected one of {', '.join(domain)}"
        for name, most in (("label", len(self.labels) - 1), ("copy", math.inf), ("window", math.inf)):
            if not 0 <= (number := getattr(example, name)) <= most:
                yield (
                    f"{name} is {number}, expected 0 to {most}"
                    if most < math.inf
                    else f"{name} is {number}, expected at least 0"
                )
        yield from self._find_mfcc_violations(example.mfcc)
        yield from self._find_prosody_violations(example.prosody)

    def _find_mfcc_violations(self, mfcc: np.ndarray) -> Iterator[str]:
        shape, (low, high) = (self.front_end.n_frames, self.front_end.n_mfcc), self.mfcc_range
        if mfcc.shape != shape or mfcc.dtype != np.float32:
            yield f"mfcc is {mfcc.dtype} {list(mfcc.shape)}, expected float32 {list(shape)}"
        elif not (low <= mfcc.min() and mfcc.max() <= high):  # so written that NaN is a violation, too
            yield f"mfcc has a value that is not in {low:.0f} to {high:.0f}"

    def _find_prosody_violations(self, prosody: dict[str, np.ndarray]) -> Iterator[str]:
        if tuple(prosody) != self.front_end.prosody:
            yield f"prosody is {', '.join(prosody) or 'none'}, expected {', '.join(self.front_end.prosody) or 'none'}"
            return
        for name, (low, high) in self.prosody_ranges.items():
            column = prosody[name]
            if column.shape != (self.front_end.n_frames,) or column.dtype != np.float32:
                yield f"{name} is {column.dtype} {list(column.shape)}, expected float32 [{self.front_end.n_frames}]"
            elif not (low <= column.min() and column.max() <= high):
                yield f"{name} has a value that is not in {low:g} to {high:g}"

    def to_text(self) -> str:
        """Returns the schema as text of `tensorflow_metadata.proto.v0.Schema`, which TensorFlow's data tools read."""
        schema = schema_pb2.Schema()
        _add_text(schema, "clip_id", ())
        _add_text(schema, "corpus", self.corpora)
        _add_text(schema, "speaker", ())
        _add_text(schema, "emotion", self.emotions)
        _add_text(schema, "augmentation", ())
        _add_number(schema, "label", most=len(self.labels) - 1, is_categorical=True)
        _add_number(schema, "copy")
        _add_number(schema, "window")
        _add_number(schema, "synthetic", most=1)
        self._add_sequence(schema, "mfcc", "coefficients", width=self.front_end.n_mfcc, limits=self.mfcc_range)
        for name, limits in self.prosody_ranges.items():
            self._add_sequence(schema, name, "value", width=1, limits=limits)
        head = "# A record: a tf.train.SequenceExample, one a window of a copy of a clip.\n"
        return f"{head}# label is the index into: {', '.join(self.labels)}\n{text_format.MessageToString(schema)}"

    def _add_sequence(
        self, schema: schema_pb2.Schema, name: str, of_a_frame: str, *, width: int, limits: tuple[float, float]
    ) -> None:
        feature = _add_feature(schema, name, schema_pb2.STRUCT)
        feature.value_count.min = feature.value_count.max = self.front_end.n_frames
        inner = feature.struct_domain.feature.add(name=of_a_frame, type=schema_pb2.FLOAT)
        inner.shape.dim.add(size=width)
        inner.float_domain.min, inner.float_domain.max = limits
        inner.float_domain.disallow_nan = inner.float_domain.disallow_inf = True


def _add_feature(schema: schema_pb2.Schema, name: str, kind: int) -> schema_pb2.Feature:
    feature = schema.feature.add(name=name, type=kind)
    feature.presence.min_fraction, feature.presence.min_count = 1.0, 1
    return feature


def _add_text(schema: schema_pb2.Schema, name: str, domain: tuple[str, ...]) -> None:
    feature = _add_feature(schema, name, schema_pb2.BYTES)
    feature.shape.dim.add(size=1)
    if domain:
        feature.string_domain.name = name
        feature.string_domain.value.extend(domain)


def _add_number(schema: schema_pb2.Schema, name: str, most: int | None = None, is_categorical: bool = False) -> None:
    feature = _add_feature(schema, name, schema_pb2.INT)
    feature.shape.dim.add(size=1)
    feature.int_domain.name, feature.int_domain.min = name, 0
    feature.int_domain.is_categorical = is_categorical
    if most is not None:
        feature.int_domain.max = most
