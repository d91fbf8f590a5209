"""SAVEE (Haq & Jackson 2009), flat `ALL/DC_a01.wav` or by speaker `DC/a01.wav`: emotion code, then two digits."""

import re
from pathlib import PurePosixPath

from components.corpora.clip import BrokenRule, Utterance
from schemas.labels import EMOTION_OF_CODE

SPEAKERS = dict.fromkeys(("DC", "JE", "JK", "KL"), "male")

_EMOTIONS = EMOTION_OF_CODE["savee"]


def parse_name(relative_path: str) -> Utterance:
    """Speaker and emotion of a recording, from its path below the corpus's directory.

    Raises:
      BrokenRule: the name is not SAVEE's, or its prefix disagrees with its folder.
    """
    path = PurePosixPath(relative_path)
    match = re.fullmatch(r"(?:([A-Za-z]+)_)?([A-Za-z]+)(\d+)", path.stem)
    if match is None or len(match[3]) != 2:
        raise BrokenRule("a SAVEE name is an emotion and two digits, like DC_sa01 or DC/sa01")
    prefix, code = (match[1] or "").upper(), match[2].lower()
    folder = path.parent.name.upper()
    speaker = prefix or folder
    if speaker not in SPEAKERS:
        raise BrokenRule(f"a SAVEE speaker is DC, JE, JK or KL, before the name or as its folder; found {speaker!r}")
    if folder in SPEAKERS and folder != speaker:
        raise BrokenRule(f"a SAVEE name agrees with its folder's; found {path.stem!r} in {path.parent.name!r}")
    if code not in _EMOTIONS:
        raise BrokenRule(f"a SAVEE emotion is one of {', '.join(_EMOTIONS)}; found {code!r}")
    return Utterance(speaker=speaker, emotion=_EMOTIONS[code])
