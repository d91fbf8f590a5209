"""RAVDESS: `Actor_12/03-01-06-01-02-01-12.wav`.

Seven two-digit fields: modality (03: audio only), vocal channel (01 speech, 02 song), emotion, intensity, statement,
repetition, actor.
"""

from pathlib import PurePosixPath

from ser_tinyml.corpora.corpus import BrokenRule, Corpus, FoldRule, NotSpeech, Utterance

_EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
_INTENSITIES = {"01": "normal", "02": "strong"}
_SPEAKERS = {f"{actor:02}": "male" if actor % 2 else "female" for actor in range(1, 25)}

_FIELDS = ("modality", "vocal channel", "emotion", "intensity", "statement", "repetition", "actor")
_ALLOWED = (("03",), ("01", "02"), tuple(_EMOTIONS), tuple(_INTENSITIES), ("01", "02"), ("01", "02"), tuple(_SPEAKERS))


def _parse_name(relative_path: str) -> Utterance:
    """Reads speaker and emotion from a recording's path below the corpus's directory.

    Raises:
      BrokenRule: the name is not RAVDESS's.
      NotSpeech: it is a song.
    """
    fields = PurePosixPath(relative_path).stem.split("-")
    if len(fields) != len(_FIELDS):
        raise BrokenRule(f"a RAVDESS name has 7 fields joined by '-', like 03-01-06-01-02-01-12; found {len(fields)}")
    for field, value, allowed in zip(_FIELDS, fields, _ALLOWED, strict=True):
        if value not in allowed:
            expected = allowed[0] if len(allowed) == 1 else f"{allowed[0]} to {allowed[-1]}"
            raise BrokenRule(f"RAVDESS {field} is {expected}; found {value!r}")
    if fields[2] == "01" and fields[3] == "02":
        raise BrokenRule("RAVDESS has no strong intensity (02) of the neutral emotion (01)")
    if fields[1] == "02":
        raise NotSpeech("vocal channel 02 is song")
    return Utterance(speaker=fields[6], emotion=_EMOTIONS[fields[2]], intensity=_INTENSITIES[fields[3]])


CORPUS = Corpus(
    name="ravdess",
    title="RAVDESS",
    language="English",
    emotions=_EMOTIONS,
    speakers=_SPEAKERS,
    folds=FoldRule.GROUPS,
    parse_name=_parse_name,
    licence="CC BY-NC-SA 4.0",
    non_commercial=True,
    citation="Livingstone & Russo 2018, doi:10.1371/journal.pone.0196391",
    page="https://doi.org/10.5281/zenodo.1188976",
)
