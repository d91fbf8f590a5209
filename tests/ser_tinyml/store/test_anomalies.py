import pytest

from schemas.classes import SPLITS
from ser_tinyml.store.anomalies import find_anomalies

EVERYWHERE = {name: {"calm", "happy"} for name in SPLITS}


def make_statistics(violations=(), **changes) -> dict:
    """Three splits in order, but for what `changes` says of some: `make_statistics(test={"examples": 0})`."""
    splits = {
        name: {
            "examples": 4,
            "labels": {"calm": 3, "happy": 1},
            "speakers": {f"own/{name}": 4},
            "features": {"deviation": [5.0, 1e-6]},  # the least by which a feature can be divided
        }
        for name in SPLITS
    }
    return {"violations": dict(violations), "splits": {name: splits[name] | changes.get(name, {}) for name in SPLITS}}


def find(statistics, in_manifest=EVERYWHERE, speakers_apart=True, used=SPLITS):
    return find_anomalies(statistics, in_manifest, speakers_apart=speakers_apart, used=used)


def test_a_dataset_in_order_has_no_anomalies():
    assert find(make_statistics()) == []


def test_violations_of_the_schema_are_told_with_their_number():
    assert find(make_statistics({"label is 7": 3})) == ["label is 7 (3 records)"]


def test_a_split_that_is_used_must_have_examples():
    statistics = make_statistics(validation={"examples": 0, "labels": {"calm": 0, "happy": 0}})
    assert find(statistics) == ["validation has no examples"]
    assert find(statistics, speakers_apart=False, used=("train", "test")) == []


def test_classes_that_the_manifest_promises_must_have_examples():
    none = {"calm": 0, "happy": 0}
    assert find(make_statistics(test={"labels": none})) == ["test has no example of the class calm, happy"]
    assert find(make_statistics(test={"labels": none}), {"test": {"happy"}}) == [
        "test has no example of the class happy"
    ]
    assert find(make_statistics(test={"labels": none}), {"test": set()}) == []
    assert find(make_statistics(test={"labels": {"calm": 0, "happy": 4}}), {}) == [
        "test has no example of the class calm"
    ]


@pytest.mark.parametrize("deviation", [0.0, 9e-7])
def test_a_feature_that_never_changes_in_training_is_told(deviation):
    constant = {"features": {"deviation": [2.0, deviation, 0.5]}}
    complaint = ["feature 1 is the same in every training frame: it can't be standardised"]
    assert find(make_statistics(train=constant)) == complaint
    assert find(make_statistics(test=constant)) == []
    assert find(make_statistics(train=constant), used=("test",), speakers_apart=False) == []


def test_a_training_split_without_records_has_no_features_to_judge():
    statistics = make_statistics(train={"examples": 0})
    del statistics["splits"]["train"]["features"]
    assert find(statistics) == ["train has no examples"]


@pytest.mark.parametrize(
    ("speakers", "named"),
    [
        (1, "s0"),
        (5, "s0, s1, s2, s3, s4"),
        (6, "s0, s1, s2, s3, s4 and 1 more"),
        (8, "s0, s1, s2, s3, s4 and 3 more"),
    ],
)
def test_speakers_in_two_splits_are_named_five_at_most(speakers, named):
    shared = {f"s{number}": 1 for number in range(speakers)}
    statistics = make_statistics(train={"speakers": shared | {"a": 1}}, test={"speakers": shared | {"b": 1}})
    told = f"train and test share {named}: their speakers must differ (--split=speaker)"
    assert find(statistics) == [told]
    assert find(statistics, speakers_apart=False) == []
