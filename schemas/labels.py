"""The four classes, and how the emotions of each corpus map onto them."""

LABELS = ("neutral", "happy", "surprise", "unpleasant")

# Every emotion that a corpus may name, and its class. None: a known emotion which is not in use.
LABEL_OF_EMOTION: dict[str, str | None] = {
    "neutral": "neutral",
    "calm": "neutral",
    "happy": "happy",
    "surprised": "surprise",
    "sad": "unpleasant",
    "angry": "unpleasant",
    "fearful": None,
    "disgust": None,
}

EMOTION_OF_CODE: dict[str, dict[str, str]] = {
    "ravdess": {
        "01": "neutral",
        "02": "calm",
        "03": "happy",
        "04": "sad",
        "05": "angry",
        "06": "fearful",
        "07": "disgust",
        "08": "surprised",
    },
    "tess": {
        "neutral": "neutral",
        "happy": "happy",
        "sad": "sad",
        "angry": "angry",
        "fear": "fearful",
        "disgust": "disgust",
        "ps": "surprised",
        "pleasant_surprise": "surprised",
        "pleasant_surprised": "surprised",
    },
    "savee": {
        "n": "neutral",
        "h": "happy",
        "sa": "sad",
        "a": "angry",
        "f": "fearful",
        "d": "disgust",
        "su": "surprised",
    },
}

CORPORA = tuple(EMOTION_OF_CODE)
SPLITS = ("train", "validation", "test")
