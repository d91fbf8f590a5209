"""What a SavedModel is held to."""

import pytest

from schemas.errors import UserError
from schemas.manifest import ManifestRow
from schemas.run_files import ServedForm
from ser_tinyml.judging.served import Tolerance, judge_served, measure_served

TOLERANCE = Tolerance(min_agreement=0.99, max_difference=0.01, max_feature_difference=0.01)


def make_form(*, agreement: float = 1.0, mean_difference: float = 0.001) -> ServedForm:
    return ServedForm(
        clips=10,
        agreement=agreement,
        same_windows=1.0,
        mean_difference=mean_difference,
        largest_difference=0.5,
        agreement_with_recording=0.5,
    )


@pytest.mark.parametrize(
    ("forms", "feature_difference", "failed"),
    [
        ({"wav": make_form()}, 0.001, []),
        ({"wav": make_form()}, 0.02, ["features, difference from the data job's"]),
        ({"wav": make_form(), "mp3": make_form(agreement=0.9)}, 0.001, ["mp3, agreement with Keras"]),
        ({"ogg": make_form(mean_difference=0.02), "mp3": make_form()}, 0.001, ["ogg, mean difference from Keras"]),
    ],
)
def test_every_encoding_is_judged_by_class_and_probabilities(forms, feature_difference, failed):
    gates = judge_served(forms, feature_difference, TOLERANCE)
    assert [gate.name for gate in gates if not gate.passed] == failed
    assert len(gates) == 1 + 2 * len(forms)


def test_recordings_that_can_not_be_decoded_are_told_and_prove_nothing(tmp_path, capsys):
    row = ManifestRow("ab", str(tmp_path / "gone.wav"), "own", "ann", "calm", "calm", "test", 2.0, 16_000, False)
    with pytest.raises(UserError, match="none of the held-out recordings can be decoded"):
        measure_served(None, None, [row])
    assert "gone.wav: not_found" in capsys.readouterr().out
