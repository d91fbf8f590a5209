"""What a network and its front end cost the device, by arithmetic: before anything is trained.

The network is laid out as the exporter lays out a trained one (`engine_plan.py`), with weights of no meaning. So its bytes are
the exporter's, and so are the front end's tables. Instructions are counts of what the C code repeats, times what each takes on
the emulated Cortex-M4F, as `benchmarks/budget.py` measures it.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from schemas.front_end import FrontEnd, Standardisation
from ser_tinyml.audio.prosody import PitchSearch
from ser_tinyml.codegen.engine_graph import AnyLayer, Concatenate, Dense, Factor, Graph, Lstm, Node, Softmax, TakeFrame
from ser_tinyml.codegen.engine_plan import Plan, Step, make_plan
from ser_tinyml.codegen.engine_weights import BLOCK, TILE
from ser_tinyml.codegen.estimate import read_facts
from ser_tinyml.codegen.frontend_constants import list_tables
from ser_tinyml.runtimes.int8 import Quantization

BOARD = "nano33ble"  # of the milliseconds

# What each count of `count_engine`, `count_front_end` and `count_code` takes: the least squares of benchmarks/budget.py over
# 14 front ends and networks on mps2_an386 (2026-11-28). They are 0.7, 0.6 and 3.1 % off at most; the last is 0.6 KB.
_ENGINE = {"inputs": 7.86, "blocks": 27.42, "units": 147.71, "outputs": 61.86}  # instructions
_FRONT_END = {  # instructions
    "samples": 20.26,
    "radix 8": 16.62,
    "radix 2 or 4": 11.80,
    "bands": 77.23,
    "folds": 86.75,
    "products": 0.10,
    "values": 245.58,
    "pitch bins": 21.97,
    "lags": 26.66,
}
_CODE = {"firmware": 23_704.14, "LSTMs": 448.54, "pitch": 1_271.04}  # bytes


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a decision costs the device."""

    weight_bytes: int  # of the engine's packed weights and biases, exactly
    code_bytes: int  # of the firmware, all that is neither weight nor table
    flash_bytes: int  # of the whole firmware
    macs: int  # multiply-accumulates a decision, exactly
    instructions_frontend: int  # a decision
    instructions_engine: int
    flash_words: int = 0  # of 32 bits, weights and tables, that a decision reads

    @property
    def instructions(self) -> int:
        """The instructions of a decision, from sound to probabilities."""
        return self.instructions_frontend + self.instructions_engine

    @property
    def milliseconds(self) -> float:
        """The time that a decision takes on BOARD, as its `estimate.json` has it."""
        return read_facts()[BOARD].milliseconds(self.instructions, self.flash_words)


def compute_cost(
    front_end: FrontEnd, lstm_units: Sequence[int], dense_units: int, n_classes: int, members: int = 1
) -> Cost:
    """Returns the cost of a chain of LSTMs, of which the last gives its last state, a dense layer and a softmax.

    Args:
      front_end: gives the network's input.
      lstm_units: of each LSTM, at least one.
      dense_units: of the layer behind them.
      n_classes: the number of probabilities.
      members: chains side by side, up to the softmax, which they share.
    """
    plan = make_plan(lay_out_network(front_end, lstm_units, dense_units, n_classes, members))
    weights = sum(map(_count_weight_bytes, plan.by_frame + plan.by_window))
    tables = _count_table_bytes(front_end)
    code = _weigh(count_code(front_end, plan), _CODE)
    return Cost(
        weight_bytes=weights,
        code_bytes=code,
        flash_bytes=weights + tables + code,
        macs=plan.graph.macs,
        instructions_frontend=_weigh(count_front_end(front_end), _FRONT_END),
        instructions_engine=_weigh(count_engine(plan), _ENGINE),
        flash_words=sum(count_flash_words(front_end, plan).values()),
    )


def _count_weight_bytes(step: Step) -> int:
    return sum(part.nbytes for part in (step.weights, step.biases) if part is not None)


def _count_table_bytes(front_end: FrontEnd) -> int:
    """Returns the bytes of the front end's tables in floating point, CMSIS-DSP's among them."""
    tables = list_tables(front_end, Standardisation.identity(front_end.n_features), _ANY)
    twiddles = 4 * front_end.n_fft  # complex floats of an FFT of half as many points
    return twiddles + sum(table.values.size * (4 if table.c_type == "float" else 2) for table in tables)


