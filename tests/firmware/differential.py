"""Random models, and models in which something was changed, through the generated engine and through TFLM's own kernels.

`python -m tests.firmware.differential --models=10000 --mutants=10000` prints how many were equal, refused and different. It
ends with 1 where one was different, or brought the generator or the engine down: a model is refused with a sentence, or its
bits are TFLM's.
"""

import argparse
import collections
import contextlib
import dataclasses
import math
import multiprocessing
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from schemas.errors import UserError
from ser_tinyml.codegen.tflite_file import parse_model
from ser_tinyml.runtimes.tflm import Tflm
from tests.firmware.conftest import FIRMWARE, GraphEngine
from tests.firmware.golden_models import NAMES, make_model
from tests.firmware.random_models import make_random_model, make_random_network, random_windows

PATHS = ("-DSER_PORTABLE", "-DSER_NATIVE")

_WINDOWS = 4  # of each model
_FORK = multiprocessing.get_context("fork")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a model: `kind` is "equal", "different", "crash", "refused" or "TFLM refuses"; `reason` says why."""

    name: str
    kind: str
    reason: str = ""


class Differential:
    """Judges models one by one, each in a process of its own: what crashes brings down no more than that."""

    def __init__(self, folder: pathlib.Path):
        """Compiles the kernels of both paths, once; `folder` is an empty one."""
        self._folder = folder
        self._kernels = {path: folder / f"kernels{path}.o" for path in PATHS}
        for path, kernels in self._kernels.items():
            command = ["cc", "-std=c11", "-O2", path, "-fPIC", "-c", FIRMWARE / "engine/ser_kernels.c", "-o", kernels]
            subprocess.run(command, check=True)

    def judge(self, name: str, content: bytes, path: str, seed: int) -> Outcome:
        """Returns what becomes of a model on one path of the kernels; `seed` is of its windows."""
        receiver, sender = _FORK.Pipe(duplex=False)
        process = _FORK.Process(target=self._run, args=(sender, content, path, seed))
        process.start()
        sender.close()
        with contextlib.suppress(EOFError):
            kind, found = receiver.recv()
            if kind != "outputs":
                process.join()
                return Outcome(name, kind, found)
            expected = None
            with contextlib.suppress(EOFError):
                expected = receiver.recv()
            process.join()
            if expected is None:
                return Outcome(name, "TFLM refuses", "it ends the process or raises")
            same = np.array_equal(found, expected)
            return Outcome(name, "equal" if same else "different", "" if same else f"{found} is not {expected}")
        process.join()
        return Outcome(name, "crash", f"exit code {process.exitcode}")

    def _run(self, sender, content: bytes, path: str, seed: int) -> None:
        """Sends the engine's outputs, then TFLM's; or why there are none."""
        try:
            with tempfile.TemporaryDirectory(dir=self._folder) as folder:
                flags = ("-O0", path)
                engine = GraphEngine(content, pathlib.Path(folder), flags, kernels=self._kernels[path])
        except UserError as error:
            kind = "crash" if "does not compile" in str(error) else "refused"
            sender.send((kind, str(error)))
            return
        except Exception:
            sender.send(("crash", traceback.format_exc()))
            return
        windows = random_windows(engine.graph, _WINDOWS, seed)
        sender.send(("outputs", np.stack([engine.invoke(window) for window in windows])))
        with contextlib.suppress(Exception):
            tflm = Tflm(content)
            sender.send(np.stack([tflm.invoke(window) for window in windows]))


def judge_random(differential: Differential, seeds: Iterable[int]) -> Iterator[Outcome]:
    """Judges random models, by turns on each path of the kernels."""
    for seed in seeds:
        yield differential.judge(f"model {seed}", make_random_model(seed), PATHS[seed % 2], seed)


def judge_networks(differential: Differential, seeds: Iterable[int]) -> Iterator[Outcome]:
    """Judges random networks of every kind of layer, by turns on each path of the kernels."""
    for seed in seeds:
        yield differential.judge(f"network {seed}", make_random_network(seed), PATHS[seed % 2], seed)


def judge_mutants(differential: Differential, seeds: Iterable[int]) -> Iterator[Outcome]:
    """Judges golden models in which one thing was changed, or two."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        base = NAMES[rng.integers(len(NAMES))]
        content, changes = mutate(make_model(base), rng)
        yield differential.judge(f"mutant {seed}: {base}, {changes}", content, PATHS[seed % 2], seed)


# ---- mutants ----


def mutate(content: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """Returns a TFLite file with one or two changes, and what was changed."""
    model = parse_model(content)
    changes = [_CHANGES[rng.integers(len(_CHANGES))](model, rng) for _ in range(rng.integers(1, 3))]
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output()), "; ".join(changes)


def _change_weights(model: schema.ModelT, rng: np.random.Generator) -> str:
    number = rng.choice([n for n, buffer in enumerate(model.buffers) if buffer.data is not None and len(buffer.data)])
    data = np.array(model.buffers[number].data, np.uint8)
    data[rng.integers(len(data))] = rng.integers(256)
    model.buffers[number].data = data
    return f"a byte of buffer {number}"


def _cut_weights(model: schema.ModelT, rng: np.random.Generator) -> str:
    number = rng.choice([n for n, buffer in enumerate(model.buffers) if buffer.data is not None and len(buffer.data)])
    model.buffers[number].data = model.buffers[number].data[: -int(rng.integers(1, 5))]
    return f"the end of buffer {number}"


