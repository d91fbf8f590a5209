import pytest

from schemas.errors import GateFailed
from ser_tinyml.judging.gates import describe, judge, require_passed


@pytest.mark.parametrize(
    ("bound", "value", "passes"),
    [
        ("at most", 1e-9, True),
        ("at most", 2e-9, False),
        ("at least", -1e-9, True),
        ("at least", -2e-9, False),
        ("above", 2e-9, True),
        ("above", 1e-9, False),
        ("above", 0.0, False),
    ],
)
def test_a_billionth_is_forgiven_to_floating_point(bound, value, passes):
    assert judge("x", value, bound, 0.0, unit="").passed is passes


def test_gates_that_failed_are_told_together_and_others_are_not():
    gates = [judge(name, value, "at most", 1.0, unit="") for name, value in (("one", 2), ("two", 0), ("three", 3.5))]
    with pytest.raises(GateFailed) as caught:
        require_passed(gates, "not blessed")
    assert str(caught.value) == (
        "not blessed:\n  one: 2, at most 1: FAILED by 1\n  three: 3.5, at most 1: FAILED by 2.5"
    )
    require_passed(gates[1:2], "not blessed")
    assert describe(gates[1]) == "two: 0, at most 1: passed"
