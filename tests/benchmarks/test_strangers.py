"""The variants of `benchmarks/strangers.py`, and what all of them say together: the most that was seen to be possible."""

import numpy as np
import pytest
import strangers


def make_predicted(*probabilities: tuple[float, float], true: tuple[int, ...] = (0, 1)) -> dict[str, np.ndarray]:
    return {"true": np.array(true), "speakers": np.array(["a", "b"]), "probabilities": np.array(probabilities)}


def test_a_variant_takes_flags_of_trainer_and_data_job():
    found = strangers.Variant.parse(
        "no hum: --fmin=75 --epochs=2 --prosody=voicing --augment=clean --cmvn_prior_windows=2"
    )
    assert (found.name, found.flags, found.data) == ("no hum", {"epochs": "2"}, ("--augment=clean", "--fmin=75"))
    assert (found.prosody, found.cmvn_prior_windows) == (("voicing",), 2)


def test_models_together_say_the_mean_of_what_each_says():
    one, other = make_predicted((0.9, 0.1), (0.6, 0.4)), make_predicted((0.3, 0.7), (0.1, 0.9))
    together = strangers._average((one, other))
    np.testing.assert_allclose(together["probabilities"], [(0.6, 0.4), (0.35, 0.65)])
    assert list(together["speakers"]) == ["a", "b"]


def test_what_one_of_the_models_does_not_have_is_left_out():
    one, other = make_predicted((1, 0), (0, 1)), make_predicted((1, 0), (0, 1))
    one["in_float"] = one["probabilities"]
    assert set(strangers._average((one, other))) == {"true", "speakers", "probabilities"}


def test_models_of_different_clips_have_no_mean():
    with pytest.raises(SystemExit, match="different clips"):
        strangers._average((make_predicted((1, 0), (0, 1)), make_predicted((1, 0), (0, 1), true=(1, 0))))
