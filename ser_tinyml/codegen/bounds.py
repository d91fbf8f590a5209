"""Proves from a model's weights that no number of the generated engine leaves its range, whatever the input.

Each value of the graph gets the range that the layer before can give, channel by channel. From the weights, as they are packed,
follow the ranges of all sums, of what is shifted, and of the places at which tables are read; these are held to what the
kernels' arithmetic takes (firmware/engine/ser_kernels.h). A sum's range holds for every part of it, too, so that it does not
matter in which order a processor adds. Where 0 is in the range of all inputs, and it is in that of a model's own, some
input gives a first layer's largest sum.

What no weight changes is not listed: the gates' 16 bits are saturated, and the reciprocal of the softmax takes a number of
[1, 2) whatever the layer is.
"""

import dataclasses

import numpy as np

from schemas.errors import UserError
from schemas.run_files import Bound
from ser_tinyml.codegen.engine_graph import (
    AnyLayer,
    Concatenate,
    Convolution,
    Dense,
    Factor,
    Flatten,
    Graph,
    Lstm,
    Mean,
    Operand,
    Pool,
    Product,
    Softmax,
    Sum,
    Table,
)
from ser_tinyml.codegen.engine_plan import Step, make_plan
from ser_tinyml.codegen.engine_weights import TILE
from ser_tinyml.runtimes.int8 import Quantization

_CHUNK = 256  # SER_CHUNK of ser_kernels.h
_INT32 = (-(2**31), 2**31 - 1)
_WHOLE = (-(2**23), 2**23 - 1)  # a row's sum that comes out of 256 * s0 + s1 whole
_SCALED = (1 - 2**30, 2**30 - 1)  # what ser_multiply_high takes
_INT16 = (-(2**15), 2**15 - 1)
_VECTOR = (-255, 255)  # an activation, less its zero point
_SHIFT = (0, 31)
_GATE = (
    2**15 - 1
)  # the largest that ser_sigmoid and ser_tanh give, Q0.15; test_ser_kernels.py holds them to TFLM's of all 16 bits
_LINES = (-256, 255)  # of ser_slopes and ser_offsets; tanh's are saturated to them
_KEPT_SHIFT = 15  # of forget gate times cell state
_OPEN_SHIFT = (2, 31)  # what ser_open takes
_LARGEST_EXPONENTIALS = (
    2**28 - 1
)  # a softmax's sum, 12 bits before the point: ser_run_softmax shifts its shares by 31 at most
_OF_ONE = 2**19  # of that sum, exp(0)


@dataclasses.dataclass(frozen=True)
class _Range:
    """The smallest and the largest that each value of a frame can be, int64 [n] each."""

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, quantization: Quantization, n: int) -> "_Range":
        """Returns that of n values of int8, less their zero point."""
        return cls(*(np.full(n, end - quantization.zero_point, np.int64) for end in (-128, 127)))

    def take(self, change) -> "_Range":
        """Returns both ends, changed alike."""
        return _Range(change(self.low), change(self.high))

    def clip(self, low: int, high: int) -> "_Range":
        return self.take(lambda ends: np.clip(ends, low, high))

    def with_zero(self) -> "_Range":
        return _Range(np.minimum(self.low, 0), np.maximum(self.high, 0))


def prove_bounds(graph: Graph) -> tuple[Bound, ...]:
    """Returns the range of each number that a graph's engine computes, and what it must not leave.

    Raises:
      UserError: one could leave it; names the layer, the number and how far it can go.
    """
    plan = make_plan(graph)
    steps = {step.number: step for step in (*plan.by_frame, *plan.by_window)}
    ranges, counts = [_Range.of(graph.input, graph.n_inputs)], [graph.n_frames]
    proved = list[Bound]()
    for number, node in enumerate(graph.nodes, start=1):
        prover = _Layer(node.layer, steps.get(number))
        ranges.append(prover.follow([ranges[n] for n in node.sources], counts[node.sources[0]]))
        counts.append(node.n_frames)
        proved += prover.bounds.values()
    return tuple(proved)


