"""A network that goes on from window to window of an utterance, in every runtime."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from components.transform.parameters import Parameters
from schemas.front_end import Standardisation
from ser_tinyml.codegen.convert import convert, fix_batch_size
from ser_tinyml.codegen.graph_reader import read_graph
from ser_tinyml.codegen.model_source import ModelInterface, make_sources
from ser_tinyml.network.architecture import Architecture, carry_weights
from ser_tinyml.runtimes.engine import Engine
from ser_tinyml.runtimes.keras import Keras
from ser_tinyml.runtimes.tflite import TFLite
from ser_tinyml.runtimes.tflm import Tflm

FRONT_END = dataclasses.replace(Parameters(streaming=True).make_front_end(), prosody=(), n_mfcc=6)
LENGTHS = 4, 1, 3  # windows of the utterances
BEGINS = np.concatenate([np.arange(length) == 0 for length in LENGTHS])


@pytest.fixture(scope="module")
def architecture():
    shape = FRONT_END.n_frames, FRONT_END.n_features
    return Architecture(input_shape=shape, lstm_units=(12, 8), dense_units=8, dropout=0.3, n_classes=4)


@pytest.fixture(scope="module")
def network(architecture):
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(0)
    network = architecture.build()
    for weight in network.trainable_weights:
        weight.assign(3 * weight)  # outputs that are apart
    return network


@pytest.fixture(scope="module")
def inputs():
    shape = sum(LENGTHS), FRONT_END.n_frames, FRONT_END.n_features
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.fixture(scope="module")
def converted(network, inputs):
    return convert(fix_batch_size(network), inputs)


def test_keras_goes_on_as_the_network_does_that_is_trained(architecture, network, inputs):
    trained = architecture.build_for_utterances(0, max(LENGTHS))
    carry_weights(network, trained)
    utterances = np.split(inputs, np.flatnonzero(BEGINS)[1:])
    padded = [np.pad(each, ((0, max(LENGTHS) - len(each)), (0, 0), (0, 0))) for each in utterances]
    decided = trained.predict(np.stack(padded).reshape(len(LENGTHS), -1, FRONT_END.n_features), verbose=0)
    expected = np.concatenate([each[:length] for each, length in zip(decided, LENGTHS, strict=True)])
    found = Keras(network).run(inputs, BEGINS)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    apart = np.abs(found - Keras(network).run(inputs)).max(axis=1)
    assert (apart[~BEGINS] > 1e-3).all() and (apart[BEGINS] < 1e-5).all()


def test_the_converted_network_goes_on_as_keras_does(network, inputs, converted):
    expected = Keras(network).run(inputs, BEGINS)
    np.testing.assert_allclose(TFLite(converted["float"]).run(inputs, BEGINS), expected, atol=1e-5)


def test_the_engine_goes_on_with_tflms_bits(converted):
    int8 = converted["int8"]
    interface = ModelInterface(tuple("abcd"), FRONT_END, Standardisation.identity(FRONT_END.n_features))
    engine, tflm = Engine(make_sources(int8, interface, read_graph(int8))), Tflm(int8)
    rng = np.random.default_rng(1)
    inputs = rng.standard_normal((300, FRONT_END.n_frames, FRONT_END.n_features)).astype(np.float32)
    begins = rng.random(len(inputs)) < 0.1
    begins[0] = True
    ours, theirs = engine.predict(inputs, begins), tflm.predict(inputs, begins)
    np.testing.assert_array_equal(ours.quantized, theirs.quantized)
    anew = engine.predict(inputs, np.ones(len(inputs), bool))
    assert (anew.quantized != ours.quantized).any(axis=1)[~begins].mean() > 0.9
    assert np.mean(TFLite(int8).predict(inputs, begins).classes == theirs.classes) >= 0.97
