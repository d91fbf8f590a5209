"""The training of the original notebook, `model.fit` on arrays: what `benchmarks/trainer.py` compares with.

`python benchmarks/notebook_fit.py ARRAYS.npz OUTPUT [--seed=0]` reads `{train,validation}_{mfcc,label}`; it writes
OUTPUT/notebook.h5, and OUTPUT/fitting.json with the updates that it made. The numbers here are the notebook's.
"""

import argparse
import json
import os
import pathlib

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

BATCH_SIZE, EPOCHS = 32, 20


def main() -> None:
    """Fits the notebook's network to the arrays that the command names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arrays", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=0)
    fit(**vars(parser.parse_args()))


def fit(arrays: pathlib.Path, output: pathlib.Path, seed: int) -> None:
    """Fits the notebook's network for its 20 epochs."""
    tf.keras.utils.set_random_seed(seed)
    data = np.load(arrays)
    model = tf.keras.Sequential(
        [
            tf.keras.layers.Input((47, 13)),
            tf.keras.layers.LSTM(128, return_sequences=True),
            tf.keras.layers.LSTM(64),
            tf.keras.layers.Dense(64, activation="relu"),
            tf.keras.layers.Dropout(0.3),
            tf.keras.layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile(tf.keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", ["accuracy"])
    validation = (data["validation_mfcc"], data["validation_label"])
    model.fit(data["train_mfcc"], data["train_label"], BATCH_SIZE, epochs=EPOCHS, verbose=0, validation_data=validation)
    output.mkdir(parents=True, exist_ok=True)
    model.save(output / "notebook.h5", save_format="h5")
    fitting = {
        "updates": int(model.optimizer.iterations),
        "examples_an_update": BATCH_SIZE,
        "trainable_parameters": model.count_params(),
    }
    (output / "fitting.json").write_text(json.dumps(fitting))


if __name__ == "__main__":
    main()
