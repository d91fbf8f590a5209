"""A graph of layers as the engine's C runs it: names, packed weights, and which buffer each layer reads and writes."""

import dataclasses

import numpy as np

from ser_tinyml.codegen.c_text import c_identifier
from ser_tinyml.codegen.engine_graph import Dense, Factor, Flatten, Graph, Lstm, Softmax

_BLOCK = 16  # SER_BLOCK of ser_kernels.h: inputs are padded to a multiple of so many
_TILE = 4  # rows that ser_dot4 takes at once


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """A layer in its place: `name` is its C name, `source` the C expression of its input."""

    layer: Lstm | Dense | Softmax
    name: str
    source: str
    kind: str  # "lstm", "dense" or "softmax"
    padded_inputs: int = 0
    padded_outputs: int
    weights: np.ndarray | None = None  # int16 [n], packed as ser_dot4 takes them
    biases: np.ndarray | None = None  # int32 [n]
    factors: tuple[Factor, ...] = ()  # of a dense layer

    @property
    def result(self) -> str:
        """Returns the C expression of what the layer leaves."""
        return f"state.{self.name}_hidden[next]" if self.kind == "lstm" else f"state.{self.name}_output"


@dataclasses.dataclass(frozen=True, kw_only=True)
class JointCopy:
    """Values of a frame that are kept until the window is whole: those of one frame, or of each (`frame` is None)."""

    source: str
    size: int  # values of a frame
    frame: int | None
    padded_total: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """All steps of a window. `result` is the C expression of the network's output."""

    graph: Graph
    padded_inputs: int
    by_frame: tuple[Step, ...]
    joint: JointCopy | None
    by_window: tuple[Step, ...]
    result: str

    @property
    def has_lstm(self) -> bool:
        """Tells whether hidden states are held twice, before and after a frame."""
        return any(step.kind == "lstm" for step in self.by_frame)


def make_plan(graph: Graph) -> Plan:
    """Returns how the engine runs a graph."""
    by_frame, at_hand = _chain(graph.by_frame, "state.input", first=1)
    joint = _keep_frames(graph, at_hand)
    at_hand = "state.joint" if joint else at_hand
    by_window, result = _chain(graph.by_window, at_hand, first=1 + len(by_frame))
    return Plan(
        graph=graph,
        padded_inputs=_pad(graph.n_inputs),
        by_frame=by_frame,
        joint=joint,
        by_window=by_window,
        result=result,
    )


def _chain(layers: tuple, source: str, first: int) -> tuple[tuple[Step, ...], str]:
    """Returns the steps of layers behind one another, and the C expression of what the last of them leaves."""
    steps = []
    for number, layer in enumerate(layers, start=first):
        steps.append(_make_step(layer, f"layer_{number}_{c_identifier(layer.name)}", source))
        source = steps[-1].result
    return tuple(steps), source


def _make_step(layer: Lstm | Dense | Softmax, name: str, source: str) -> Step:
    if isinstance(layer, Lstm):
        return _make_lstm_step(layer, name, source)
    if isinstance(layer, Dense):
        return _make_dense_step(layer, name, source)
    return Step(layer=layer, name=name, source=source, kind="softmax", padded_outputs=_pad(layer.n_outputs))


def _make_lstm_step(layer: Lstm, name: str, source: str) -> Step:
    inputs, hidden = _pad(layer.n_inputs), _pad(layer.n_outputs)
    tiles = [
        np.concatenate([_pack(layer.kernels[:, unit], inputs), _pack(layer.recurrent_kernels[:, unit], hidden)])
        for unit in range(layer.n_outputs)
    ]
    return Step(
        layer=layer,
        name=name,
        source=source,
        kind="lstm",
        padded_inputs=inputs,
        padded_outputs=hidden,
        weights=np.concatenate(tiles),
        biases=layer.biases.T.ravel(),
    )


def _make_dense_step(layer: Dense, name: str, source: str) -> Step:
    inputs, rows = _pad(layer.n_inputs), -(-layer.n_outputs // _TILE) * _TILE
    added = rows - layer.n_outputs
    weights = np.pad(layer.weights, ((0, added), (0, 0)))
    per_row = len(layer.factors) > 1
    return Step(
        layer=layer,
        name=name,
        source=source,
        kind="dense",
        padded_inputs=inputs,
        padded_outputs=_pad(layer.n_outputs),
        weights=np.concatenate([_pack(weights[row : row + _TILE], inputs) for row in range(0, rows, _TILE)]),
        biases=np.pad(layer.biases, (0, added)),
        factors=layer.factors + (Factor(0, 0),) * (added if per_row else 0),
    )


def _keep_frames(graph: Graph, source: str) -> JointCopy | None:
    """Returns what is copied of frames; None where the last frame goes on, which is still there when the window is whole."""
    joint = graph.joint
    if isinstance(joint, Flatten):
        size, frame = joint.n_outputs // graph.n_frames, None
    elif joint.frame == graph.n_frames - 1:
        return None
    else:
        size, frame = joint.n_outputs, joint.frame
    return JointCopy(source=source, size=size, frame=frame, padded_total=_pad(joint.n_outputs))


def _pack(rows: np.ndarray, padded: int) -> np.ndarray:
    """Packs int8 [4, n] into int16 [padded * 2], two rows to a value, as ser_dot4 of ser_kernels.h takes them."""
    wide = np.zeros((_TILE, padded), np.int16)
    wide[:, : rows.shape[1]] = rows
    pairs = wide[::2] * 256 + wide[1::2]  # [2, padded]
    return pairs.reshape(2, -1, 4).transpose(1, 0, 2).ravel()


def _pad(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
