"""An int8 model and its front end as C for the firmware: `ser_model.h` and `ser_model.c`; and the same with the model apart.

The header has the constants: sizes, scales, the front end. The source has the tables and labels and, where the engine knows
all of the model's layers, these and the functions of firmware/engine/ser_engine.h. The layers at the beginning that
need a frame at a time run in lockstep, as frames come; what needs a whole sequence runs when the window is whole. Activations
are int16 less their zero point; bias, scale and zero points are those of the TFLite file, and so are the bits
(firmware/engine/ser_kernels.h).
"""

import dataclasses
import hashlib
import json
from typing import Any

from schemas.classes import choose_leds
from schemas.errors import UserError
from schemas.front_end import FrontEnd, Standardisation
from ser_tinyml.audio.limits import check_front_end
from ser_tinyml.codegen.apart import Constants, make_apart
from ser_tinyml.codegen.c_text import render
from ser_tinyml.codegen.engine_graph import Graph
from ser_tinyml.codegen.engine_plan import Plan, make_plan
from ser_tinyml.codegen.fixed_point_constants import make_fixed_constants
from ser_tinyml.codegen.frontend_constants import list_defines, list_tables
from ser_tinyml.codegen.generated import FIRMWARE_SOURCES
from ser_tinyml.codegen.tflite_file import describe_model
from ser_tinyml.runtimes.int8 import Quantization


@dataclasses.dataclass(frozen=True)
class ModelInterface:
    """What a model takes and gives."""

    labels: tuple[str, ...]  # the classes, in the order of the outputs
    front_end: FrontEnd  # makes the input of sound, and says where windows are
    standardisation: Standardisation  # of each coefficient, before the model
    leds: tuple[str, ...] = ()  # the colour of each class, #RRGGBB; none: the generator's choice
    reject_below: float = 0.0  # the likeliest class's probability, below which an answer is uncertain


def make_sources(int8: bytes, interface: ModelInterface, graph: Graph | None) -> dict[str, bytes]:
    """Returns `ser_model.h` and `ser_model.c`; where there is a graph, also the same with the model apart from the code.

    Args:
      int8: the TFLite file, int8 [1, n_frames, n_mfcc] -> int8 [1, labels].
      interface: what it takes and gives.
      graph: its layers; None where the engine lacks one of them: then the sources serve TFLM's interpreter.

    Raises:
      UserError: the firmware can't have such a front end, or model, front end and labels are not of the same sizes.
    """
    check_front_end(interface.front_end)
    description = describe_model(int8)
    model_input = Quantization.of_tensor(description.input)
    plan = make_plan(graph) if graph else None
    if graph and plan:
        _check_sizes(graph, interface)
        if interface.front_end.streaming:
            _check_goes_on(plan)
    fixed_defines, fixed_tables = make_fixed_constants(interface.front_end, interface.standardisation, model_input)
    values: dict[str, Any] = {
        "sha256": hashlib.sha256(int8).hexdigest(),
        "labels": interface.labels,
        "leds": [tuple(bytes.fromhex(led[1:])) for led in interface.leds or choose_leds([""] * len(interface.labels))],
        "label_bytes": max(len(json.dumps(label, ensure_ascii=False).encode()) for label in interface.labels),
        "reject_below": interface.reject_below,
        "input": model_input,
        "output": Quantization.of_tensor(description.output),
        "defines": list_defines(interface.front_end) + fixed_defines,
        "tables": list_tables(interface.front_end, interface.standardisation, model_input) + fixed_tables,
        "graph": graph,
        "plan": plan,
        "streaming": interface.front_end.streaming,
    }
    sources = {name: render(f"{name}.j2", apart=None, **values) for name in FIRMWARE_SOURCES}
    if not graph:
        return sources
    values["plan"] = make_plan(graph.without_names())
    return sources | make_apart(lambda constants: _render_apart(constants, values))


def _render_apart(constants: Constants, values: dict[str, Any]) -> dict[str, bytes]:
    """Returns the sources that read the constants where they lie apart; last the header, which declares them all."""
    return {f"ser_model_apart.{end}": render(f"ser_model.{end}.j2", apart=constants, **values) for end in ("c", "h")}


def _check_sizes(graph: Graph, interface: ModelInterface) -> None:
    front_end, labels = interface.front_end, interface.labels
    found = graph.n_frames, graph.n_inputs, graph.n_outputs
    expected = front_end.n_frames, front_end.n_features, len(labels)
    if found != expected:
        raise UserError(
            f"the model maps {found[0]} frames of {found[1]} values to {found[2]}; front end and labels ask for "
            f"{expected[0]} of {expected[1]} to {expected[2]}"
        )


def _check_goes_on(plan: Plan) -> None:
    """Raises UserError where a network can't go on from window to window: its layers must take a frame at a time, or one."""
    whole = [step.layer.name for step in plan.by_window if step.n_frames > 1 or step.kind not in _OF_ONE_FRAME]
    if plan.joint or whole:
        named = f" ({whole[0]})" if whole else ""
        raise UserError(
            f"streaming goes on with the states of LSTMs, and a layer of the model needs a whole window{named}"
        )


_OF_ONE_FRAME = ("dense", "softmax", "table", "sum", "product")
