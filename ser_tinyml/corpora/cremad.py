"""CREMA-D: `AudioWAV/1001_DFA_ANG_XX.wav`: speaker, sentence, emotion, level."""

from pathlib import PurePosixPath

from ser_tinyml.corpora.corpus import BrokenRule, Corpus, FoldRule, Utterance

_EMOTIONS = {"ANG": "angry", "DIS": "disgust", "FEA": "fearful", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
_FEMALE = (
    *(1002, 1003, 1004, 1006, 1007, 1008, 1009, 1010, 1012, 1013, 1018, 1020, 1021, 1024, 1025, 1028, 1029, 1030, 1037),
    *(1043, 1046, 1047, 1049, 1052, 1053, 1054, 1055, 1056, 1058, 1060, 1061, 1063, 1072, 1073, 1074, 1075, 1076, 1078),
    *(1079, 1082, 1084, 1089, 1091),
)
_SPEAKERS = {f"{number}": "female" if number in _FEMALE else "male" for number in range(1001, 1092)}
_LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "", "X": ""}  # one published name ends in X


def _parse_name(relative_path: str) -> Utterance:
    """Reads speaker and emotion from a recording's path below the corpus's directory.

    Raises:
      BrokenRule: the name is not CREMA-D's.
    """
    fields = PurePosixPath(relative_path).stem.upper().split("_")
    if len(fields) != 4:
        raise BrokenRule(f"a CREMA-D name has 4 fields joined by '_', like 1001_DFA_ANG_XX; found {len(fields)}")
    speaker, _, code, level = fields
    if speaker not in _SPEAKERS:
        raise BrokenRule(f"a CREMA-D speaker is 1001 to 1091; found {speaker!r}")
    if code not in _EMOTIONS:
        raise BrokenRule(f"a CREMA-D emotion is one of {', '.join(_EMOTIONS)}; found {code!r}")
    if level not in _LEVELS:
        raise BrokenRule(f"a CREMA-D level is one of {', '.join([*_LEVELS][:-1])}; found {level!r}")
    return Utterance(speaker=speaker, emotion=_EMOTIONS[code], intensity=_LEVELS[level])


CORPUS = Corpus(
    name="cremad",
    title="CREMA-D",
    language="English",
    emotions=_EMOTIONS,
    speakers=_SPEAKERS,
    folds=FoldRule.GROUPS,
    parse_name=_parse_name,
    licence="ODbL 1.0",
    non_commercial=False,
    citation="Cao et al. 2014, doi:10.1109/TAFFC.2014.2336244",
    page="https://github.com/CheyneyComputerScience/CREMA-D",
)
