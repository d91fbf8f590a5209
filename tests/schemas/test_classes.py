import pytest

from schemas.classes import (
    COLOURS,
    PRESETS,
    check_labels,
    choose_leds,
    make_own_classes,
    name_emotion,
    parse_classes,
)
from schemas.errors import UserError

CALM = {"name": "calm", "emotions": ["neutral", "calm"]}
UPSET = {"name": "upset", "emotions": ["sad", "angry"], "keep": 0.6, "led": "red"}


def test_a_document_gives_classes_in_its_order_each_with_a_colour():
    found = parse_classes({"classes": [CALM, UPSET], "excluded": ["fearful"]}, "x.json")
    assert found.labels == ("calm", "upset") and found.leds[1] == "#ff0000" != found.leds[0]
    assert [each.keep for each in found.classes] == [1.0, 0.6]
    assert found.find("Anger").name == "upset" and found.find("fearful") is None and found.knows("fear")


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ([], "expected"),
        ({"classes": [CALM]}, "at least 2 classes"),
        ({"classes": [CALM, CALM]}, "is there twice"),
        ({"classes": [CALM, {"name": "x", "emotions": ["neutral"]}]}, "'neutral' is there twice"),
        ({"classes": [CALM, UPSET], "excluded": ["calm"]}, "'calm' is there twice"),
        ({"classes": [CALM, UPSET], "colour": 1}, "unknown field 'colour'"),
        ({"classes": [CALM, UPSET | {"emotion": "sad"}]}, "class 2 .upset.: unknown field 'emotion'"),
        ({"classes": [CALM, UPSET | {"keep": 0}]}, "keep is 0"),
        ({"classes": [CALM, UPSET | {"keep": True}]}, "keep is True"),
        ({"classes": [CALM, UPSET | {"led": "#12345"}]}, "led is '#12345'"),
        ({"classes": [CALM, UPSET | {"emotions": []}]}, "takes no emotion"),
        ({"classes": [CALM, UPSET | {"emotions": "sad"}]}, "expected a list"),
        ({"classes": [CALM, UPSET | {"name": "x" * 65}]}, "65 characters"),
        ({"classes": [CALM, "sad"]}, "class 2: expected"),
    ],
)
def test_a_wrong_document_is_told_with_its_field(document, complaint):
    with pytest.raises(UserError, match=rf"x\.json: .*{complaint}"):
        parse_classes(document, "x.json")


def test_own_labels_are_classes_under_their_own_names():
    own = make_own_classes(["joy", "Wut", "joy", '"; rm -rf'])
    assert own.labels == ('"; rm -rf', "Wut", "joy")
    assert own.find("happy").name == "joy"  # of a published corpus beside them
    alike = make_own_classes(["fear", "anxiety", "Fear"])
    assert [alike.find(label).name for label in alike.labels] == ["Fear", "anxiety", "fear"]
    assert alike.find("fearful") is None and alike.knows(
        "fearful"
    )  # of a published corpus: nobody can tell which is meant
    with pytest.raises(UserError, match="at least 2 classes are needed, found joy"):
        make_own_classes(["joy"])


def test_the_presets_know_every_emotion():
    emotions = PRESETS["ravdess8"].labels
    assert PRESETS["four"].labels == ("neutral", "happy", "surprise", "unpleasant")
    for preset in PRESETS.values():
        assert all(preset.knows(emotion) for emotion in (*emotions, "bored"))
    assert PRESETS["arousal"].find("angry").name == "high" and PRESETS["valence"].find("angry").name == "negative"


@pytest.mark.parametrize("count", [1, 4, 9, 200, 5000])
def test_no_two_classes_share_a_colour(count):
    assert len(set(choose_leds([""] * (count - 1) + ["blue"]))) == count
    assert choose_leds(list(COLOURS)[:2]) == ("#ff0000", "#00ff00")


def test_words_for_an_emotion_are_understood():
    assert [name_emotion(word) for word in ("Anger", "HAP", "pleasant_surprise", "meh")] == [
        "angry",
        "happy",
        "surprised",
        "meh",
    ]


@pytest.mark.parametrize("label", ["", " a", "a\n", "\x00", "x" * 65])
def test_what_can_be_no_label_is_refused(label):
    with pytest.raises(UserError, match="label 2"):
        check_labels(["a", label], "source")
