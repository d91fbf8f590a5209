"""Classes of emotion: which emotions each takes, and what a class may be called.

A preset, or a JSON file, says which classes there are, in the order of a model's outputs:

    {"classes": [{"name": "calm", "emotions": ["neutral", "calm"]},
                 {"name": "upset", "emotions": ["sad", "angry"], "keep": 0.6, "led": "red"}],
     "excluded": ["fearful"]}

`keep` is the share of the recordings of each emotion that is kept (1 where it is not given), `led` the colour of the board's
LED: a name of COLOURS, or "#RRGGBB". `excluded` lists what is there and not wanted, beside KNOWN_EMOTIONS.
"""

import collections
import dataclasses
import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from schemas.errors import UserError

SPLITS = ("train", "validation", "test")

LONGEST_LABEL = 64  # characters

# What the readers of the published corpora call emotions, and other words for them that people name folders and columns by.
_WORDS = {
    "neutral": ("neutrality", "neu", "normal"),
    "calm": ("calmness",),
    "happy": ("happiness", "joy", "hap"),
    "surprised": ("surprise", "sur", "pleasant surprise", "ps"),
    "sad": ("sadness",),
    "angry": ("anger", "ang"),
    "fearful": ("fear", "fea", "anxious", "anxiety"),
    "disgust": ("disgusted", "dis"),
    "bored": ("boredom", "bor"),
}
KNOWN_EMOTIONS = tuple(_WORDS)
_EMOTION_OF_WORD = {word: emotion for emotion, words in _WORDS.items() for word in (emotion, *words)}

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "white": (255, 255, 255),
    "orange": (255, 96, 0),
    "purple": (96, 0, 255),
}


@dataclasses.dataclass(frozen=True)
class EmotionClass:
    """A class: its name, the emotions that it takes, and how much of them."""

    name: str
    emotions: tuple[str, ...]
    keep: float = 1.0  # share of the recordings of each of its emotions, chosen by hash
    led: str = ""  # of the board's LED, #RRGGBB


@dataclasses.dataclass(frozen=True)
class ClassSet:
    """The classes in the order of a model's outputs, and the emotions that are known and not wanted."""

    classes: tuple[EmotionClass, ...]
    excluded: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes."""
        return tuple(each.name for each in self.classes)

    @property
    def leds(self) -> tuple[str, ...]:
        """The colour of each class, #RRGGBB."""
        return tuple(each.led for each in self.classes)

    def find(self, emotion: str) -> EmotionClass | None:
        """Returns the class that takes an emotion under this name, or under another word for it; None where none does."""
        return self._by_name.get(emotion) or self._by_meaning.get(name_emotion(emotion))

    @functools.cached_property
    def _by_name(self) -> dict[str, EmotionClass]:
        return {name: each for each in self.classes for name in each.emotions}

    @functools.cached_property
    def _by_meaning(self) -> dict[str, EmotionClass]:
        """The class of each meaning, but of those that two classes share ("joy" and "happiness" of one's own)."""
        found = [(name_emotion(name), each) for name, each in self._by_name.items()]
        classes = {meaning: {each for other, each in found if other == meaning} for meaning, _ in found}
        return {meaning: each for meaning, each in found if len(classes[meaning]) == 1}

    def knows(self, emotion: str) -> bool:
        """Tells whether an emotion is in a class, excluded, or among KNOWN_EMOTIONS."""
        meanings = {*KNOWN_EMOTIONS, *map(name_emotion, self.excluded)}
        return self.find(emotion) is not None or name_emotion(emotion) in meanings


def name_emotion(word: str) -> str:
    """Returns the emotion of KNOWN_EMOTIONS that a word is for ("Anger": angry); any other word as it is."""
    return _EMOTION_OF_WORD.get(word.strip().lower().replace("_", " "), word)


def make_own_classes(emotions: Iterable[str]) -> ClassSet:
    """Returns a class for each emotion, under its own name, in the order of the alphabet."""
    return _complete(
        [EmotionClass(name, (name,)) for name in sorted(set(emotions))], source="the recordings' own labels"
    )


def parse_classes(document: Any, source: str) -> ClassSet:
    """Returns the classes of a JSON document, as this module's docstring shows one.

    Raises:
      UserError: it is not such a document; `source`, a field, and what was expected are named.
    """
    if not isinstance(document, dict) or not isinstance(document.get("classes"), list):
        raise UserError(f'{source}: expected {{"classes": [{{"name": ..., "emotions": [...]}}, ...]}}')
    if unknown := sorted(set(document) - {"classes", "excluded"}):
        raise UserError(f"{source}: unknown field {unknown[0]!r}; expected classes and excluded")
    excluded = _parse_texts(document.get("excluded", []), f"{source}: excluded")
    classes = [_parse_class(each, f"{source}: class {n}") for n, each in enumerate(document["classes"], start=1)]
    return _complete(classes, source, excluded)


