"""EmoDB: `wav/03a01Fa.wav`: speaker, text, the emotion's letter in German, version."""

import re
from pathlib import PurePosixPath

from ser_tinyml.corpora.corpus import BrokenRule, Corpus, FoldRule, Utterance

_EMOTIONS = {
    "W": "angry",
    "L": "bored",
    "E": "disgust",
    "A": "fearful",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}
_MALE = ("03", "10", "11", "12", "15")
_SPEAKERS = {
    speaker: "male" if speaker in _MALE else "female"
    for speaker in ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16")
}


def _parse_name(relative_path: str) -> Utterance:
    """Reads speaker and emotion from a recording's path below the corpus's directory.

    Raises:
      BrokenRule: the name is not EmoDB's.
    """
    match = re.fullmatch(r"(\d\d)([ab]\d\d)([A-Z])([a-z]?)", PurePosixPath(relative_path).stem, re.ASCII)
    if match is None:
        raise BrokenRule("an EmoDB name is speaker, text, emotion and version, like 03a01Fa")
    if match[1] not in _SPEAKERS:
        raise BrokenRule(f"an EmoDB speaker is one of {', '.join(_SPEAKERS)}; found {match[1]!r}")
    if match[3] not in _EMOTIONS:
        raise BrokenRule(f"an EmoDB emotion is one of {', '.join(_EMOTIONS)}; found {match[3]!r}")
    return Utterance(speaker=match[1], emotion=_EMOTIONS[match[3]])


CORPUS = Corpus(
    name="emodb",
    title="EmoDB",
    language="German",
    emotions=_EMOTIONS,
    speakers=_SPEAKERS,
    folds=FoldRule.GROUPS,
    parse_name=_parse_name,
    licence="free to use; asks for citation",
    non_commercial=False,
    citation="Burkhardt et al. 2005, A database of German emotional speech, Interspeech",
    page="http://emodb.bilderbar.info",
)
