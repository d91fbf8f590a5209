import json

import pytest

from schemas.errors import UserError
from ser_tinyml.judging.predicted import Clips, compare, digest_predictions

LABELS = ("calm", "happy")


def make_rows(said: str, labels=LABELS, first=0) -> list[dict]:
    """A row a letter of `said`: whether the clip's class is given ("y") or not ("n")."""
    rows = []
    for number, right in enumerate(said, start=first):
        label = labels[number % 2]
        elected = label if right == "y" else labels[1 - number % 2]
        probabilities = {each: 0.9 if each == elected else 0.1 for each in labels}
        of_runtimes = {"int8": probabilities, "tflm": probabilities}
        row = {"clip_id": f"{number:02}", "copy": 0, "corpus": "own", "speaker": str(number % 3), "label": label}
        rows.append(row | {"probabilities": of_runtimes})
    return rows


def test_two_runs_are_compared_on_the_clips_that_both_were_judged_on():
    one, other = Clips.from_rows(make_rows("yyyyyyyn")), Clips.from_rows(make_rows("yynnyynn", first=2))
    found = compare(one, other, called="before")
    assert found.clips == 6
    assert found.difference["accuracy"] == pytest.approx((5 - 4) / 6)
    low, high = found.intervals["accuracy"]
    assert low <= found.difference["accuracy"] <= high


def test_classes_may_stand_in_another_order():
    rows = make_rows("yyyn")
    turned = [
        row | {"probabilities": {name: dict(reversed(each.items())) for name, each in row["probabilities"].items()}}
        for row in rows
    ]
    found = compare(Clips.from_rows(rows), Clips.from_rows(turned), called="")
    assert found.difference["uar"] == 0 and found.intervals["uar"] == (0, 0)


def test_what_can_not_be_compared_is_told():
    one = Clips.from_rows(make_rows("yy"))
    with pytest.raises(UserError, match="before was judged on other clips"):
        compare(one, Clips.from_rows(make_rows("yy", first=10)), called="before")
    with pytest.raises(UserError, match="before has the classes low, high, not calm, happy"):
        compare(one, Clips.from_rows(make_rows("yy", labels=("low", "high"))), called="before")


def test_a_run_that_was_not_judged_is_told(tmp_path):
    with pytest.raises(UserError, match="is no run that was judged"):
        Clips.read(str(tmp_path))
    (tmp_path / "predictions.jsonl").write_text('{"clip_id": "x"}\n')
    with pytest.raises(UserError, match="its rows are no predictions"):
        Clips.read(str(tmp_path))
    (tmp_path / "predictions.jsonl").write_text("\n".join(map(json.dumps, make_rows("yy"))))
    assert Clips.read(str(tmp_path)).ids == ("00/0", "01/0")
    assert len(digest_predictions(str(tmp_path))) == 64


def test_a_single_clip_is_enough():
    clips = Clips.from_rows(make_rows("n"))
    assert clips.labels == LABELS and clips.true.tolist() == [0] and clips.flashed.tolist() == [1]
    assert compare(clips, Clips.from_rows(make_rows("y")), called="").difference["accuracy"] == -1


@pytest.mark.parametrize(
    ("runtimes", "flashed"), [(("keras", "int8", "tflm"), "tflm"), (("float", "int8"), "int8"), (("keras",), "keras")]
)
def test_the_flashed_form_is_what_is_nearest_to_the_device(runtimes, flashed):
    (row,) = make_rows("y")
    says = {name: dict(zip(LABELS, (0.2, 0.8) if name == flashed else (0.8, 0.2), strict=True)) for name in runtimes}
    assert Clips.from_rows([row | {"probabilities": says}]).flashed.tolist() == [1]
