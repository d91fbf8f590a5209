"""Models of Keras 3, which TensorFlow brings along, saved by it in another process."""

import subprocess
import sys

import numpy as np
import pytest

from schemas.errors import UserError
from ser_tinyml.network.loading import load_model

# Makes NAME.keras and NAME.h5 of each network, inputs.npy, and NAME.npy of the outputs.
SAVE = """
import sys, os
os.chdir(sys.argv[1])
import keras, numpy as np
from keras import layers

inputs = np.random.default_rng(0).standard_normal((6, 20, 5)).astype("float32")
np.save("inputs.npy", inputs)
classes = lambda: layers.Dense(4, activation="softmax")

def functional():
    x = keras.Input((20, 5), name="mfcc")
    y = layers.Conv1D(6, 3, padding="same")(x)
    y = layers.BatchNormalization()(y)
    y = layers.LeakyReLU(negative_slope=0.2)(y)
    z = layers.Dense(6, activation="silu")(x)
    y = layers.Add()([y, z])
    y = layers.Concatenate()([y, z])
    return keras.Model(x, classes()(layers.GlobalAveragePooling1D()(y)))

def operators():
    x = keras.Input((20, 5))
    y = layers.Dense(5)(x) + x
    return keras.Model(x, classes()(layers.Flatten()(y)))

def constant():
    x = keras.Input((20, 5))
    return keras.Model(x, classes()(layers.Flatten()(x * 2.0)))

networks = {
    "sequential": keras.Sequential([layers.Input((20, 5)), layers.LSTM(7, return_sequences=True), layers.LSTM(6),
                                    layers.Dropout(0.2), layers.Dense(5, activation="relu"), classes()]),
    "wrapped": keras.Sequential([layers.Input((20, 5)), layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
                                 layers.TimeDistributed(layers.Dense(3)), layers.GRU(4), classes()]),
    "functional": functional(),
    "operators": operators(),
    "constant": constant(),
    "nested": keras.Sequential([layers.Input((20, 5)), keras.Sequential([layers.Input((20, 5)), layers.LSTM(4)]), classes()]),
}
rng = np.random.default_rng(1)
for name, network in networks.items():
    for weight in network.weights:
        weight.assign(rng.uniform(0.1, 0.9, weight.shape))
    np.save(f"{name}.npy", network.predict(inputs, verbose=0))
    network.save(f"{name}.keras")
    network.save(f"{name}.h5")
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keras3")
    subprocess.run([sys.executable, "-c", SAVE, folder], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(
    "name",
    [
        "sequential",
        "functional",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("wrapped", "operators", "nested")),
    ],
)
def test_what_keras_3_saved_gives_the_same_outputs(saved, name, suffix):
    model = load_model(str(saved / f"{name}{suffix}"))
    outputs = model.predict(np.load(saved / "inputs.npy"), verbose=0)
    np.testing.assert_allclose(outputs, np.load(saved / f"{name}.npy"), atol=1e-5)


def test_what_keras_2_can_not_be_told_is_named(saved):
    with pytest.raises(UserError, match=r"constant\.keras: the layer multiply \(Multiply\) takes a constant"):
        load_model(str(saved / "constant.keras"))
