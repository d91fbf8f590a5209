"""What is wrong with a dataset as a whole, by its statistics and the schema of its records."""

import itertools
from collections.abc import Iterator

from tensorflow_metadata.proto.v0 import schema_pb2

from schemas.classes import LABELS, SPLITS
from ser_tinyml.store.records import load_schema


def find_anomalies(splits: dict[str, dict], speakers_apart: bool) -> list[str]:
    """What is out of order, a line each.

    Args:
      splits: of statistics.json.
      speakers_apart: whether a speaker in two splits is one.
    """
    schema = {feature.name: feature for feature in load_schema().feature}
    return [
        *_missing_classes(splits),
        *_foreign_values(splits, schema),
        *_coefficients_off_range(splits, schema["mfcc"].struct_domain.feature[0].float_domain),
        *_constant_coefficients(splits["train"]),
        *(_shared_speakers(splits) if speakers_apart else ()),
    ]


def _missing_classes(splits: dict) -> Iterator[str]:
    for name in SPLITS:
        if not splits[name]["examples"]:
            yield f"{name} has no examples"
        elif missing := [label for label in LABELS if not splits[name]["labels"][label]]:
            yield f"{name} has no example of the class {', '.join(missing)}"


def _foreign_values(splits: dict, schema: dict[str, schema_pb2.Feature]) -> Iterator[str]:
    for split, (counter, feature) in itertools.product(splits, (("corpora", "corpus"), ("emotions", "emotion"))):
        domain = schema[feature].string_domain.value
        for value in sorted(set(splits[split][counter]) - set(domain)):
            yield f"{feature} {value!r} is in {split}, the schema knows {', '.join(domain)}"


def _coefficients_off_range(splits: dict, domain: schema_pb2.FloatDomain) -> Iterator[str]:
    for name, split in splits.items():
        if "mfcc" not in split:
            continue
        for i, (low, high) in enumerate(zip(split["mfcc"]["minimum"], split["mfcc"]["maximum"], strict=True)):
            if not (domain.min <= low and high <= domain.max):
                yield (
                    f"MFCC {i} goes from {low:.1f} to {high:.1f} in {name}, "
                    f"the schema allows {domain.min:.0f} to {domain.max:.0f}"
                )


def _constant_coefficients(train: dict) -> Iterator[str]:
    for i, deviation in enumerate(train.get("mfcc", {"deviation": []})["deviation"]):
        if deviation < 1e-6:
            yield f"MFCC {i} is the same in every training frame: it can't be standardised"


def _shared_speakers(splits: dict) -> Iterator[str]:
    for first, second in itertools.combinations(SPLITS, 2):
        if shared := sorted(set(splits[first]["speakers"]) & set(splits[second]["speakers"])):
            named = ", ".join(shared[:5]) + (f" and {len(shared) - 5} more" if len(shared) > 5 else "")
            yield f"{first} and {second} share {named}: their speakers must differ (--split=speaker)"
