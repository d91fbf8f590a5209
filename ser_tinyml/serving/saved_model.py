"""A trained network with its front end -> a TensorFlow SavedModel that hears recordings."""

import contextlib
import dataclasses
import importlib.metadata
import pathlib
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_io as tfio

from ser_tinyml.codegen.convert import drop_training_only
from ser_tinyml.serving.features import compute_features_in_graph
from ser_tinyml.serving.recordings import decode
from ser_tinyml.serving.resampling import resample_in_graph
from ser_tinyml.serving.standardise import standardise_recording_in_graph
from ser_tinyml.serving.windows import find_windows, to_pcm
from ser_tinyml.store.finished_model import Interface

ENCODED, SAMPLES, FEATURES = "serving_default", "samples", "features"  # the signatures
_TF_IO_OPERATORS = "IO"  # the namespace of tensorflow-io's


class ServedModel:
    """What a server runs: `predict`'s work as graphs of TensorFlow's and tensorflow-io's operators."""

    def __init__(self, network: tf.keras.Model, interface: Interface, *, reject_below: float, with_decoders: bool):
        """Puts the graphs together.

        Args:
          network: float32 [windows, n_frames, n_features], standardised, to probabilities [windows, classes].
          interface: what it takes and gives.
          reject_below: the likeliest class's probability, below which an answer is uncertain.
          with_decoders: whether it takes encoded recordings, and samples of any rate, for which a server needs tensorflow-io;
            else it takes samples at the front end's rate alone.
        """
        self._network, self._interface, self._reject_below = _simplify(network), interface, reject_below
        self.variables = self._network.variables
        front_end = interface.front_end
        samples = tf.TensorSpec((None, None), tf.float32, "samples")
        windows = tf.TensorSpec((None, front_end.window_samples), tf.float32, "samples")
        self.graphs = {FEATURES: _make_graph(self._compute_features, windows)}
        if with_decoders:
            self.graphs[ENCODED] = _make_graph(self._hear_encoded, tf.TensorSpec((None,), tf.string, "audio"))
            rates = tf.TensorSpec((None,), tf.int32, "rate")
            self.graphs[SAMPLES] = _make_graph(self._hear_samples, samples, rates)
        else:
            self.graphs[ENCODED] = _make_graph(self._hear_samples_of_own_rate, samples)

    def _hear_encoded(self, audio: tf.Tensor) -> dict[str, tf.Tensor]:
        def hear(content: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return self._decide(resample_in_graph(*decode(content), self._interface.front_end.sample_rate))

        return self._answer(hear, audio)

    def _hear_samples(self, samples: tf.Tensor, rate: tf.Tensor) -> dict[str, tf.Tensor]:
        def hear(given: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            return self._decide(resample_in_graph(*given, self._interface.front_end.sample_rate))

        return self._answer(hear, (samples, rate))

    def _hear_samples_of_own_rate(self, samples: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._answer(self._decide, samples)

    def _compute_features(self, samples: tf.Tensor) -> dict[str, tf.Tensor]:
        front_end = self._interface.front_end
        shape = tf.TensorSpec((front_end.n_frames, front_end.n_features), tf.float32)
        return {
            "features": tf.map_fn(
                lambda window: compute_features_in_graph(window, front_end), samples, fn_output_signature=shape
            )
        }

    def _decide(self, samples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the first sample of each window of float32 [samples], int32 [windows], and its probabilities."""
        front_end = self._interface.front_end
        size, least = front_end.window_samples, front_end.n_fft
        checks = [
            tf.debugging.Assert(tf.shape(samples)[0] >= least, [f"less sound than a frame of {least} samples"]),
            tf.debugging.Assert(tf.reduce_all(tf.math.is_finite(samples)), ["samples that are no finite numbers"]),
        ]
        with tf.control_dependencies(checks):
            starts = find_windows(samples, front_end)
        padded = tf.pad(to_pcm(samples), [[0, size + front_end.window_hop_samples]])
        shape = tf.TensorSpec((front_end.n_frames, front_end.n_features), tf.float32)
        features = tf.map_fn(
            lambda start: compute_features_in_graph(tf.ensure_shape(padded[start : start + size], [size]), front_end),
            starts,
            fn_output_signature=shape,
        )
        standardised = standardise_recording_in_graph(features, front_end, self._interface.standardisation)
        return starts, self._network(standardised, training=False)

    def _answer(self, hear: Callable[..., tuple[tf.Tensor, tf.Tensor]], recordings: Any) -> dict[str, tf.Tensor]:
        """Returns what is said of each recording of a batch; behind the last window of each stand zeros."""
        labels = self._interface.labels
        signature = (
            tf.RaggedTensorSpec((None,), tf.int32, ragged_rank=0),
            tf.RaggedTensorSpec((None, len(labels)), tf.float32, ragged_rank=0),
        )
        starts, found = tf.map_fn(hear, recordings, fn_output_signature=signature)
        counts = tf.cast(starts.row_lengths(), tf.int32)
        windows = found.to_tensor(shape=(None, None, len(labels)))
        clips = tf.reduce_sum(windows, axis=1) / tf.cast(tf.maximum(counts, 1), tf.float32)[:, tf.newaxis]
        names = tf.constant(labels)
        return {
            "class": tf.where(counts > 0, tf.gather(names, tf.argmax(clips, axis=1)), ""),
            "uncertain": (counts > 0) & (tf.reduce_max(clips, axis=1) < self._reject_below),
            "labels": tf.tile(names[tf.newaxis], [tf.size(counts), 1]),
            "probabilities": clips,
            "windows": counts,
            "window_starts": tf.cast(starts.to_tensor(), tf.float32) / self._interface.front_end.sample_rate,
            "window_probabilities": windows,
        }


def encode_saved_model(model: ServedModel) -> dict[str, bytes]:
    """Returns the files of a SavedModel by their names: the same bytes for the same model."""
    module = tf.Module()
    module.used = model.variables
    options = tf.saved_model.SaveOptions(namespace_whitelist=[_TF_IO_OPERATORS])
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=model.graphs, options=options)
        root = pathlib.Path(folder)
        (root / "fingerprint.pb").unlink()  # for telemetry; it holds a random number
        return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a SavedModel says of one recording."""

    label: str | None  # None where nobody speaks
    probabilities: np.ndarray  # float32 [classes]; zeros where nobody speaks
    window_starts: np.ndarray  # float32 [windows], s


class Server:
    """A SavedModel, run as a server runs it."""

    def __init__(self, signatures: dict[str, Any], *, decodes: bool):
        self._signatures = signatures
        self.decodes = decodes
        names = ("tensorflow", "tensorflow-io") if decodes else ("tensorflow",)
        self.libraries = {name: importlib.metadata.version(name) for name in names}

    def hear_encoded(self, content: bytes) -> Answer:
        """Answers about a recording's file."""
        return _read_answer(self._signatures[ENCODED](audio=tf.constant([content])))

    def hear_samples(self, samples: np.ndarray, rate: int) -> Answer:
        """Answers about float32 [samples]."""
        if self.decodes:
            return _read_answer(self._signatures[SAMPLES](samples=samples[np.newaxis], rate=tf.constant([rate])))
        return _read_answer(self._signatures[ENCODED](samples=samples[np.newaxis]))

    def compute_features(self, windows: np.ndarray) -> np.ndarray:
        """Returns the features of float32 [windows, window_samples], float32 [windows, n_frames, n_features]."""
        return self._signatures[FEATURES](samples=tf.constant(windows))["features"].numpy()


def load_saved_model(saved: dict[str, bytes], decodes: bool) -> Server:
    """Loads the files of a SavedModel, by their names."""
    if decodes:
        load_operators()
    with tempfile.TemporaryDirectory() as folder:
        for name, content in saved.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return Server(tf.saved_model.load(folder).signatures, decodes=decodes)


def load_operators() -> None:
    """Makes tensorflow-io's operators known to TensorFlow: importing it does not, using one of them does."""
    tfio.audio.resample(tf.zeros([1]), 1, 1)


def _read_answer(answer: dict[str, tf.Tensor]) -> Answer:
    label, probabilities, windows, starts = (
        answer[name].numpy()[0] for name in ("class", "probabilities", "windows", "window_starts")
    )
    return Answer(label.decode() or None, probabilities, starts[:windows])


def _simplify(network: tf.keras.Model) -> tf.keras.Model:
    """Returns the network that infers the same for any number of windows, with LSTMs that are the same graph each time.

    Keras gives an LSTM two graphs, one of them for a GPU, and names them by a random number.
    """
    plain = drop_training_only(network)
    same = tf.keras.models.clone_model(plain, tf.keras.layers.Input(plain.inputs[0].shape[1:]))
    same.set_weights(plain.get_weights())
    for layer in same._flatten_layers():
        if hasattr(layer, "_could_use_gpu_kernel"):
            layer._could_use_gpu_kernel = False
    return same


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Holds back TensorFlow's warnings that tensorflow-io's resampler runs its channels in a loop."""
    logger = tf.get_logger()
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False


def _make_graph(function: Callable[..., dict[str, tf.Tensor]], *inputs: tf.TensorSpec) -> Any:
    with _quiet():
        return tf.function(function, input_signature=inputs, autograph=False).get_concrete_function()
