"""Tensors of a TFLite file, read for the engine: each look-up checks what it finds, and its errors name operator and tensor."""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from schemas.errors import UserError
from ser_tinyml.codegen.tflite_file import TYPE_NAMES
from ser_tinyml.runtimes.int8 import Quantization

_DTYPES = {"INT8": np.int8, "INT16": np.int16, "INT32": np.int32}


class Tensors:
    """The tensors of a model's only subgraph; `operator` is what errors say that they are of."""

    def __init__(self, model: schema.ModelT):
        self._buffers = model.buffers
        self._tensors = model.subgraphs[0].tensors
        self.operator = "the model"

    def error(self, index: int, problem: str) -> UserError:
        """Returns the error that says what is wrong with a tensor."""
        return UserError(f"{self.operator}, tensor {index} ({self.name(index)}): {problem}")

    def name(self, index: int) -> str:
        """Returns a tensor's name."""
        return self._tensors[index].name.decode()

    def shape(self, index: int) -> tuple[int, ...]:
        """Returns a tensor's shape; a scalar's is empty."""
        shape = self._tensors[index].shape
        return tuple(int(size) for size in shape) if shape is not None else ()

    def scales(self, index: int) -> np.ndarray:
        """Returns float32 [1], or [channels] where each channel has a scale; UserError where it is not quantized."""
        quantization = self._tensors[index].quantization
        if quantization is None or quantization.scale is None or not len(quantization.scale):
            raise self.error(index, "is not quantized")
        return np.asarray(quantization.scale, np.float32)

    def activation(self, index: int, dtype: str = "INT8") -> Quantization:
        """Returns how an activation is quantized; UserError where it is of another type, or has several scales."""
        self._check_type(index, dtype)
        scales = self.scales(index)
        if len(scales) != 1:
            raise self.error(index, "is quantized per channel, expected one scale")
        return Quantization(float(scales[0]), int(self._tensors[index].quantization.zeroPoint[0]))

    def constant(self, index: int, dtype: str) -> np.ndarray:
        """Returns a constant tensor's values; UserError where it is of another type, or not constant."""
        self._check_type(index, dtype)
        data = self._buffers[self._tensors[index].buffer].data
        if data is None or not len(data):
            raise self.error(index, "is not constant")
        return np.frombuffer(bytes(data), np.dtype(_DTYPES[dtype]).newbyteorder("<")).reshape(self.shape(index))

    def weights(self, index: int, per_channel: bool = False) -> np.ndarray:
        """Returns int8 [outputs, inputs]; UserError where they are quantized as the engine does not know it."""
        weights, quantization = self.constant(index, "INT8"), self._tensors[index].quantization
        n_scales = len(self.scales(index))
        if n_scales not in ((1, len(weights)) if per_channel else (1,)):
            raise self.error(index, f"has {n_scales} scales, expected 1")
        if n_scales > 1 and quantization.quantizedDimension != 0:
            raise self.error(index, "is quantized along its inputs")
        if np.any(quantization.zeroPoint):
            raise self.error(index, "has a zero point, expected 0")
        if weights.min() < -127:
            raise self.error(index, "has the weight -128; TFLite's int8 weights are -127 to 127")
        return weights

    def _check_type(self, index: int, dtype: str) -> None:
        found = TYPE_NAMES.get(self._tensors[index].type)
        if found != dtype:
            raise self.error(index, f"is {found}, expected {dtype}")
