"""TESS: `OAF_Pleasant_surprise/OAF_back_ps.wav`: speaker, word, emotion.

The file's name decides. Its folder, where it names an emotion, may only agree. One published file is named `OA_bite_neutral`.
"""

from pathlib import PurePosixPath

from ser_tinyml.corpora.corpus import BrokenRule, Corpus, FoldRule, Utterance

_EMOTIONS = {
    "neutral": "neutral",
    "happy": "happy",
    "sad": "sad",
    "angry": "angry",
    "fear": "fearful",
    "disgust": "disgust",
    "ps": "surprised",
    "pleasant_surprise": "surprised",
    "pleasant_surprised": "surprised",
}
_SPEAKER_OF_PREFIX = {"OAF": "OAF", "YAF": "YAF", "OA": "OAF"}


def _parse_name(relative_path: str) -> Utterance:
    """Reads speaker and emotion from a recording's path below the corpus's directory.

    Raises:
      BrokenRule: the name is not TESS's, or disagrees with its folder's.
    """
    path = PurePosixPath(relative_path)
    prefix, _, rest = path.stem.partition("_")
    word, _, code = rest.partition("_")
    if not word or not code:
        raise BrokenRule("a TESS name is SPEAKER_word_emotion, like OAF_back_angry")
    speaker = _SPEAKER_OF_PREFIX.get(prefix.upper())
    if speaker is None:
        raise BrokenRule(f"a TESS speaker is OAF or YAF; found {prefix!r}")
    emotion = _EMOTIONS.get(code.lower())
    if emotion is None:
        raise BrokenRule(f"a TESS emotion is one of {', '.join(_EMOTIONS)}; found {code!r}")
    folder_speaker, _, folder_code = path.parent.name.partition("_")
    folder = _SPEAKER_OF_PREFIX.get(folder_speaker.upper()), _EMOTIONS.get(folder_code.lower())
    if None not in folder and folder != (speaker, emotion):
        raise BrokenRule(f"a TESS name agrees with its folder's; found {path.stem!r} in {path.parent.name!r}")
    return Utterance(speaker=speaker, emotion=emotion)


CORPUS = Corpus(
    name="tess",
    title="TESS",
    language="English",
    emotions=_EMOTIONS,
    speakers={"OAF": "female", "YAF": "female"},
    folds=FoldRule.NEVER,
    parse_name=_parse_name,
    licence="CC BY-NC-ND 4.0",
    non_commercial=True,
    citation="Pichora-Fuller & Dupuis 2020, doi:10.5683/SP2/E8H2MF",
    page="https://doi.org/10.5683/SP2/E8H2MF",
)