def _change_scale(model: schema.ModelT, rng: np.random.Generator) -> str:
    number, quantization = _draw_quantization(model, rng)
    factor = rng.choice([0.0, -1.0, math.nan, math.inf, 1e-30, 1e30, 2.0, 0.5, *rng.uniform(0.1, 10, 12)])
    quantization.scale = np.array(quantization.scale, np.float32) * np.float32(factor)
    return f"the scale of tensor {number}, times {factor}"


def _change_zero_point(model: schema.ModelT, rng: np.random.Generator) -> str:
    number, quantization = _draw_quantization(model, rng)
    value = int(rng.integers(-160, 160))
    quantization.zeroPoint = [value] * len(quantization.scale)
    return f"zero point {value} of tensor {number}"


def _change_shape(model: schema.ModelT, rng: np.random.Generator) -> str:
    tensors = model.subgraphs[0].tensors
    number = rng.choice([n for n, tensor in enumerate(tensors) if tensor.shape is not None and len(tensor.shape)])
    shape = [int(size) for size in tensors[number].shape]
    shape[rng.integers(len(shape))] += int(rng.choice([-1, 1]))
    tensors[number].shape = shape
    return f"shape {shape} of tensor {number}"


def _change_type(model: schema.ModelT, rng: np.random.Generator) -> str:
    tensors = model.subgraphs[0].tensors
    number, kind = int(rng.integers(len(tensors))), int(rng.choice([0, 2, 3, 4, 7, 9]))
    tensors[number].type = kind
    return f"type {kind} of tensor {number}"


def _change_option(model: schema.ModelT, rng: np.random.Generator) -> str:
    all_options = [vars(o.builtinOptions) for o in model.subgraphs[0].operators if o.builtinOptions is not None]
    known = [(options, name) for options in all_options for name in options if isinstance(options[name], int | float)]
    if not known:
        return "nothing"
    options, name = known[rng.integers(len(known))]
    options[name] = not options[name] if isinstance(options[name], bool) else type(options[name])(rng.integers(6))
    return f"option {name} {options[name]}"


def _change_input(model: schema.ModelT, rng: np.random.Generator) -> str:
    operators, tensors = model.subgraphs[0].operators, model.subgraphs[0].tensors
    operator = operators[rng.integers(len(operators))]
    inputs = [int(index) for index in operator.inputs]
    place = int(rng.integers(len(inputs)))
    inputs[place] = int(rng.integers(-1, len(tensors)))
    operator.inputs = inputs
    return f"input {place} is tensor {inputs[place]}"


def _drop_operator(model: schema.ModelT, rng: np.random.Generator) -> str:
    operators = model.subgraphs[0].operators
    number = int(rng.integers(len(operators)))
    if len(operators) > 1:
        del operators[number]
    return f"no operator {number}"


_CHANGES: tuple[Callable[[schema.ModelT, np.random.Generator], str], ...] = (
    _change_weights,
    _cut_weights,
    _change_scale,
    _change_zero_point,
    _change_shape,
    _change_type,
    _change_option,
    _change_input,
    _drop_operator,
)


def _draw_quantization(model: schema.ModelT, rng: np.random.Generator) -> tuple[int, schema.QuantizationParametersT]:
    tensors = model.subgraphs[0].tensors
    numbers = [n for n, t in enumerate(tensors) if t.quantization is not None and t.quantization.scale is not None]
    number = int(rng.choice(numbers))
    return number, tensors[number].quantization


# ---- command ----


def main() -> int:
    """Judges as many as the flags say, or as the seconds allow; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--models", type=int, default=10_000, help="random models, and as many networks of every kind of layer"
    )
    parser.add_argument("--mutants", type=int, default=10_000, help="changed models")
    parser.add_argument("--seconds", type=float, default=math.inf, help="time for each of the three")
    arguments = parser.parse_args()
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        differential = Differential(pathlib.Path(folder))
        for title, judge, count in (
            ("random models", judge_random, arguments.models),
            ("random networks", judge_networks, arguments.models),
            ("mutants", judge_mutants, arguments.mutants),
        ):
            wrong += _report(title, judge(differential, range(count)), seconds=arguments.seconds)
    return 1 if wrong else 0


def _report(title: str, outcomes: Iterator[Outcome], seconds: float) -> list[Outcome]:
    """Prints what became of them, and returns those that must not be."""
    begin, kinds, reasons = time.monotonic(), collections.Counter(), collections.Counter()  # type: ignore[var-annotated]
    wrong = []
    for outcome in outcomes:
        kinds[outcome.kind] += 1
        if outcome.kind in ("different", "crash"):
            wrong.append(outcome)
            print(f"{outcome.kind}: {outcome.name}\n{outcome.reason}", flush=True)
        elif outcome.kind == "refused":
            reasons[re.sub(r"\d[\d.e+-]*|\([^()]*\)", "…", outcome.reason)[:110]] += 1
        if time.monotonic() - begin > seconds:
            break
    took = time.monotonic() - begin
    shown = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    print(f"{title}: {kinds.total()} tried in {took:.0f} s ({kinds.total() / took:.1f} a second): {shown}")
    for reason, count in reasons.most_common():
        print(f"  {count} refused: {reason}")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