class _Layer:
    """Follows ranges through one layer; `bounds` are those found, by quantity."""

    def __init__(self, layer: AnyLayer, step: Step | None):
        self._layer = layer
        self._step = step
        self.bounds: dict[str, Bound] = {}

    def follow(self, sources: list[_Range], n_frames: int) -> _Range:
        """Returns the range of what the layer gives; UserError where a number leaves its own."""
        layer = self._layer
        match layer:
            case Lstm():
                return self._follow_lstm(layer, sources[0])
            case Dense() | Convolution():
                return self._follow_rows(layer, sources[0])
            case Softmax():
                return self._follow_softmax(layer, sources[0])
            case Table():
                return self._follow_table(layer, sources[0])
            case Sum() | Product():
                return self._follow_arithmetic(layer, sources)
            case Pool():
                return self._follow_pool(layer, sources[0], n_frames)
            case Mean():
                sums = sources[0].take(lambda ends: ends * layer.n_frames)
                self._hold("sums", sums.with_zero(), _INT32)
                low = -128 - layer.output.zero_point
                return self._scale("sums, shifted", sums, layer.factor).clip(low, low + 255)
            case Flatten():
                return sources[0].take(lambda ends: np.tile(ends, n_frames))
            case Concatenate():
                ends = [(source.low, source.high) for source in sources]
                return _Range(*(np.concatenate(each) for each in zip(*ends, strict=True)))
        return sources[0]  # one frame, or all in reverse

    # ---- layers with weights ----

    def _follow_lstm(self, layer: Lstm, source: _Range) -> _Range:
        assert self._step is not None and self._step.biases is not None
        shown = self._scale("output gate times tanh", _symmetric(_GATE * _GATE), layer.show)
        lowest = -128 - layer.output.zero_point
        hidden = shown.clip(lowest, lowest + 255)
        weights = _unpack(self._step).reshape(layer.n_outputs, TILE, -1)  # [units, gates, inputs and units, padded]
        of_input, of_hidden = np.split(weights, [self._step.padded_inputs], axis=2)
        biases = self._step.biases.reshape(-1, TILE)
        one = self._sum("sums of the input", of_input, source, biases=biases, factors=layer.from_input)
        other = self._sum(
            "sums of the hidden state",
            of_hidden,
            _Range(np.full(layer.n_outputs, hidden.low), np.full(layer.n_outputs, hidden.high)).with_zero(),
            biases=np.zeros_like(biases),
            factors=layer.from_hidden,
        )
        gates = _Range(
            one.clip(*_INT16).low + other.clip(*_INT16).low, one.clip(*_INT16).high + other.clip(*_INT16).high
        )
        argument = 3 * _largest(gates.clip(*_INT16))
        self._hold_ends("lines of sigmoid", (-argument >> 9, argument >> 9), _LINES)
        self._follow_cell(layer)
        n_units = layer.n_outputs
        return _Range(np.full(n_units, hidden.low), np.full(n_units, hidden.high)).with_zero()

    def _follow_cell(self, layer: Lstm) -> None:
        """Holds the cell state, and what is made of it: a gate is at most 1, of two saturated parts comes a clipped state."""
        self._hold_ends("cell states", (min(layer.cell_min, 0), max(layer.cell_max, 0)), _INT16)
        state = max(abs(layer.cell_min), abs(layer.cell_max))
        self._hold_shift(layer.tanh_shift)
        half = (1 << layer.tanh_shift) >> 1
        argument = state * layer.tanh_multiplier + half
        self._hold_ends("arguments of tanh", (-argument, argument), _INT32)
        self._open("forget gate times cell state", state, _KEPT_SHIFT)
        self._open("input gate times candidate", _GATE, layer.write_shift)

    def _open(self, quantity: str, largest: int, shift: int) -> None:
        """Holds a gate times a value, with what ser_open rounds it by before it shifts."""
        self._hold_ends("bits of a cell state's shift", (shift, shift), _OPEN_SHIFT)
        rounded = _GATE * largest + (1 << (shift - 1)) + 1
        self._hold_ends(quantity, (-rounded, rounded), _INT32)

    def _follow_rows(self, layer: Dense | Convolution, source: _Range) -> _Range:
        assert self._step is not None and self._step.biases is not None
        if isinstance(layer, Convolution):  # frames as they lie in the buffer, those of zeros among them
            apart = self._step.sources[0].stride - layer.n_inputs
            frames = source.with_zero().take(lambda ends: np.tile(np.pad(ends, (0, apart)), layer.stretch.size))
        else:
            frames = source
        biases = self._step.biases.reshape(-1, TILE)
        sums = self._sum("sums", _unpack(self._step), frames, biases=biases, factors=self._step.factors)
        return sums.take(lambda ends: ends.ravel()[: layer.n_outputs]).clip(layer.output_min, layer.output_max)

    def _sum(
        self, name: str, weights: np.ndarray, source: _Range, *, biases: np.ndarray, factors: tuple[Factor, ...]
    ) -> _Range:
        """Returns the range of scaled sums, [tiles, 4] each.

        Args:
          name: what is summed.
          weights: int64 [tiles, 4, n], unpacked.
          source: of the vector; beyond it there are weights of zero alone.
          biases: int32 [tiles, 4].
          factors: one, or one for each of the four rows, or one for each row of all tiles.
        """
        self._hold("activations", source, _VECTOR)
        padding = (0, weights.shape[2] - min(len(source.low), weights.shape[2]))
        assert not weights[:, :, len(source.low) :].any(), (
            f"{self._layer.name} has weights of values that there are not"
        )
        low, high = (np.pad(ends[: weights.shape[2]], padding) for ends in (source.low, source.high))
        sums = _sum_products(weights, _Range(low, high))
        biased = sums.take(lambda ends: ends + biases.astype(np.int64))
        if self._step is not None and self._step.is_whole:
            self._hold(f"{name}, in one", sums, _WHOLE)
            self._hold(f"{name}, in one", biased, _WHOLE)
        for start in range(0, weights.shape[2], _CHUNK):
            chunk = slice(start, start + _CHUNK)
            self._hold_chunk(name, weights[:, :, chunk], _Range(low[chunk], high[chunk]))
        self._hold(name, sums, _INT32)
        if biases.any():
            self._hold(f"{name} with biases", biased, _INT32)
        rows = np.resize(np.arange(len(factors)), biased.low.shape)
        scaled = _Range(np.empty_like(biased.low), np.empty_like(biased.high))
        for place, factor in enumerate(factors):
            chosen = rows == place
            if chosen.any():
                ends = self._scale(f"{name}, shifted", biased.take(lambda ends, chosen=chosen: ends[chosen]), factor)
                scaled.low[chosen], scaled.high[chosen] = ends.low, ends.high
        return scaled

    def _hold_chunk(self, name: str, weights: np.ndarray, source: _Range) -> None:
        """Holds the sums of packed weights, int64 [tiles, 4, up to a chunk], of which the rows' come."""
        assert self._step is not None
        if not self._step.four_bits:
            self._hold(f"{name}, of a chunk", _sum_products(weights, source), _WHOLE)
            return
        packed = np.cumsum(
            weights[:, ::-1] * np.array([1, 16, 256, 4096])[:, np.newaxis], axis=1
        )  # of 4, 8, 12 and 16 bits
        quantity = f"{name}, packed, of a chunk"
        self._hold(quantity, _sum_products(packed, source), _INT32)
        self._hold(quantity, _sum_products(packed[:, :3] * 16, source), _INT32)  # as a Cortex-M4 sums 12 bits, and 4
        self._hold(quantity, _sum_products(weights[:, :1] * 4096, source), _INT32)  # of 16 bits less of 12

    # ---- layers of each value, and over time ----

    def _follow_softmax(self, layer: Softmax, source: _Range) -> _Range:
        furthest = max(layer.diff_min, int(source.low.min() - source.high.max()))
        self._hold_shift(layer.factor.shift)
        self._hold_ends("differences, shifted", (furthest << layer.factor.shift, 0), (-31 * 2**26, 0))
        self._hold_ends("sum of exponentials", (0, _OF_ONE * layer.n_outputs), (0, _LARGEST_EXPONENTIALS))
        return _Range(np.zeros(layer.n_outputs, np.int64), np.full(layer.n_outputs, 255))

    def _follow_table(self, layer: Table, source: _Range) -> _Range:
        places = source.take(lambda ends: ends + layer.input.zero_point + 128)
        self._hold("places in the table", places, (0, 255))
        reached = [layer.values[low : high + 1] for low, high in zip(places.low, places.high, strict=True)]
        ends = ([each.min() for each in reached], [each.max() for each in reached])
        return _Range(*(np.array(each, np.int64) - layer.output.zero_point for each in ends))

    def _follow_arithmetic(self, layer: Sum | Product, sources: list[_Range]) -> _Range:
        given = iter(sources)
        a, b = (
            _broadcast(next(given) if operand.constant is None else _range_of(operand), layer.n_outputs)
            for operand in layer.operands
        )
        if isinstance(layer, Product):
            corners = np.stack([one * other for one in (a.low, a.high) for other in (b.low, b.high)])
            scaled = self._scale("products, shifted", _Range(corners.min(axis=0), corners.max(axis=0)), layer.scale)
            return scaled.clip(layer.output_min, layer.output_max)
        a, b = (
            self._scale("operands, shifted", operand.take(lambda ends: ends << 20), factor)
            for operand, factor in zip((a, b), layer.scales, strict=True)
        )
        if layer.sign < 0:
            b = _Range(-b.high, -b.low)
        sums = _Range(a.low + b.low, a.high + b.high)
        return self._scale("sums, shifted", sums, layer.scale).clip(layer.output_min, layer.output_max)

    def _follow_pool(self, layer: Pool, source: _Range, n_frames: int) -> _Range:
        begins = np.arange(layer.stretch.n_frames) * layer.stretch.stride - layer.stretch.before
        taken = np.minimum(begins + layer.stretch.size, n_frames) - np.maximum(begins, 0)
        self._hold("frames of a stretch", _Range(taken.min(), taken.max()), (1, n_frames))
        if layer.kind == "average":
            with_zero_point = source.take(lambda ends: (ends + layer.output.zero_point) * n_frames)
            self._hold("sums", with_zero_point.with_zero(), _INT32)
        return source.clip(layer.output_min, layer.output_max)

    # ---- what is held ----

    def _scale(self, quantity: str, values: _Range, factor: Factor) -> _Range:
        """Returns what ser_scale makes of values; it shifts them to the left, multiplies, and shifts to the right."""
        left, right = max(factor.shift, 0), max(-factor.shift, 0)
        self._hold_shift(left)
        self._hold_shift(right)
        shifted = values.take(lambda ends: ends << left)
        self._hold(quantity, shifted, _SCALED)
        half = (1 << right) >> 1
        high = shifted.take(lambda ends: (ends * factor.multiplier + 2**30) >> 31)
        return high.take(lambda ends: (ends + ((ends >> 63) if right else 0) + half) >> right)

    def _hold_shift(self, shift: int) -> None:
        self._hold_ends("bits of a shift", (0, shift), _SHIFT)

    def _hold(self, quantity: str, found: _Range, allowed: tuple[int, int]) -> None:
        """Notes the range of an array's numbers, as `_hold_ends`."""
        self._hold_ends(quantity, (int(found.low.min()), int(found.high.max())), allowed)

    def _hold_ends(self, quantity: str, found: tuple[int, int], allowed: tuple[int, int]) -> None:
        """Notes a number's range; UserError where it is not inside of what is allowed."""
        smallest, largest = found
        if not allowed[0] <= smallest <= largest <= allowed[1]:
            raise UserError(
                f"layer {self._layer.name}: {quantity} can be {smallest:,} to {largest:,}, the engine's arithmetic takes "
                f"{allowed[0]:,} to {allowed[1]:,}"
            )
        before = self.bounds.get(quantity)
        self.bounds[quantity] = Bound(
            layer=self._layer.name,
            quantity=quantity,
            smallest=min(smallest, before.smallest) if before else smallest,
            largest=max(largest, before.largest) if before else largest,
            at_least=allowed[0],
            at_most=allowed[1],
        )


