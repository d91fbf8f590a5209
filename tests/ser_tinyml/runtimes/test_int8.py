import numpy as np
import pytest

from schemas.run_files import Tensor
from ser_tinyml.runtimes.int8 import Quantization

QUANTIZATION = Quantization(scale=0.25, zero_point=-3)


def test_values_are_rounded_to_the_nearest_step_and_halves_to_the_even_one():
    found = QUANTIZATION.quantize(np.float32([0, 0.25, 0.3, 0.125, 0.375, -0.125, -0.375, -1]))
    assert found.dtype == np.int8
    assert found.tolist() == [-3, -2, -2, -3, -1, -3, -5, -7]


def test_values_beyond_the_ends_of_int8_are_cut_off():
    found = QUANTIZATION.quantize(np.float32([32.5, 32.75, 1e6, -31.25, -31.5, -1e6]))
    assert found.tolist() == [127, 127, 127, -128, -128, -128]


def test_int8_stands_for_scale_times_what_is_above_the_zero_point():
    found = QUANTIZATION.dequantize(np.int8([-128, -3, -2, 127]))
    assert found.dtype == np.float32
    assert found.tolist() == [-31.25, 0.0, 0.25, 32.5]


def test_interpreters_describe_int8_tensors_and_others():
    parameters = {"scales": np.float32([0.5]), "zero_points": np.int32([7])}
    assert Quantization.of_details({"dtype": np.int8, "quantization_parameters": parameters}) == Quantization(0.5, 7)
    assert Quantization.of_details({"dtype": np.float32, "quantization_parameters": parameters}) is None


@pytest.mark.parametrize(("scale", "zero_point"), [(None, 1), (0.5, None)])
def test_a_tensor_without_scale_or_zero_point_is_no_quantized_one(scale, zero_point):
    with pytest.raises(AssertionError, match="x is not quantized"):
        Quantization.of_tensor(Tensor("x", (1,), "int8", scale, zero_point))


def test_a_described_tensor_keeps_its_numbers():
    assert Quantization.of_tensor(Tensor("x", (1,), "int8", 0.5, 0)) == Quantization(0.5, 0)
