"""BanglaSER: `03-01-04-02-03-01-15.wav`.

Seven two-digit fields: mode (03: audio; two published names say 01), statement type, emotion, intensity, statement, repetition,
actor.
"""

from pathlib import PurePosixPath

from ser_tinyml.corpora.corpus import BrokenRule, Corpus, FoldRule, Utterance

# The order is not RAVDESS's; the published counts agree with it: 306 recordings of each, 243 of neutral.
_EMOTIONS = {"01": "happy", "02": "sad", "03": "angry", "04": "surprised", "05": "neutral"}
_SPEAKERS = {f"{actor:02}": "male" if actor % 2 else "female" for actor in range(1, 35)}

_INTENSITIES = {"01": "normal", "02": "strong"}

_FIELDS = {
    "mode": ("01", "03"),
    "statement type": ("01",),
    "emotion": tuple(_EMOTIONS),
    "intensity": tuple(_INTENSITIES),
    "statement": ("01", "02", "03"),
    "repetition": ("01", "02", "03"),
    "actor": tuple(_SPEAKERS),
}


def _parse_name(relative_path: str) -> Utterance:
    """Reads speaker and emotion from a recording's path below the corpus's directory.

    Raises:
      BrokenRule: the name is not BanglaSER's.
    """
    values = PurePosixPath(relative_path).stem.split("-")
    if len(values) != len(_FIELDS):
        raise BrokenRule(f"a BanglaSER name has 7 fields joined by '-', like 03-01-04-02-03-01-15; found {len(values)}")
    for (field, allowed), value in zip(_FIELDS.items(), values, strict=True):
        if value not in allowed:
            expected = allowed[0] if len(allowed) == 1 else f"one of {', '.join(allowed)}"
            raise BrokenRule(f"BanglaSER {field} is {expected}; found {value!r}")
    return Utterance(speaker=values[6], emotion=_EMOTIONS[values[2]], intensity=_INTENSITIES[values[3]])


CORPUS = Corpus(
    name="banglaser",
    title="BanglaSER",
    language="Bengali",
    emotions=_EMOTIONS,
    speakers=_SPEAKERS,
    folds=FoldRule.GROUPS,
    parse_name=_parse_name,
    licence="see its publisher",
    non_commercial=True,
    citation="Das et al. 2022, BanglaSER, Data in Brief 42",
    page="https://data.mendeley.com/datasets/t9h6p943xy",
)
