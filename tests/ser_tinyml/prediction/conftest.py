"""What tests of predictions share: the demo's held-out recordings, and what its evaluator says of them."""

import dataclasses
import hashlib
import json
import pathlib

import numpy as np
import pytest

import ser_tinyml
from ser_tinyml.audio.decode import Crop, decode_window


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """A recording, and the evaluator's row."""

    path: str
    speaker: str
    order: bytes  # in which the evaluator hears the speaker's
    probabilities: dict[str, dict[str, float]]  # runtime -> class -> probability

    def decode(self) -> np.ndarray:
        """Returns its sound at 16 kHz, float32 [samples]."""
        return decode_window(self.path, Crop(0.0, 10.0), 16_000).samples


@pytest.fixture(scope="package")
def held_out(demo_root: pathlib.Path) -> list[HeldOut]:
    """The demo's held-out recordings."""
    rows, manifest = (
        [json.loads(line) for line in (demo_root / name).read_text().splitlines()]
        for name in ("evaluation/predictions.jsonl", "manifest/manifest.jsonl")
    )
    path_of_clip = {row["clip_id"]: row["path"] for row in manifest}
    return [
        HeldOut(
            path=path_of_clip[row["clip_id"]],
            speaker=row["speaker"],
            order=hashlib.sha256(f"{row['clip_id']} 0".encode()).digest(),
            probabilities=row["probabilities"],
        )
        for row in rows
        if row["copy"] == 0
    ]


@pytest.fixture(scope="package")
def model(demo_root: pathlib.Path):
    """The demo's model on the generated C."""
    return ser_tinyml.load(str(demo_root), "engine")
