"""SAVEE, flat `ALL/DC_a01.wav` or by speaker `DC/a01.wav`: emotion code, then two digits."""

import re
from pathlib import PurePosixPath

from ser_tinyml.corpora.corpus import BrokenRule, Corpus, FoldRule, Utterance

_EMOTIONS = {
    "n": "neutral",
    "h": "happy",
    "sa": "sad",
    "a": "angry",
    "f": "fearful",
    "d": "disgust",
    "su": "surprised",
}
_SPEAKERS = dict.fromkeys(("DC", "JE", "JK", "KL"), "male")


def _parse_name(relative_path: str) -> Utterance:
    """Reads speaker and emotion from a recording's path below the corpus's directory.

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
    if speaker not in _SPEAKERS:
        raise BrokenRule(f"a SAVEE speaker is DC, JE, JK or KL, before the name or as its folder; found {speaker!r}")
    if folder in _SPEAKERS and folder != speaker:
        raise BrokenRule(f"a SAVEE name agrees with its folder's; found {path.stem!r} in {path.parent.name!r}")
    if code not in _EMOTIONS:
        raise BrokenRule(f"a SAVEE emotion is one of {', '.join(_EMOTIONS)}; found {code!r}")
    return Utterance(speaker=speaker, emotion=_EMOTIONS[code])


CORPUS = Corpus(
    name="savee",
    title="SAVEE",
    language="English",
    emotions=_EMOTIONS,
    speakers=_SPEAKERS,
    folds=FoldRule.ONE_BY_ONE,
    parse_name=_parse_name,
    licence="on request to its authors, for research",
    non_commercial=True,
    citation="Haq & Jackson 2009, Speaker-dependent audio-visual emotion recognition, AVSP",
    page="http://kahlan.eps.surrey.ac.uk/savee/",
)
