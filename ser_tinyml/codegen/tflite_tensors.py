"""Tensors of a TFLite file, read for the engine: each look-up checks what it finds, and its errors name operator and tensor."""

import math

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from schemas.errors import UserError
from ser_tinyml.codegen.tflite_file import TYPE_NAMES
from ser_tinyml.runtimes.int8 import Quantization

_DTYPES: dict[str, type[np.int8 | np.int16 | np.int32]] = {"INT8": np.int8, "INT16": np.int16, "INT32": np.int32}


class Tensors:
    """The tensors of a model's only subgraph; `operator` is what errors say that they are of."""

    def __init__(self, model: schema.ModelT):
        self._buffers = model.buffers
        self._tensors = model.subgraphs[0].tensors
        self.operator = "the model"

    def error(self, index: int, problem: str) -> UserError:
        """Returns the error that says what is wrong with a tensor, on one line whatever its name."""
        return UserError(" ".join(f"{self.operator}, tensor {index} ({self.name(index)}): {problem}".split()))

    def name(self, index: int) -> str:
        """Returns a tensor's name."""
        name = self._tensor(index).name
        return name.decode(errors="replace") if name else ""

    def shape(self, index: int) -> tuple[int, ...]:
        """Returns a tensor's shape; a scalar's is empty."""
        shape = self._tensor(index).shape
        return tuple(int(size) for size in shape) if shape is not None else ()

    def is_variable(self, index: int) -> bool:
        """Tells whether a tensor is a state."""
        return self._tensor(index).isVariable

    def scales(self, index: int) -> np.ndarray:
        """Returns float32 [1], or [channels] where each channel has a scale; UserError where it is not quantized."""
        quantization = self._tensor(index).quantization
        if quantization is None or quantization.scale is None or not len(quantization.scale):
            raise self.error(index, "is not quantized")
        scales = np.asarray(quantization.scale, np.float32)
        if not (np.isfinite(scales) & (scales > 0)).all():
            raise self.error(index, f"has the scale {scales.min()}, expected a positive number")
        return scales

    def activation(self, index: int, dtype: str = "INT8") -> Quantization:
        """Returns how an activation is quantized; UserError where it is of another type, or has several scales."""
        self._check_type(index, dtype)
        scales = self.scales(index)
        if len(scales) != 1:
            raise self.error(index, "is quantized per channel, expected one scale")
        found, limits = self._tensor(index).quantization.zeroPoint, np.iinfo(_DTYPES[dtype])
        zero_points = [] if found is None else [int(each) for each in found]
        if len(zero_points) != 1:
            raise self.error(index, f"has {len(zero_points)} zero points, expected 1")
        if not limits.min <= zero_points[0] <= limits.max:
            raise self.error(index, f"has the zero point {zero_points[0]}, expected {limits.min} to {limits.max}")
        return Quantization(float(scales[0]), zero_points[0])

    def constant(self, index: int, dtype: str) -> np.ndarray:
        """Returns a constant tensor's values; UserError where it is of another type, or not constant."""
        self._check_type(index, dtype)
        data = self._buffers[self._tensor(index).buffer].data
        if data is None or not len(data):
            raise self.error(index, "is not constant")
        shape, kind = self.shape(index), np.dtype(_DTYPES[dtype]).newbyteorder("<")
        if len(data) != math.prod(shape) * kind.itemsize:
            raise self.error(index, f"has {len(data)} bytes, which are not those of {dtype} of shape {shape}")
        return np.frombuffer(bytes(data), kind).reshape(shape)

    def weights(self, index: int, per_channel: bool = False, rank: int = 2) -> np.ndarray:
        """Returns int8 [outputs, inputs], or of another rank, whose first axis is that of the outputs.

        Raises:
          UserError: they are quantized as the engine does not know it.
        """
        weights, quantization = self.constant(index, "INT8"), self._tensor(index).quantization
        if weights.ndim != rank or not weights.size:
            raise self.error(index, f"is of shape {weights.shape}, expected {rank} axes, the first that of the outputs")
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

    def _tensor(self, index: int) -> schema.TensorT:
        if not 0 <= index < len(self._tensors):
            raise UserError(f"{self.operator}: a tensor is missing that the engine needs")
        return self._tensors[index]

    def _check_type(self, index: int, dtype: str) -> None:
        found = TYPE_NAMES.get(self._tensor(index).type)
        if found != dtype:
            raise self.error(index, f"is {found}, expected {dtype}")
