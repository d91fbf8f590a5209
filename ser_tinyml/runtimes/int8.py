"""The numbers of an int8 model: real = scale * (q - zero_point)."""

import dataclasses

import numpy as np

from schemas.run_files import Tensor


@dataclasses.dataclass(frozen=True)
class Quantization:
    """Scale and zero point of a tensor."""

    scale: float  # a float32
    zero_point: int

    @classmethod
    def of_tensor(cls, tensor: Tensor) -> "Quantization":
        """Returns those of a described tensor that is quantized."""
        assert tensor.scale is not None and tensor.zero_point is not None, f"{tensor.name} is not quantized"
        return cls(tensor.scale, tensor.zero_point)

    @classmethod
    def of_details(cls, details: dict) -> "Quantization | None":
        """Returns those of a tensor as TFLite's and TFLM's interpreters describe it; None where it is not int8."""
        if details["dtype"] != np.int8:
            return None
        parameters = details["quantization_parameters"]
        return cls(float(parameters["scales"][0]), int(parameters["zero_points"][0]))

    def quantize(self, values: np.ndarray) -> np.ndarray:
        """Rounds float32 values of any shape to int8, and cuts them off at its ends, as a board does."""
        steps = np.round(values / np.float32(self.scale)) + self.zero_point
        return np.clip(steps, -128, 127).astype(np.int8)

    def dequantize(self, quantized: np.ndarray) -> np.ndarray:
        """Returns the float32 values that int8 ones stand for."""
        return (quantized.astype(np.float32) - self.zero_point) * np.float32(self.scale)
