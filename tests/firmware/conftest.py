"""What the firmware's tests share: compilers, and a generated engine as a library of this machine."""

import dataclasses
import pathlib
from collections.abc import Callable

import pytest

from schemas.front_end import FrontEnd, Standardisation
from ser_tinyml.codegen.bounds import prove_bounds
from ser_tinyml.codegen.engine_graph import Graph
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.codegen.model_source import ModelInterface, make_sources
from ser_tinyml.runtimes.engine import Engine

FIRMWARE = pathlib.Path(__file__).resolve().parents[2] / "firmware"
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror")


class GraphEngine(Engine):
    """The engine of an int8 TFLite file of any sizes, and the file's graph."""

    def __init__(
        self,
        content: bytes,
        folder: pathlib.Path,
        flags: tuple[str, ...] = (),
        kernels: pathlib.Path | None = None,
        graph: Graph | None = None,
    ):
        self.graph = graph or read_graph(content)
        super().__init__(make_engine_sources(content, self.graph), folder, (*STRICT, *(flags or ("-O1",))), kernels)


def make_engine_sources(content: bytes, graph: Graph | None = None) -> dict[str, bytes]:
    """Returns ser_model.h and ser_model.c of an int8 TFLite file whose bounds are proved, with a front end of its sizes."""
    graph = graph or read_graph(content)
    prove_bounds(graph)
    labels = tuple(f"label {number}" for number in range(graph.n_outputs))
    hop = FrontEnd().hop_length
    front_end = dataclasses.replace(FrontEnd(), window_samples=graph.n_frames * hop - 1, n_mfcc=graph.n_inputs)
    return make_sources(
        content, ModelInterface(labels, front_end, Standardisation.identity(graph.n_inputs), reject_below=0.4), graph
    )


@pytest.fixture
def build_engine(tmp_path: pathlib.Path) -> Callable[..., GraphEngine]:
    """`build_engine(content, *flags)`: the engine of an int8 TFLite file."""

    def build(content: bytes, *flags: str, graph: Graph | None = None) -> GraphEngine:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        return GraphEngine(content, folder, flags, graph=graph)

    return build