def _complete(classes: list[EmotionClass], source: str, excluded: tuple[str, ...] = ()) -> ClassSet:
    """Checks the classes as a whole, and gives each without a colour one."""
    if len(classes) < 2:
        raise UserError(
            f"{source}: at least 2 classes are needed, found {', '.join(c.name for c in classes) or 'none'}"
        )
    check_labels([each.name for each in classes], source)
    taken = collections.Counter(
        emotion for names in (*(each.emotions for each in classes), excluded) for emotion in names
    )
    if twice := [emotion for emotion, count in taken.items() if count > 1]:
        raise UserError(f"{source}: the emotion {twice[0]!r} is there twice; a class takes it, or excluded, once")
    colours = choose_leds([each.led for each in classes])
    return ClassSet(tuple(dataclasses.replace(c, led=led) for c, led in zip(classes, colours, strict=True)), excluded)


def _parse_class(document: Any, source: str) -> EmotionClass:
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        raise UserError(f'{source}: expected {{"name": ..., "emotions": [...]}}, found {document!r:.100}')
    source = f"{source} ({document['name']:.{LONGEST_LABEL}})"
    if unknown := sorted(set(document) - {"name", "emotions", "keep", "led"}):
        raise UserError(f"{source}: unknown field {unknown[0]!r}; expected name, emotions, keep and led")
    emotions = _parse_texts(document.get("emotions"), f"{source}: emotions")
    if not emotions:
        raise UserError(f"{source}: it takes no emotion")
    keep, led = document.get("keep", 1), document.get("led", "")
    if type(keep) not in (int, float) or not 0 < keep <= 1:
        raise UserError(f"{source}: keep is {keep!r}, expected a number above 0 and at most 1")
    if led and _read_colour(led) is None:
        raise UserError(f"{source}: led is {led!r:.100}, expected #RRGGBB or one of {', '.join(COLOURS)}")
    return EmotionClass(document["name"], emotions, float(keep), led)


def _parse_texts(value: Any, source: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        raise UserError(f"{source} is {value!r:.100}, expected a list of names of emotions")
    return tuple(value)


def _read_colour(led: Any) -> tuple[int, int, int] | None:
    if not isinstance(led, str):
        return None
    if led in COLOURS:
        return COLOURS[led]
    digits = led[1:]
    if len(led) != 7 or led[0] != "#" or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
        return None
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def choose_leds(leds: Sequence[str]) -> tuple[str, ...]:
    """Returns the colour of each class as #RRGGBB; one that is "" gets a colour that no other class has.

    Args:
      leds: of each class "", #RRGGBB or a name of COLOURS.
    """
    given = [_read_colour(led) if led else None for led in leds]
    others = (
        (number * _STEP >> 16 & 255, number * _STEP >> 8 & 255, number * _STEP & 255) for number in itertools.count(1)
    )
    named = COLOURS.values()
    free = itertools.chain(named, (colour for colour in others if colour not in named))
    chosen = (colour for colour in free if colour not in given)
    return tuple("#{:02x}{:02x}{:02x}".format(*(colour or next(chosen))) for colour in given)


_STEP = 0x9E3779  # odd: its multiples are no two alike among 24 bits, and far from each other


def parse_labels(flag: str, text: str) -> tuple[str, ...]:
    """Returns the labels that a flag lists, with commas between them; UserError where one can't be a label."""
    labels = tuple(text.split(","))
    check_labels(labels, f"--{flag}")
    return labels


def check_labels(labels: Sequence[str], source: str) -> None:
    """Raises UserError where a label is empty, too long, there twice, begins or ends with a blank, or can't be printed."""
    for number, label in enumerate(labels, start=1):
        if problem := _find_problem(label, labels[: number - 1]):
            raise UserError(f"{source}: label {number} {problem}")


def _find_problem(label: str, before: Sequence[str]) -> str:
    """Returns what is wrong with a label; "" where nothing is."""
    if not label:
        return "is empty"
    if len(label) > LONGEST_LABEL:
        return f"has {len(label):,} characters, at most {LONGEST_LABEL} are allowed"
    if not label.isprintable():
        return f"has a character that can't be printed: {label!a}"
    if label != label.strip():
        return f"begins or ends with a blank: {label!r}"
    return f"is there twice: {label!r}" if label in before else ""


def _make_preset(**classes: tuple[str, ...]) -> ClassSet:
    return _complete([EmotionClass(name, emotions) for name, emotions in classes.items()], "preset")


def _make_four() -> ClassSet:
    """Returns the original notebook's classes: 40 % of sad and of angry dropped, fear and disgust in none."""
    classes = [
        EmotionClass("neutral", ("neutral", "calm"), led="blue"),
        EmotionClass("happy", ("happy",), led="green"),
        EmotionClass("surprise", ("surprised",), led="yellow"),
        EmotionClass("unpleasant", ("sad", "angry"), keep=0.6, led="red"),
    ]
    return _complete(classes, "four")


# Valence and arousal are those of Schuller et al. 2010, "Cross-corpus acoustic emotion recognition", IEEE Transactions on
# Affective Computing 1(2), table 3.
PRESETS = {
    "four": _make_four(),
    "ravdess8": _make_preset(**{emotion: (emotion,) for emotion in KNOWN_EMOTIONS if emotion != "bored"}),
    "valence": _make_preset(
        negative=("angry", "bored", "disgust", "fearful", "sad"), positive=("happy", "neutral", "calm", "surprised")
    ),
    "arousal": _make_preset(
        low=("bored", "disgust", "neutral", "calm", "sad"), high=("angry", "fearful", "happy", "surprised")
    ),
}
