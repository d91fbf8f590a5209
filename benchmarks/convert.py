"""The exporter's three conversions against TensorFlow's `from_keras_model`, of the default preset's network, in turns.

`python benchmarks/convert.py [--turns=3]`. Both sides must give the same operators, tensors and constants.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from components.trainer.parameters import Parameters
from ser_tinyml.codegen import convert
from ser_tinyml.codegen.tflite_file import describe_model, parse_model
from ser_tinyml.network.architecture import Architecture


def main() -> None:
    """Prints seconds of each turn, and the ratio of medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    turns = parser.parse_args().turns
    parameters = Parameters()
    units = parameters.read_units("lstm_units")
    network = Architecture((47, 13), units, parameters.dense_units, parameters.dropout, n_classes=4).build()
    network = convert.fix_batch_size(network)
    calibration = np.random.default_rng(0).standard_normal((256, 47, 13)).astype(np.float32)
    sides: dict[str, Callable[[tf.keras.Model, np.ndarray], dict[str, bytes]]]
    sides = {"from_keras_model": _convert_with_keras, "exporter": convert.convert}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    made = {}
    for _ in range(turns):
        for side, run in sides.items():
            begin = time.perf_counter()
            made[side] = run(network, calibration)
            seconds[side].append(time.perf_counter() - begin)
    for name in convert.FORMATS:
        one, other = (made[side][name] for side in sides)
        if describe_model(one) != describe_model(other) or _list_constants(one) != _list_constants(other):
            raise SystemExit(f"error: the {name} models differ")
    for side, each in seconds.items():
        print(f"{side}: {', '.join(f'{value:.1f} s' for value in each)}")
    before, after = (statistics.median(each) for each in seconds.values())
    print(f"ratio: {before / after:.1f}")


def _convert_with_keras(network: tf.keras.Model, calibration: np.ndarray) -> dict[str, bytes]:
    return {
        name: convert.run_converter(tf.lite.TFLiteConverter.from_keras_model(network), name, calibration)
        for name in convert.FORMATS
    }


def _list_constants(content: bytes) -> list[bytes]:
    model = parse_model(content)
    data = [model.buffers[tensor.buffer].data for tensor in model.subgraphs[0].tensors]
    return [b"" if each is None else np.asarray(each).tobytes() for each in data]


if __name__ == "__main__":
    main()
