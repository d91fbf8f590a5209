"""Class probabilities of each runtime, clip by clip, with the time that each took."""

import dataclasses
import time

import numpy as np
import tensorflow as tf
from tflite_micro import runtime

from ser_tinyml.runtimes.native_log import quiet_native_log

_KERAS_CLIPS_TIMED = 30


@dataclasses.dataclass(frozen=True)
class Predictions:
    """What a runtime said of every clip."""

    probabilities: np.ndarray  # float32 [examples, classes]
    latency_ms: float  # median of single clips, on one thread (Keras: on its own)
    quantized: np.ndarray | None = None  # int8 [examples, classes], of models that give int8
    quantized_inputs: np.ndarray | None = None  # int8 [examples, frames, coefficients], of these

    @property
    def classes(self) -> np.ndarray:
        """int64 [examples]: the likeliest class; of equals the first."""
        return self.probabilities.argmax(axis=1)


def predict_keras(model: tf.keras.Model, inputs: np.ndarray) -> Predictions:
    """Keras in batches; its latency is `predict` on one clip, as the original notebook measured it.

    `inputs` is float32 [examples, frames, coefficients], standardised as the model wants it; so it is for all runtimes.
    """
    probabilities = model.predict(inputs, batch_size=64, verbose=0)
    model.predict(inputs[:1], verbose=0)
    times = []
    for clip in inputs[:_KERAS_CLIPS_TIMED]:
        start = time.perf_counter()
        model.predict(clip[np.newaxis], verbose=0)
        times.append(time.perf_counter() - start)
    return Predictions(probabilities, 1e3 * float(np.median(times)))


def predict_tflite(content: bytes, inputs: np.ndarray, reset_state: bool = True) -> Predictions:
    """A TFLite model on TFLite's interpreter, one thread.

    LSTM state outlives an invocation; `reset_state` clears it before each clip, as each clip is an utterance of its own.
    """
    with quiet_native_log():
        interpreter = tf.lite.Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
    (tensor_in,), (tensor_out,) = interpreter.get_input_details(), interpreter.get_output_details()
    clips = _quantize(inputs, tensor_in)

    def invoke(clip: np.ndarray) -> np.ndarray:
        if reset_state:
            interpreter.reset_all_variables()
        interpreter.set_tensor(tensor_in["index"], clip)
        interpreter.invoke()
        return interpreter.get_tensor(tensor_out["index"])

    return _predict_one_by_one(invoke, clips, tensor_out)


def predict_tflm(content: bytes, inputs: np.ndarray, arena_bytes: int, reset_state: bool = True) -> Predictions:
    """An int8 model on TFLM's kernels, in an arena of the size that the export states."""
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=arena_bytes)
    clips = _quantize(inputs, interpreter.get_input_details(0))

    def invoke(clip: np.ndarray) -> np.ndarray:
        if reset_state:
            interpreter.reset()
        interpreter.set_input(clip, 0)
        interpreter.invoke()
        return interpreter.get_output(0)

    return _predict_one_by_one(invoke, clips, interpreter.get_output_details(0))


def _predict_one_by_one(invoke, clips: np.ndarray, tensor_out: dict) -> Predictions:
    outputs, times = [], []
    invoke(clips[:1])
    for number in range(len(clips)):
        start = time.perf_counter()
        output = invoke(clips[number : number + 1])
        times.append(time.perf_counter() - start)
        outputs.append(np.array(output[0]))
    stacked = np.stack(outputs)
    latency_ms = 1e3 * float(np.median(times))
    if stacked.dtype != np.int8:
        return Predictions(stacked, latency_ms)
    scale, zero_point = _quantization(tensor_out)
    return Predictions((stacked.astype(np.float32) - zero_point) * scale, latency_ms, stacked, clips)


def _quantize(inputs: np.ndarray, tensor_in: dict) -> np.ndarray:
    """As a board does it: rounded, and cut off at the ends of int8."""
    if tensor_in["dtype"] != np.int8:
        return inputs.astype(np.float32)
    scale, zero_point = _quantization(tensor_in)
    return np.clip(np.round(inputs / scale) + zero_point, -128, 127).astype(np.int8)


def _quantization(tensor: dict) -> tuple[np.float32, int]:
    parameters = tensor["quantization_parameters"]
    return np.float32(parameters["scales"][0]), int(parameters["zero_points"][0])
