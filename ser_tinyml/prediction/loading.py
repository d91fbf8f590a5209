"""Loads a finished model on one of its runtimes; TensorFlow is loaded where the runtime needs it, and nowhere else."""

import functools
import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from schemas.classes import PRESETS, check_labels
from schemas.errors import UsageError, UserError
from schemas.front_end import FrontEnd, Standardisation
from ser_tinyml.audio.limits import read_front_end
from ser_tinyml.audio.standardise import read_standardisation
from ser_tinyml.codegen.cmsis_dsp import read_cmsis_dsp, read_release
from ser_tinyml.codegen.generated import FIRMWARE_SOURCES
from ser_tinyml.prediction.model import Model
from ser_tinyml.runtimes.compiled import has_compiler, require_compiler
from ser_tinyml.runtimes.engine import Engine
from ser_tinyml.runtimes.listener import Listener
from ser_tinyml.runtimes.predictions import Begins, Runtime
from ser_tinyml.store import files
from ser_tinyml.store.finished_model import FinishedModel, Interface, find_export_of, find_model

COMPILED = ("engine", "device")  # from the generated C, without TensorFlow
RUNTIMES = ("keras", "float", "dynamic", "int8", "tflm", *COMPILED)

_Sources = Callable[[], dict[str, bytes]]  # of a model's generated C


def load(
    path: str,
    runtime: str | None = None,
    *,
    labels: Sequence[str] | None = None,
    front_end: str | None = None,
    standardisation: str | None = None,
) -> Model:
    """Loads a finished model: what `ser_tinyml.load` documents."""
    if runtime is not None and runtime not in RUNTIMES:
        raise UsageError(f"runtime {runtime!r}: unknown; known are {', '.join(RUNTIMES)}")
    found = find_model(str(path))
    if found.exported:
        for name, given in (("labels", labels), ("front_end", front_end), ("standardisation", standardisation)):
            if given is not None:
                raise UsageError(f"{name} is of a file; {path} knows its own")
        return _load_exported(found, runtime)
    if files.is_folder(found.path) and not files.exists(files.join(found.path, "saved_model.pb")):
        raise UserError(f"{path} is no finished model: no run, no export and no firmware bundle")
    interface, reject_below = describe_file(found.path, labels, front_end, standardisation)
    return _load_file(found.path, runtime, interface, reject_below)


def _load_exported(found: FinishedModel, runtime: str | None) -> Model:
    exported = found.exported
    assert exported

    def read_sources() -> dict[str, bytes]:
        if exported.engine_lacks:
            raise UserError(f"there is no generated C of {found.path}: {exported.engine_lacks}")
        require_compiler()
        return found.read_sources(*FIRMWARE_SOURCES)

    if runtime is None:
        runtime = "engine" if has_compiler() and not exported.engine_lacks else "int8"
    return _make_model(
        Interface.of(exported),
        runtime,
        reject_below=exported.reject_below,
        sources=read_sources,
        cmsis_dsp=functools.partial(_read_cmsis_dsp, found),
        load_form=lambda name: _load_form(found, name),
    )


def _load_file(path: str, runtime: str | None, interface: Interface, reject_below: float) -> Model:
    from ser_tinyml.runtimes.forms import open_file  # with TensorFlow

    forms = open_file(path, interface)

    def make_sources() -> dict[str, bytes]:
        from ser_tinyml.codegen.graph_reader import read_graph
        from ser_tinyml.codegen.model_source import ModelInterface, make_sources

        if "int8" not in forms:
            raise UserError(f"there is no generated C of {path}: it is no int8 TFLite file")
        require_compiler()
        content = files.read_bytes(path)
        described = ModelInterface(interface.labels, interface.front_end, interface.standardisation)
        return make_sources(content, described, read_graph(content))

    def load_form(name: str) -> Runtime:
        if name not in forms:
            raise UserError(f"there is no {name} of {path}; there are {', '.join([*forms, *COMPILED])}")
        return forms[name]().runtime

    return _make_model(
        interface,
        runtime or next(iter(forms)),
        reject_below=reject_below,
        sources=make_sources,
        cmsis_dsp=read_cmsis_dsp,
        load_form=load_form,
    )


def _make_model(
    interface: Interface,
    runtime: str,
    *,
    reject_below: float,
    sources: _Sources,
    cmsis_dsp: Callable[[], dict[str, bytes]],
    load_form: Callable[[str], Runtime],
) -> Model:
    """Puts a model together; what it needs is loaded now, but for the device's app where another runtime decides."""
    make_listener = lambda: Listener(sources(), cmsis_dsp())  # noqa: E731
    run: Callable[[np.ndarray, Begins], np.ndarray] | None = None
    if runtime == "device":
        make_listener()
    elif runtime == "engine":
        run = Engine(sources()).run
    else:
        run = load_form(runtime).run
    return Model(interface, runtime=runtime, reject_below=reject_below, run=run, make_listener=make_listener)


def _load_form(found: FinishedModel, name: str) -> Runtime:
    from ser_tinyml.runtimes.forms import list_forms  # with TensorFlow

    forms = list_forms(found)
    if name not in forms:
        raise UserError(f"there is no {name} of {found.path}; there are {', '.join([*forms, *COMPILED])}")
    return forms[name]().runtime


def describe_file(
    path: str, labels: Sequence[str] | None, front_end: str | None, standardisation: str | None
) -> tuple[Interface, float]:
    """Returns what a file takes and gives, and below which probability an answer is uncertain.

    The file itself says neither. The export beside a run's own file does, where the caller states nothing; arguments are as of
    `ser_tinyml.load`.
    """
    if labels is front_end is standardisation is None and (exported := find_export_of(path)):
        return Interface.of(exported), exported.reject_below
    if labels is not None:
        check_labels(labels, "labels")
    described = read_front_end(front_end, FrontEnd()) if front_end else FrontEnd()
    n_features = described.n_features
    constants = (
        read_standardisation(standardisation, n_features) if standardisation else Standardisation.identity(n_features)
    )
    return Interface(tuple(labels) if labels else PRESETS["four"].labels, described, constants), 0.0


def _read_cmsis_dsp(found: FinishedModel) -> dict[str, bytes]:
    """Returns CMSIS-DSP's files: a firmware bundle brings them, for others they are in the cache, or fetched."""
    names = read_release().files
    for place in (pathlib.Path(found.export).parent, pathlib.Path(found.path, "firmware")):
        folder = place / "third_party" / "cmsis_dsp"
        if all((folder / name).is_file() for name in names):
            return {name: (folder / name).read_bytes() for name in names}
    return read_cmsis_dsp()
