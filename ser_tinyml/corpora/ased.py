"""ASED: `04Sad/s4-01-02-01-35.wav`: the emotion's letter and folder number, sentence, repetition, sex, speaker."""

import re
from pathlib import PurePosixPath

from ser_tinyml.corpora.corpus import BrokenRule, Corpus, FoldRule, Utterance

_EMOTIONS = {"n1": "neutral", "f2": "fearful", "h3": "happy", "s4": "sad", "a5": "angry"}
_FEMALE = (1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 43, 47, 48, 49, 58, 62)
_SPEAKERS = {f"{number:02}": "female" if number in _FEMALE else "male" for number in range(1, 66)}
_SEX_OF_CODE = {"01": "female", "02": "male"}


def _parse_name(relative_path: str) -> Utterance:
    """Reads speaker and emotion from a recording's path below the corpus's directory.

    Raises:
      BrokenRule: the name is not ASED's, or contradicts itself.
    """
    stem = PurePosixPath(relative_path).stem
    match = re.fullmatch(r"([a-z]\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)", stem.lower(), re.ASCII)
    if match is None:
        raise BrokenRule("an ASED name is emotion, sentence, repetition, sex and speaker, like s4-01-02-01-35")
    code, speaker = match[1], match[5]
    if code not in _EMOTIONS:
        raise BrokenRule(f"an ASED emotion is one of {', '.join(_EMOTIONS)}; found {code!r}")
    if speaker not in _SPEAKERS:
        raise BrokenRule(f"an ASED speaker is 01 to 65; found {speaker!r}")
    if _SEX_OF_CODE.get(match[4]) != _SPEAKERS[speaker]:
        raise BrokenRule(f"ASED's speaker {speaker} is {_SPEAKERS[speaker]}; found sex {match[4]!r}")
    return Utterance(speaker=speaker, emotion=_EMOTIONS[code])


CORPUS = Corpus(
    name="ased",
    title="ASED",
    language="Amharic",
    emotions=_EMOTIONS,
    speakers=_SPEAKERS,
    folds=FoldRule.GROUPS,
    parse_name=_parse_name,
    licence="none stated; asks for citation",
    non_commercial=True,
    citation="Retta et al. 2022, doi:10.1145/3529759",
    page="https://github.com/wgwangang/ASED_V1",
)
