"""The four classes, how the emotions of each corpus map onto them, and what the classes of other models may be called."""

from schemas.errors import UserError

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

LONGEST_LABEL = 64  # characters


def parse_labels(flag: str, text: str) -> tuple[str, ...]:
    """Returns the labels that a flag lists, with commas between them.

    Raises:
      UserError: a label is empty, too long, there twice, begins or ends with a blank, or has a character that is not printed.
    """
    labels = tuple(text.split(","))
    for number, label in enumerate(labels, start=1):
        if problem := _find_problem(label, labels[: number - 1]):
            raise UserError(f"--{flag}: label {number} {problem}")
    return labels


def _find_problem(label: str, before: tuple[str, ...]) -> str:
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
