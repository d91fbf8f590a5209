"""RAVDESS (Livingstone & Russo 2018): `Actor_12/03-01-06-01-02-01-12.wav`.

Seven two-digit fields: modality (03: audio only), vocal channel (01 speech, 02 song), emotion, intensity, statement,
repetition, actor.
"""

from pathlib import PurePosixPath

from components.corpora.clip import BrokenRule, NotSpeech, Utterance
from schemas.labels import EMOTION_OF_CODE

SPEAKERS = {f"{actor:02}": "male" if actor % 2 else "female" for actor in range(1, 25)}

_EMOTIONS = EMOTION_OF_CODE["ravdess"]
_FIELDS = ("modality", "vocal channel", "emotion", "intensity", "statement", "repetition", "actor")
_ALLOWED = (("03",), ("01", "02"), tuple(_EMOTIONS), ("01", "02"), ("01", "02"), ("01", "02"), tuple(SPEAKERS))


def parse_name(relative_path: str) -> Utterance:
    """Speaker and emotion of a recording, from its path below the corpus's directory.

    Raises:
      BrokenRule: the name is not RAVDESS's.
      NotSpeech: it is a song.
    """
    fields = PurePosixPath(relative_path).stem.split("-")
    if len(fields) != len(_FIELDS):
        raise BrokenRule(f"a RAVDESS name has 7 fields joined by '-', like 03-01-06-01-02-01-12; found {len(fields)}")
    for field, value, allowed in zip(_FIELDS, fields, _ALLOWED, strict=True):
        if value not in allowed:
            raise BrokenRule(f"RAVDESS {field} is {allowed[0]} to {allowed[-1]}; found {value!r}")
    if fields[2] == "01" and fields[3] == "02":
        raise BrokenRule("RAVDESS has no strong intensity (02) of the neutral emotion (01)")
    if fields[1] == "02":
        raise NotSpeech("vocal channel 02 is song")
    return Utterance(speaker=fields[6], emotion=_EMOTIONS[fields[2]])