def find_closest(bounds: tuple[Bound, ...]) -> Bound | None:
    """Returns the sum of weights that comes closest to the end of its range; None of a model without weights."""
    sums = (bound for bound in bounds if bound.quantity.startswith("sums"))
    return max(sums, key=lambda bound: bound.used, default=None)


def _sum_products(weights: np.ndarray, source: _Range) -> _Range:
    """Returns the range of every part of the sums of int64 [..., n] weights times n values, which begins at 0."""
    ends = np.stack([weights * source.low, weights * source.high])
    return _Range(np.minimum(ends.min(axis=0), 0).sum(axis=-1), np.maximum(ends.max(axis=0), 0).sum(axis=-1))


def _unpack(step: Step) -> np.ndarray:
    """Returns the rows that the kernels take from packed weights, int64 [tiles, 4, n]; of an LSTM n is both vectors'."""
    assert step.weights is not None
    n = step.padded_inputs + step.padded_outputs
    if step.four_bits:
        rest, rows = step.weights.astype(np.int64).reshape(-1, n), list[np.ndarray]()
        for _ in range(TILE):
            rows.insert(0, ((rest & 15) ^ 8) - 8)
            rest = (rest - rows[0]) >> 4
        return np.stack(rows, axis=1)
    groups = step.weights.astype(np.int64).reshape(-1, n // 4, 2, 4)  # of four inputs: rows 0 and 1, then rows 2 and 3
    second = ((groups & 255) ^ 128) - 128
    rows_of_pairs = np.stack([(groups - second) >> 8, second], axis=3)  # [tiles, n / 4, pair, row, 4]
    return rows_of_pairs.transpose(0, 2, 3, 1, 4).reshape(-1, TILE, n)


def _range_of(operand: Operand) -> _Range:
    assert operand.constant is not None
    values = operand.constant.astype(np.int64) - operand.quantization.zero_point
    return _Range(values.min(axis=0), values.max(axis=0))


def _broadcast(source: _Range, n: int) -> _Range:
    return source.take(lambda ends: np.broadcast_to(ends, n))


def _symmetric(largest: int) -> _Range:
    return _Range(np.array(-largest), np.array(largest))


def _largest(source: _Range) -> int:
    return int(max(-source.low.min(), source.high.max()))
