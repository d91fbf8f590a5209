"""What int8 costs, and what quantization-aware fine-tuning gives back: a table over seeds, with plain fine-tuning as control.

`python benchmarks/quantization.py [--preset=small] [--seeds=5] [--corpus=NAME:DIR ...]`. Accuracy and UAR are of held-out
clips of speakers whom training never heard (the default split). Models with 4-bit weights are exported as those of 8 bits are,
models with 3-bit weights are fake-quantized only. Where a quantization-aware fine-tuning makes another number of updates than
its control, the benchmark ends with an error.
"""

import argparse
import dataclasses
import pathlib

import commands
import numpy as np
import presets
import same_work
import tensorflow as tf
from corpora import make_manifest

from components.trainer.component import Parameters, Splits, for_quantization, make_architecture, make_plan
from schemas.run_files import Dataset
from ser_tinyml.codegen.convert import convert_int8, fix_batch_size
from ser_tinyml.judging.faithful import agreement
from ser_tinyml.judging.held_out import HeldOut
from ser_tinyml.judging.metrics import score
from ser_tinyml.network.architecture import carry_weights
from ser_tinyml.network.fitting import fit
from ser_tinyml.network.quantization import float_network, make_quantized, round_weights
from ser_tinyml.network.temperature import scale_to_validation
from ser_tinyml.runtimes.tflite import TFLite
from ser_tinyml.store import run_files
from ser_tinyml.store.dataset import read_split


def main() -> None:
    """Trains, fine-tunes and converts for each seed, and prints a row a model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", action="append", default=[], help="NAME:DIR; default: the recordings in ../shared")
    parser.add_argument("--preset", choices=("default", "small"), default="default")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--output", default="build/bench-quantization")
    arguments = parser.parse_args()
    output = pathlib.Path(arguments.output)
    examples = output / "examples"
    preset = presets.make_flag(arguments.preset)
    manifest = make_manifest(output, arguments.corpus, [preset])
    commands.run("-m", "components.transform", preset, f"--manifest={manifest}", f"--output={examples}")

    parameters = _read_preset(arguments.preset)
    results: dict[str, list[_Found]] = {}
    for seed in range(arguments.seeds):
        for name, found in _measure(str(examples), dataclasses.replace(parameters, seed=seed)).items():
            results.setdefault(name, []).append(found)
            print(f"seed {seed}: {name}: {found}", flush=True)
    print(f"\n| {arguments.preset}, {arguments.seeds} seeds | accuracy | UAR |\n|---|---|---|")
    for name, values in results.items():
        print(f"| {name} | {_spread([v.accuracy for v in values])} | {_spread([v.uar for v in values])} |")
    print("\n| int8, each seed | points lost against float | same class as float | as the fake-quantized network |")
    print("|---|---|---|---|")
    for name, values in results.items():
        if values[0].points_lost is not None:
            each = zip(*[(v.points_lost, v.agreement, v.fake_quantized_agreement) for v in values], strict=True)
            cells = [", ".join("-" if value is None else f"{value:.3f}" for value in column) for column in each]
            print(f"| {name} | {' | '.join(cells)} |")


@dataclasses.dataclass(frozen=True)
class _Found:
    """How one model does on the held-out clips; of an int8 model also what the evaluator's gates look at."""

    accuracy: float
    uar: float
    points_lost: float | None = None
    agreement: float | None = None
    fake_quantized_agreement: float | None = None


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1 if len(values) > 1 else 0):.3f}"


def _read_preset(name: str) -> Parameters:
    """Returns the trainer's parameters in a preset; those that it does not name have their defaults."""
    values = presets.read(name)
    defaults = dataclasses.asdict(Parameters())
    return Parameters(**{name: type(value)(values[name]) for name, value in defaults.items() if name in values})


def _measure(examples: str, parameters: Parameters) -> dict[str, _Found]:
    """Trains and fine-tunes with one seed, and judges each model."""
    dataset = run_files.read(Dataset, examples)
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(parameters.seed)
    splits, architecture = Splits(examples, dataset, parameters), make_architecture(parameters, dataset)
    calibration = splits.calibration
    classes = np.arange(len(dataset.labels))
    held_out = HeldOut.from_records(read_split(examples, "test"), classes, dataset.standardisation, dataset.front_end)

    def elect(network: tf.keras.Model) -> np.ndarray:
        return held_out.vote(network.predict(held_out.inputs, verbose=0)).argmax(axis=1)

    def judge(classes: np.ndarray) -> _Found:
        found = score(held_out.true, classes)
        return _Found(found.accuracy, found.uar)

    def judge_float_and_int8(
        network: tf.keras.Model, rounded: tf.keras.Model | None = None, *, bits: int = 8
    ) -> tuple[_Found, _Found]:
        in_float = elect(network)
        int8 = TFLite(convert_int8(fix_batch_size(network), calibration, bits)).predict(held_out.inputs)
        in_int8 = held_out.vote(int8.probabilities).argmax(axis=1)
        before, after = judge(in_float), judge(in_int8)
        as_rounded = agreement(in_int8, elect(rounded)) if rounded else None
        lost = 100 * (before.accuracy - after.accuracy)
        return before, dataclasses.replace(
            after,
            points_lost=lost,
            agreement=agreement(in_int8, in_float),
            fake_quantized_agreement=as_rounded,
        )

    def to_plain(trained: tf.keras.Model, *, bits: int = 8) -> tf.keras.Model:
        plain = float_network(architecture, trained)
        if bits < 8:
            round_weights(plain, bits)
        scale_to_validation(plain, splits.validation)
        return plain

    def judge_rounded(plain: tf.keras.Model, bits: int) -> _Found:
        rounded = make_quantized(architecture, plain, calibration, weight_bits=bits)
        return judge_float_and_int8(plain, rounded, bits=bits)[1] if bits in (8, 4) else judge(elect(rounded))

    plan = make_plan(parameters)
    network = architecture.build_for_training(parameters.seed)
    fit(network, splits.make_data(parameters), plan)
    tuning = for_quantization(plan, parameters)
    results = {}
    results["float"], results["int8 after training"] = judge_float_and_int8(to_plain(network))

    control = architecture.build_for_training(parameters.seed)
    carry_weights(network, control)
    fit(control, splits.make_data(parameters), tuning)
    fine_tunings = {"control": int(control.optimizer.iterations)}
    tuned = judge_float_and_int8(to_plain(control))
    results["control: float after plain fine-tuning"], results["control: int8 after it"] = tuned

    for bits in (8, 4, 3):
        quantized = make_quantized(architecture, network, calibration, weight_bits=bits, training_seed=parameters.seed)
        fit(quantized, splits.make_data(parameters), tuning)
        fine_tunings[f"{bits} bits"] = int(quantized.optimizer.iterations)
        name = "int8" if bits == 8 else f"{bits}-bit weights"
        if bits < 8:
            results[f"{name} after training"] = judge_rounded(to_plain(network, bits=bits), bits)
        results[f"{name} after quantization-aware fine-tuning"] = judge_rounded(to_plain(quantized, bits=bits), bits)
    same_work.check_updates(fine_tunings)
    return results


if __name__ == "__main__":
    main()
