"""The training of the original notebook, `model.fit` on arrays: what `benchmarks/trainer.py` compares with.

`python benchmarks/notebook_fit.py ARRAYS.npz MODEL.h5` reads `{train,validation}_{mfcc,label}`.
"""

import os
import sys

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf


def main(arrays: str, output: str) -> None:
    """Fits the notebook's network for its 20 epochs."""
    tf.keras.utils.set_random_seed(0)
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
    model.fit(data["train_mfcc"], data["train_label"], 32, 20, verbose=0, validation_data=validation)
    model.save(output, save_format="h5")


if __name__ == "__main__":
    main(*sys.argv[1:])
