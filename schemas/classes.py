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

SPLITS = ("train", "validation", "test")
