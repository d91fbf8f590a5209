"""What is wrong with a dataset as a whole, by its statistics."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

from schemas.classes import SPLITS


def find_anomalies(
    statistics: dict,
    in_manifest: Mapping[str, set[str]],
    *,
    speakers_apart: bool,
    used: Sequence[str] = SPLITS,
) -> list[str]:
    """Lists what is out of order, a line each.

    Args:
      statistics: the content of statistics.json.
      in_manifest: the classes that clips of each split are of, where the manifest says the split.
      speakers_apart: whether a speaker in two splits is an anomaly.
      used: the splits that must have examples.
    """
    splits = {name: statistics["splits"][name] for name in used}
    return [
        *(f"{violation} ({count} records)" for violation, count in statistics["violations"].items()),
        *_missing_classes(splits, in_manifest),
        *(_constant_coefficients(splits["train"]) if "train" in used else ()),
        *(_shared_speakers(splits) if speakers_apart else ()),
    ]


def _missing_classes(splits: dict, in_manifest: Mapping[str, set[str]]) -> Iterator[str]:
    for name, split in splits.items():
        if not split["examples"]:
            yield f"{name} has no examples"
            continue
        counts = split["labels"]
        if missing := [label for label in counts if not counts[label] and label in in_manifest.get(name, counts)]:
            yield f"{name} has no example of the class {', '.join(missing)}"


def _constant_coefficients(train: dict) -> Iterator[str]:
    for i, deviation in enumerate(train.get("features", {"deviation": []})["deviation"]):
        if deviation < 1e-6:
            yield f"feature {i} is the same in every training frame: it can't be standardised"


def _shared_speakers(splits: dict) -> Iterator[str]:
    for first, second in itertools.combinations(SPLITS, 2):
        if shared := sorted(set(splits[first]["speakers"]) & set(splits[second]["speakers"])):
            named = ", ".join(shared[:5]) + (f" and {len(shared) - 5} more" if len(shared) > 5 else "")
            yield f"{first} and {second} share {named}: their speakers must differ (--split=speaker)"