def count_flash_words(front_end: FrontEnd, plan: Plan) -> dict[str, int]:
    """Returns the words of 32 bits that a decision reads of weights and tables, by part: each of them once a frame.

    They are far more than a cache holds, and the processor has no other for data.
    """
    engine = sum(times * _count_weight_bytes(step) for step, times in _time(plan))
    return {"frontend": _count_new_frames(front_end) * _count_table_bytes(front_end) // 4, "engine": engine // 4}


def _time(plan: Plan) -> list[tuple[Step, int]]:
    """Returns the steps, and how often each runs for a decision."""
    by_frame = [(step, plan.graph.n_frames) for step in plan.by_frame]
    return by_frame + [(step, step.n_frames) for step in plan.by_window]


def _weigh(counts: dict[str, int], constants: dict[str, float]) -> int:
    return round(sum(constants[name] * count for name, count in counts.items()))


def count_code(front_end: FrontEnd, plan: Plan) -> dict[str, int]:
    """Returns what decides the flash of all that is neither weight nor table."""
    lstms = sum(isinstance(step.layer, Lstm) for step in plan.by_frame)
    return {"firmware": 1, "LSTMs": lstms, "pitch": int(_has_pitch(front_end))}


def count_engine(plan: Plan) -> dict[str, int]:
    """Returns how often the engine does what it repeats, for a decision."""
    graph = plan.graph
    counts = {"inputs": graph.n_frames * graph.n_inputs, "blocks": 0, "units": 0, "outputs": 0}
    for step, times in _time(plan):
        if isinstance(step.layer, Lstm):
            counts["blocks"] += times * step.layer.n_outputs * (step.padded_inputs + step.padded_outputs) // BLOCK
            counts["units"] += times * step.layer.n_outputs
        elif isinstance(step.layer, Dense):
            assert step.biases is not None
            counts["blocks"] += times * len(step.biases) // TILE * step.padded_inputs // BLOCK
            counts["outputs"] += times * len(step.biases)
        else:
            counts["outputs"] += times * step.layer.n_outputs
    return counts


def count_front_end(front_end: FrontEnd) -> dict[str, int]:
    """Returns how often firmware/frontend/ser_frontend.c does what it repeats, for a decision.

    A device that shares frames between windows computes those of a hop, and takes the others as they are.
    """
    frames, points, new = front_end.n_frames, front_end.n_fft // 2, _count_new_frames(front_end)
    half_bands = (front_end.n_mels + 1) // 2
    transforms, bins, lags = new, 0, 0
    if _has_pitch(front_end):
        search = PitchSearch.from_front_end(front_end)
        transforms += -(-new // 2)  # two frames share one
        bins, lags = new * (search.n_bins - search.first_bin), new * (search.last + 1 - search.first)
    # CMSIS-DSP's FFT has stages of radix 8, and one of 2 or 4 where need be.
    octal_digits, others = divmod(points.bit_length() - 1, 3)
    return {
        "samples": new * front_end.n_fft,
        "radix 8": transforms * points * octal_digits,
        "radix 2 or 4": transforms * points * (others > 0),
        "bands": new * front_end.n_mels,
        "folds": frames * half_bands,
        "products": frames * front_end.n_mfcc * half_bands,
        "values": frames * front_end.n_features,
        "pitch bins": bins,
        "lags": lags,
    }


def _count_new_frames(front_end: FrontEnd) -> int:
    """Returns the frames that a decision computes."""
    hop = front_end.window_hop_samples // front_end.hop_length
    return min(front_end.n_frames, hop) if front_end.shares_frames else front_end.n_frames


def _has_pitch(front_end: FrontEnd) -> bool:
    return not {"pitch", "voicing"}.isdisjoint(front_end.prosody)


_ANY = Quantization(1.0, 0)
_FACTOR = Factor(2**30, 0)


def lay_out_network(
    front_end: FrontEnd, lstm_units: Sequence[int], dense_units: int, n_classes: int, members: int = 1
) -> Graph:
    """Returns the graph that the exporter reads from the int8 file of such a network, with weights of no meaning."""
    frames, nodes = front_end.n_frames, list[Node]()

    def add(layer: AnyLayer, n_frames: int, *sources: int) -> int:
        nodes.append(Node(layer=layer, sources=sources, n_frames=n_frames))
        return len(nodes)

    vectors = []
    for _ in range(members):
        width, value = front_end.n_features, 0
        for number, units in enumerate(lstm_units, start=1):
            value, width = add(_make_lstm(f"lstm_{number}", width, units), frames, value), units
        value = add(TakeFrame(name="last", n_outputs=width, frame=frames - 1), 1, value)
        vectors.append(add(_make_dense("dense", width, dense_units), 1, value))
    if members > 1:
        vectors = [add(Concatenate(name="members", n_outputs=members * dense_units), 1, *vectors)]
    value = add(_make_dense("probabilities", members * dense_units, n_classes), 1, *vectors)
    add(Softmax(name="softmax", input=_ANY, output=_ANY, n_outputs=n_classes, factor=_FACTOR, diff_min=0), 1, value)
    return Graph(n_frames=frames, n_inputs=front_end.n_features, input=_ANY, output=_ANY, nodes=tuple(nodes))


def _make_lstm(name: str, inputs: int, units: int) -> Lstm:
    return Lstm(
        name=name,
        input=_ANY,
        output=_ANY,
        kernels=np.full((4, units, inputs), 127, np.int8),  # beyond 4 bits
        recurrent_kernels=np.full((4, units, units), 127, np.int8),
        biases=np.zeros((4, units), np.int32),
        from_input=(_FACTOR,) * 4,
        from_hidden=(_FACTOR,) * 4,
        write_shift=15,
        show=_FACTOR,
        cell_min=0,
        cell_max=0,
        tanh_multiplier=0,
        tanh_shift=0,
    )


def _make_dense(name: str, inputs: int, outputs: int) -> Dense:
    return Dense(
        name=name,
        input=_ANY,
        output=_ANY,
        weights=np.full((outputs, inputs), 127, np.int8),
        biases=np.zeros(outputs, np.int32),
        factors=(_FACTOR,),
        activation="",
        output_min=0,
        output_max=0,
    )
