"""One update of the notebook's network: with plain LSTM layers, and with those that the trainer takes in their place.

`python benchmarks/update.py [--updates=60]`. Both begin with the same weights and see the same random batches, in turns,
without dropout. Where their losses part, the benchmark ends with an error. The last line is `ratio: X`, the plain layers'
median seconds over ours.
"""

import argparse
import statistics
import time

import numpy as np
import presets
import same_work
import tensorflow as tf

from schemas.classes import PRESETS
from schemas.front_end import FrontEnd
from ser_tinyml.network.architecture import Architecture, carry_weights

N_CLASSES = len(PRESETS["four"].classes)
WARM_UP = 3  # updates that build the graph


def main() -> None:
    """Makes the updates in turns, and prints what one takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=60)
    arguments = parser.parse_args()
    networks = _build_networks()
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    losses: dict[str, list[float]] = {name: [] for name in networks}
    for mfcc, labels in _draw_batches(WARM_UP + arguments.updates):
        for name, network in networks.items():
            begin = time.perf_counter()
            losses[name].append(float(network.train_on_batch(mfcc, labels)))
            seconds[name].append(time.perf_counter() - begin)
    difference = same_work.check_losses(losses)
    print(f"largest difference of a loss: {difference:.1e} (at most {same_work.LOSS_TOLERANCE})")
    medians = {name: statistics.median(times[WARM_UP:]) for name, times in seconds.items()}
    for name, median in medians.items():
        print(f"{name}: {1e3 * median:.1f} ms an update of {len(mfcc)} examples ({arguments.updates} updates)")
    print(f"ratio: {medians['plain layers'] / medians['fused layers']:.2f}")


def _build_networks() -> dict[str, tf.keras.Model]:
    tf.keras.utils.set_random_seed(0)
    flags, front_end = presets.read("notebook"), FrontEnd()
    architecture = Architecture(
        input_shape=(front_end.n_frames, front_end.n_features),
        lstm_units=tuple(map(int, flags["lstm_units"].split(","))),
        dense_units=int(flags["dense_units"]),
        dropout=0.0,
        n_classes=N_CLASSES,
    )
    plain, fused = architecture.build(), architecture.build_for_training(seed=0)
    carry_weights(plain, fused)
    for network in (plain, fused):
        network.compile(tf.keras.optimizers.Adam(float(flags["learning_rate"])), "sparse_categorical_crossentropy")
    return {"plain layers": plain, "fused layers": fused}


def _draw_batches(count: int):
    """Yields (float32 [batch, frames, coefficients], int64 [batch]) of standard normal numbers."""
    rng, front_end = np.random.default_rng(0), FrontEnd()
    size = int(presets.read("notebook")["batch_size"])
    for _ in range(count):
        shape = (size, front_end.n_frames, front_end.n_features)
        yield rng.standard_normal(shape, np.float32), rng.integers(N_CLASSES, size=size)


if __name__ == "__main__":
    main()
