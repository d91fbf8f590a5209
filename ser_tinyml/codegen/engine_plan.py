"""A graph of layers as the engine's C runs it: names, packed weights, and which buffer each layer reads and writes.

Layers at the beginning that each need one frame of what the layers before gave run when that frame comes. All others run when
the window is whole; what they take is kept until then.
"""

import collections
import dataclasses
from typing import Any

import numpy as np

from ser_tinyml.codegen.c_text import c_identifier
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
    Node,
    Pool,
    Product,
    Reverse,
    Softmax,
    Sum,
    Table,
    TakeFrame,
)
from ser_tinyml.codegen.engine_weights import BLOCK, TILE, lay_out, pack_dense, pack_lstm, pad


@dataclasses.dataclass(frozen=True, kw_only=True)
class Buffer:
    """An array of int16 that holds a sequence, between frames of zeros; a vector is a sequence of one frame.

    A dot product reads up to a block beyond what it needs, where its weights are zero.
    """

    place: str  # the C expression of the array
    n_frames: int
    n_values: int  # of a frame
    before: int = 0  # frames of zeros
    behind: int = 0

    @property
    def stride(self) -> int:
        """The values from one frame to the next."""
        return -(-self.n_values // TILE) * TILE

    @property
    def size(self) -> int:
        """The values of the array."""
        frames = self.before + self.n_frames + self.behind
        return pad(self.stride * frames + (BLOCK - TILE if frames > 1 else 0))

    def at(self, frame: str | int = 0, *, shift: int = 0, step: int = 1) -> str:
        """Returns the C expression of the frame `step * frame + shift`; `frame` is a number or a variable's name."""
        first = self.stride * (shift + self.before)
        if not isinstance(frame, str):
            first, frame = first + self.stride * step * frame, ""
        moving = f" + {self.stride * step} * {frame}" if frame else ""
        return self.place + (f" + {first}" if first else "") + moving


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """A layer in its place: `name` is its C name, `kind` the template's."""

    layer: AnyLayer
    number: int  # of its node in the graph, from 1
    name: str
    kind: str
    sources: tuple[Buffer, ...]
    output: Buffer
    n_frames: int  # of the result that it makes at a time: one of a layer that runs as the frames come
    padded_inputs: int = 0
    padded_outputs: int = 0  # of an LSTM's hidden state
    four_bits: bool = False  # whether all weights are of 4 bits
    is_whole: bool = False  # whether all sums of an LSTM come whole from ser_sum_unit
    weights: np.ndarray | None = None  # int16 [n], packed as ser_dot4 takes them, of 4 bits ser_dot4_4bit
    biases: np.ndarray | None = None  # int32 [n]
    factors: tuple[Factor, ...] = ()  # of a dense layer or a convolution
    keeps_frames: bool = False  # of an LSTM: whether its whole sequence is kept
    clears: tuple[tuple[str, int], ...] = ()  # C expressions of frames that must be zero, and how many values that are

    @property
    def owns_output(self) -> bool:
        """Whether `output` is an array of its own: not of an LSTM of which two hidden states are held by turns."""
        return self.kind != "lstm" or self.keeps_frames

    @property
    def struct(self) -> str:
        """The struct of ser_kernels.h that has the layer's constants, less its `ser_`; "" where it has none."""
        if self.kind in ("take_frame", "flatten", "reverse", "concatenate"):
            return ""
        return "dense" if self.kind == "convolution" else self.kind

    @property
    def n_cells(self) -> int:
        """The size of an LSTM's array of cell states: even, so that what lies behind it can be read by words."""
        return self.layer.n_outputs + self.layer.n_outputs % 2

    @property
    def constants(self) -> list[tuple[str, np.ndarray]]:
        """The arithmetic operands that are constants: their C names, and int16 [n], less their zero points."""
        operands = self.layer.operands if isinstance(self.layer, Sum | Product) else ()
        return [
            (self._operand_buffer(place).place, lay_out(operand, self._operand_buffer(place).stride))
            for place, operand in enumerate(operands)
            if operand.constant is not None
        ]

    def operand(self, place: int, frame: str | int) -> str:
        """Returns the C arguments of an arithmetic operand: its frame, and the step from one value to the next."""
        assert isinstance(self.layer, Sum | Product)
        operand = self.layer.operands[place]
        buffer = self._operand_buffer(place)
        return f"{buffer.at(frame if operand.n_frames > 1 else 0)}, {int(operand.n_values > 1)}"

    def _operand_buffer(self, place: int) -> Buffer:
        assert isinstance(self.layer, Sum | Product)
        operand, before = self.layer.operands[place], self.layer.operands[:place]
        if operand.constant is None:
            return self.sources[sum(other.constant is None for other in before)]
        name = f"{self.name}_{'ab'[place]}"
        return Buffer(place=name, n_frames=operand.n_frames, n_values=operand.n_values)


@dataclasses.dataclass(frozen=True, kw_only=True)
class JointCopy:
    """What is kept of frames until the window is whole: one of them, or all."""

    source: str
    n_values: int
    frame: int | None  # None: all
    buffer: Buffer
    stride: int  # from one frame to the next


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """All steps of a window. `result` is the C expression of the network's output."""

    graph: Graph
    input: Buffer
    by_frame: tuple[Step, ...]
    joint: JointCopy | None
    by_window: tuple[Step, ...]
    result: str
    slots: tuple[int, ...] = ()  # sizes of the arrays `slot_N` that the layers of a window take by turns

    @property
    def has_lstm(self) -> bool:
        """Tells whether hidden states are held twice, before and after a frame."""
        return any(step.kind == "lstm" for step in self.by_frame)

    @property
    def step_macs(self) -> int:
        """The multiply-accumulates of a window's last frame, with which all is computed that needs the whole window."""
        return sum(step.n_frames * step.layer.macs for step in self.by_frame + self.by_window)


def make_plan(graph: Graph) -> Plan:
    """Returns how the engine runs a graph."""
    return _share_slots(_Planner(graph).plan())


class _Planner:
    """Gives each value of a graph, from the input (0) to the result, a buffer."""

    def __init__(self, graph: Graph):
        self._graph = graph
        self._n_steps = 0  # that were made: a node whose result lies where another's is gets none
        self._users: dict[int, list[Node]] = collections.defaultdict(list)
        for node in graph.nodes:
            for source in node.sources:
                self._users[source].append(node)
        self._input = Buffer(place="state.input", n_frames=1, n_values=graph.n_inputs)
        self._buffers = {0: self._input}
        self._last_there = set[int]()  # values of which the others need the last frame, where that is still there

    def plan(self) -> Plan:
        nodes, branches = self._graph.nodes, self._list_branches()
        count = self._count_by_frame()
        numbers = list(range(1, count + 1)) if branches is None else branches
        by_frame = [self._make_step(number, nodes[number - 1], by_frame=True) for number in numbers]
        joint, done = None, set(numbers)
        if branches is None and count < len(nodes):
            joint, joined = self._join(count, nodes[count])
            done |= joined
        by_window = [
            self._make_step(number, node)
            for number, node in enumerate(nodes, start=1)
            if number not in done and not self._has_place(number, node)
        ]
        return Plan(
            graph=self._graph,
            input=self._input,
            by_frame=tuple(by_frame),
            joint=joint,
            by_window=tuple(by_window),
            result=self._buffers[len(nodes)].at(),
        )

    def _list_branches(self) -> list[int] | None:
        """Returns the nodes that run when a frame comes, where the others need but the last frame of what comes of frames.

        It is still there when the window is whole, so that nothing has to be kept. None where another needs more.
        """
        found = {0}
        for number, node in enumerate(self._graph.nodes, start=1):
            if _takes_a_frame(node) and found.issuperset(node.sources):
                found.add(number)
            elif not found.isdisjoint(node.sources) and not self._takes_last_frame(number, node):
                return None
        self._last_there = found
        return sorted(found - {0})

    def _takes_last_frame(self, number: int, node: Node) -> bool:
        """Tells whether a node's result is the last frame, as it lies there."""
        is_last = isinstance(node.layer, TakeFrame) and node.layer.frame == self._graph.n_frames - 1
        return is_last and self._find_padding(number) == (0, 0)

    def _count_by_frame(self) -> int:
        """Returns how many nodes at the beginning each need one frame of what the one before gave, and nothing else."""
        for count, node in enumerate(self._graph.nodes):
            if not _takes_a_frame(node) or node.sources != (count,) or len(self._users[count]) > 1:
                return count
        return len(self._graph.nodes)

    def _join(self, count: int, node: Node) -> tuple[JointCopy, set[int]]:
        """Returns what is kept of frames of the value `count`, and which nodes are done by that.

        One that takes one frame, or all in a row, is.
        """
        source, n_frames = self._buffers[count], self._graph.n_frames
        copy: dict[str, Any] = {"source": source.at(), "n_values": source.n_values}
        if len(self._users[count]) == 1 and isinstance(node.layer, Flatten):
            self._buffers[count + 1] = flat = Buffer(place="state.joint", n_frames=1, n_values=node.layer.n_outputs)
            return JointCopy(**copy, frame=None, buffer=flat, stride=source.n_values), {count + 1}
        if len(self._users[count]) == 1 and isinstance(node.layer, TakeFrame):
            self._buffers[count + 1] = one = Buffer(place="state.joint", n_frames=1, n_values=source.n_values)
            return JointCopy(**copy, frame=node.layer.frame, buffer=one, stride=0), {count + 1}
        before, behind = self._find_padding(count)
        kept = Buffer(place="state.joint", n_frames=n_frames, n_values=source.n_values, before=before, behind=behind)
        self._buffers[count] = kept
        return JointCopy(**copy, frame=None, buffer=kept, stride=kept.stride), set()

    def _find_padding(self, value: int) -> tuple[int, int]:
        """Returns the frames of zeros that convolutions need before and behind a value."""
        n_frames = self._graph.nodes[value - 1].n_frames if value else self._graph.n_frames
        stretches = [node.layer.stretch for node in self._users[value] if isinstance(node.layer, Convolution)]
        before = max((stretch.before for stretch in stretches), default=0)
        ends = [(s.n_frames - 1) * s.stride + s.size - s.before for s in stretches]
        return before, max([end - n_frames for end in ends] + [0])

    def _has_place(self, number: int, node: Node) -> bool:
        """Gives a node's result a place in the buffer that it takes, where it lies there as it is; tells whether it does."""
        if not isinstance(node.layer, TakeFrame | Flatten) or self._find_padding(number) != (0, 0):
            return False
        source = self._buffers[node.sources[0]]
        if node.sources[0] in self._last_there:
            place = source.at()
        elif isinstance(node.layer, TakeFrame):
            place = source.place if self._is_last_of_lstm(node) else source.at(node.layer.frame)
        elif source.stride == source.n_values:
            place = source.at()
        else:
            return False
        self._buffers[number] = Buffer(place=place, n_frames=1, n_values=node.layer.n_outputs)
        return True

    def _is_last_of_lstm(self, node: Node) -> bool:
        """Tells whether a node takes the last frame of an LSTM, and nobody takes the others."""
        source = node.sources[0]
        if not isinstance(node.layer, TakeFrame) or not source or len(self._users[source]) > 1:
            return False
        before = self._graph.nodes[source - 1]
        return isinstance(before.layer, Lstm) and node.layer.frame == before.n_frames - 1

    def _make_step(self, number: int, node: Node, *, by_frame: bool = False) -> Step:
        layer, n_frames = node.layer, 1 if by_frame else node.n_frames
        self._n_steps += 1
        name = f"layer_{self._n_steps}_{c_identifier(layer.name)}"
        before, behind = (0, 0) if by_frame else self._find_padding(number)
        output = Buffer(
            place=f"state.{name}_output", n_frames=n_frames, n_values=layer.n_outputs, before=before, behind=behind
        )
        parts: dict[str, Any] = {}
        if isinstance(layer, Lstm):
            parts, output = self._plan_lstm(number, node, name, output=output, by_frame=by_frame)
        elif isinstance(layer, Dense | Convolution):
            parts = pack_dense(layer, stride=self._buffers[node.sources[0]].stride)
        self._buffers[number] = output
        return Step(
            layer=layer,
            number=number,
            name=name,
            kind=_KINDS[type(layer)],
            sources=tuple(self._buffers[source] for source in node.sources),
            output=output,
            n_frames=n_frames,
            **parts,
        )

    def _plan_lstm(
        self, number: int, node: Node, name: str, *, output: Buffer, by_frame: bool
    ) -> tuple[dict[str, Any], Buffer]:
        """Returns what is special of an LSTM's step, and its output: two hidden states by turns, or all of them."""
        layer = node.layer
        assert isinstance(layer, Lstm)
        parts = pack_lstm(layer)
        turns = f"state.{name}_hidden[{'next' if by_frame else node.n_frames % 2}]"
        users = self._users[number]
        if by_frame or (len(users) == 1 and self._is_last_of_lstm(users[0]) and self._find_padding(number) == (0, 0)):
            return parts, Buffer(place=turns, n_frames=1, n_values=layer.n_outputs)
        return parts | {"keeps_frames": True}, dataclasses.replace(output, before=max(1, output.before))


def _takes_a_frame(node: Node) -> bool:
    """Tells whether a node gives a frame for each of its sources' frames, and needs no other for it."""
    layer = node.layer
    operands = layer.operands if isinstance(layer, Sum | Product) else ()
    return isinstance(layer, Lstm | Dense | Softmax | Table | Sum | Product) and not any(
        operand.constant is not None and operand.n_frames > 1 for operand in operands
    )


_KINDS = {
    Lstm: "lstm",
    Dense: "dense",
    Softmax: "softmax",
    Table: "table",
    Sum: "sum",
    Product: "product",
    Convolution: "convolution",
    Pool: "pool",
    Mean: "mean",
    TakeFrame: "take_frame",
    Flatten: "flatten",
    Reverse: "reverse",
    Concatenate: "concatenate",
}


# ---- memory ----


def _share_slots(plan: Plan) -> Plan:
    """Returns the plan with the results of a window's layers in few arrays, taken again when nobody needs what they hold.

    What is kept of frames, and the result of a layer that runs as they come, has an array of its own. All are zero when a
    window begins.
    """
    steps = list(plan.by_window)
    sizes, tenants = list[int](), list[int]()  # of each slot: its size, and until which step it is taken
    renamed: dict[str, str] = {}
    for number, step in enumerate(steps):
        sources = tuple(_put_elsewhere(source, renamed) for source in step.sources)
        output, clears = step.output, step.clears
        if step.owns_output:
            until = _find_last_use(plan, output.place, number)
            free = [slot for slot, taken in enumerate(tenants) if taken < number]
            slot = min(free, key=lambda slot: (max(0, output.size - sizes[slot]), sizes[slot]), default=len(sizes))
            if slot < len(sizes):
                sizes[slot], tenants[slot] = max(sizes[slot], output.size), until
                clears = _list_zeros(dataclasses.replace(output, place=f"state.slot_{slot}"))
            else:
                sizes.append(output.size)
                tenants.append(until)
            renamed[output.place] = f"state.slot_{slot}"
            output = _put_elsewhere(output, renamed)
        steps[number] = dataclasses.replace(step, sources=sources, output=output, clears=clears)
    result = _rename(plan.result, renamed)
    return dataclasses.replace(plan, by_window=tuple(steps), result=result, slots=tuple(sizes))


def _put_elsewhere(buffer: Buffer, renamed: dict[str, str]) -> Buffer:
    return dataclasses.replace(buffer, place=_rename(buffer.place, renamed))


def _rename(place: str, renamed: dict[str, str]) -> str:
    """Returns the C expression of a place with the array's new name, where it has one."""
    array, _, offset = place.partition(" ")
    return f"{renamed.get(array, array)} {offset}".rstrip()


def _find_last_use(plan: Plan, place: str, made: int) -> int:
    """Returns the last step that takes what an array holds; behind all steps where it holds the result."""
    places = [[source.place for source in step.sources] for step in plan.by_window] + [[plan.result]]
    users = [number for number, taken in enumerate(places) if place in {each.partition(" ")[0] for each in taken}]
    return max([made, *users])


def _list_zeros(buffer: Buffer) -> tuple[tuple[str, int], ...]:
    """Returns the frames of zeros of an array that was taken before."""
    ends = ((-buffer.before, buffer.before), (buffer.n_frames, buffer.behind))
    return tuple((buffer.at(first), buffer.stride * count) for first, count in ends if count)
