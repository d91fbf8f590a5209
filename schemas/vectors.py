"""The files of a replay on the firmware, little-endian; `firmware/boards/vectors.h` describes the same."""

import dataclasses

import numpy as np

from schemas.errors import UserError

_VERSION = 2
_HEADER = np.dtype(
    [("magic", "S4"), *((name, "<u4") for name in ("version", "count", "samples", "features", "outputs"))]
)
_RESULTS_HEADER = np.dtype([("magic", "S4"), ("version", "<u4"), ("count", "<u4")])
_FOOTER = np.dtype([("stack_bytes", "<u4"), ("engine_stack_bytes", "<u4")])


@dataclasses.dataclass(frozen=True)
class Vectors:
    """Windows to replay, and what must come out."""

    samples: np.ndarray  # int16 [windows, window_samples]
    features: np.ndarray  # int8 [windows, frames * coefficients], Python's
    outputs: np.ndarray  # int8 [windows, classes], TFLM's for these features
    begins: np.ndarray | None = None  # bool [windows]: those that begin an utterance; None: each does

    def __getitem__(self, chosen) -> "Vectors":
        """Returns some of the windows."""
        begins = None if self.begins is None else self.begins[chosen]
        return Vectors(self.samples[chosen], self.features[chosen], self.outputs[chosen], begins)

    def encode(self) -> bytes:
        """Returns a file of vectors."""
        sizes = [part.shape[1] for part in (self.samples, self.features, self.outputs)]
        header = np.array((b"SERV", _VERSION, len(self.samples), *sizes), _HEADER)
        rows = [part.astype(kind).view(np.uint8) for part, kind in self._parts()]
        return header.tobytes() + np.concatenate(rows, axis=1).tobytes()

    def _parts(self) -> list[tuple[np.ndarray, str]]:
        begins = np.ones(len(self.samples), bool) if self.begins is None else self.begins
        samples = np.ascontiguousarray(self.samples)
        return [(begins[:, np.newaxis], "u1"), (samples, "<i2"), (self.features, "i1"), (self.outputs, "i1")]


@dataclasses.dataclass(frozen=True)
class Results:
    """What front end and engine made of vectors."""

    features: np.ndarray  # int8 [windows, frames * coefficients], from the samples
    from_features: np.ndarray  # int8 [windows, classes], of the vectors' features
    from_audio: np.ndarray  # int8 [windows, classes], of the features from the samples
    frontend_cost: np.ndarray  # uint32 [windows]: instructions; on the host nanoseconds
    engine_cost: np.ndarray
    stack_bytes: int  # high-water marks; on the host 0
    engine_stack_bytes: int

    @classmethod
    def decode(cls, content: bytes, vectors: Vectors) -> "Results":
        """Reads a file of results of these vectors; raises UserError where it isn't one."""
        n_features, n_outputs = vectors.features.shape[1], vectors.outputs.shape[1]
        row = np.dtype(
            [
                ("features", "i1", (n_features,)),
                ("from_features", "i1", (n_outputs,)),
                ("from_audio", "i1", (n_outputs,)),
                ("frontend_cost", "<u4"),
                ("engine_cost", "<u4"),
            ]
        )
        expected = _RESULTS_HEADER.itemsize + len(vectors.samples) * row.itemsize + _FOOTER.itemsize
        if len(content) != expected:
            raise UserError(f"the replay left {len(content)} bytes of results, expected {expected}")
        header = np.frombuffer(content, _RESULTS_HEADER, 1)[0]
        if (header["magic"], header["version"], header["count"]) != (b"SERR", _VERSION, len(vectors.samples)):
            raise UserError(f"the replay's results begin with {header}, which is not of these vectors")
        rows = np.frombuffer(content, row, len(vectors.samples), offset=_RESULTS_HEADER.itemsize)
        footer = np.frombuffer(content, _FOOTER, 1, offset=expected - _FOOTER.itemsize)[0]
        return cls(
            **{
                name: rows[name] for name in ("features", "from_features", "from_audio", "frontend_cost", "engine_cost")
            },
            stack_bytes=int(footer["stack_bytes"]),
            engine_stack_bytes=int(footer["engine_stack_bytes"]),
        )
