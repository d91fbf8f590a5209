"""nEMO: `samples/EB0_anger_1.wav`: speaker, emotion, sentence."""

from pathlib import PurePosixPath

from ser_tinyml.corpora.corpus import BrokenRule, Corpus, FoldRule, Utterance

_EMOTIONS = {
    "anger": "angry",
    "fear": "fearful",
    "happiness": "happy",
    "neutral": "neutral",
    "sadness": "sad",
    "surprised": "surprised",
}
_SPEAKERS = {
    **dict.fromkeys(("EB0", "IC0", "KD0", "MK0"), "female"),
    **dict.fromkeys(("KS0", "MP0", "SM0", "TP0", "WR0"), "male"),
}


def _parse_name(relative_path: str) -> Utterance:
    """Reads speaker and emotion from a recording's path below the corpus's directory.

    Raises:
      BrokenRule: the name is not nEMO's.
    """
    fields = PurePosixPath(relative_path).stem.split("_")
    if len(fields) != 3 or not (fields[2].isascii() and fields[2].isdecimal()):
        raise BrokenRule("a nEMO name is speaker, emotion and sentence, like EB0_anger_1")
    speaker, code, _ = fields
    if speaker not in _SPEAKERS:
        raise BrokenRule(f"a nEMO speaker is one of {', '.join(_SPEAKERS)}; found {speaker!r}")
    if code not in _EMOTIONS:
        raise BrokenRule(f"a nEMO emotion is one of {', '.join(_EMOTIONS)}; found {code!r}")
    return Utterance(speaker=speaker, emotion=_EMOTIONS[code])


CORPUS = Corpus(
    name="nemo",
    title="nEMO",
    language="Polish",
    emotions=_EMOTIONS,
    speakers=_SPEAKERS,
    folds=FoldRule.GROUPS,
    parse_name=_parse_name,
    licence="CC BY-NC-SA 4.0",
    non_commercial=True,
    citation="Christop 2024, nEMO, LREC-COLING 2024, main 1059",
    page="https://huggingface.co/datasets/amu-cai/nEMO",
)
