"""Hundreds of damaged and odd files through the whole job: each is decoded or quarantined with its reason, none is lost."""

import collections
import json
import pathlib

import numpy as np
import pytest
import soundfile

from components.transform import component
from schemas.manifest import ManifestRow
from ser_tinyml.store.dataset import read_split
from ser_tinyml.store.digests import sha256_of
from ser_tinyml.store.manifest import write_manifest

RATE = 16_000
CONTAINERS = {"WAV": "PCM_16", "WAVEX": "PCM_24", "RF64": "PCM_16", "AIFF": "PCM_16", "FLAC": "PCM_16", "AU": "FLOAT"}
DECODED = "decoded"
TRUNCATED = {"truncated_header", "truncated_data", "damaged_header", "not_audio", "empty_file", "wrong_sample_rate"}


def make_speech(rng: np.random.Generator, seconds: float = 2.5, rate: int = RATE) -> np.ndarray:
    time = np.arange(int(seconds * rate)) / rate
    return (0.1 * rng.standard_normal(len(time)) * (1 + np.sin(2 * np.pi * 4 * time)) / 2).astype(np.float32)


class Campaign:
    """Writes files below a folder, and remembers which outcomes are right for each."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self.expected: dict[str, set[str]] = {}
        self._rng = np.random.default_rng(20)

    def _add(self, kind: str, right: set[str]) -> pathlib.Path:
        path = self._folder / f"{len(self.expected):04}-{kind}.wav"
        self.expected[str(path)] = right
        return path

    def _audio(self, container: str = "WAV", seconds: float = 2.5, rate: int = RATE) -> bytes:
        path = self._folder / "scratch"
        soundfile.write(path, make_speech(self._rng, seconds, rate), rate, CONTAINERS[container], format=container)
        return path.read_bytes()

    def cut_everywhere(self) -> None:
        """Every container cut off: in its header, in its data."""
        for container in CONTAINERS:
            content = self._audio(container)
            for length in (0, 1, 3, 4, 8, 11, 12, 20, 28, 40, 44, 60, 100, 500, 5_000, 20_000, len(content) - 1):
                self._add(f"cut-{container}-{length}", TRUNCATED).write_bytes(content[:length])

    def flip_header_bytes(self) -> None:
        """Random bytes in the first 48: what is read may be anything, what comes out may not."""
        for container in CONTAINERS:
            content = self._audio(container)
            for _ in range(15):
                damaged = bytearray(content)
                for position in self._rng.integers(0, 48, self._rng.integers(1, 6)):
                    damaged[position] = self._rng.integers(256)
                self._add(f"flip-{container}", set()).write_bytes(damaged)

    def flip_data_bytes(self) -> None:
        """Damage behind the header: PCM can't know, FLAC's checksums do."""
        for container in CONTAINERS:
            content = self._audio(container)
            for _ in range(6):
                damaged = bytearray(content)
                for position in self._rng.integers(len(content) // 4, len(content) // 2, 30):
                    damaged[position] ^= 1 << self._rng.integers(5)
                right = {DECODED, "truncated_data", "damaged_data"} if container == "FLAC" else {DECODED}
                if container == "AU":  # 32-bit float: exponents may have become anything
                    right |= {"nan_samples", "infinite_samples", "clipped", "overflow"}
                self._add(f"damage-{container}", right).write_bytes(damaged)

    def write_noise(self) -> None:
        """Files that never were audio."""
        for length in (1, 2, 3, 5, 100, 1_000, 50_000):
            self._add(f"bytes-{length}", {"not_audio"}).write_bytes(b"\x01" + self._rng.bytes(length - 1))
        for text in ("RIFF, said the text file", "fLaC fan page", "FORM 1040", "OggS", "ID3 tags explained", "caff"):
            right = {"truncated_header", "damaged_header", "not_audio"}
            self._add("text", right).write_text(text)
        for head in (
            b"%PDF-1.7\n",
            b"\x89PNG\r\n\x1a\n",
            b"PK\x03\x04",
            b"\x7fELF",
            b"<!DOCTYPE html>",
            b"{}",
            b"\0" * 9,
        ):
            reason = "html_page" if b"html" in head.lower() else "not_audio"
            self._add("other", {reason}).write_bytes(head + self._rng.bytes(3_000))
        self._add("vanished", {"not_found"})
        self._add("folder", {"unreadable"}).mkdir()
        loop = self._add("loop", {"unreadable", "not_found"})
        loop.symlink_to(loop)

    def write_odd_samples(self) -> None:
        """Sound headers, samples that nobody said."""
        speech = make_speech(self._rng)
        for value, reason in ((np.nan, "nan_samples"), (np.inf, "infinite_samples"), (-np.inf, "infinite_samples")):
            for position in (0, RATE // 2, RATE, len(speech) - 1):
                samples = speech.copy()
                samples[position] = value
                # Before the crop, it counts where the whole recording is resampled first.
                right = {reason} if 0.4 * RATE <= position < 1.9 * RATE else {DECODED, reason}
                soundfile.write(self._add(reason, right), samples, RATE, "FLOAT", format="WAV")
        for scale, reason in ((0, "silent"), (100, "clipped"), (1e-3, DECODED), (1, DECODED)):
            for container in ("WAV", "AIFF", "FLAC"):
                samples = np.clip(speech * scale, -1, 1)
                soundfile.write(self._add(reason, {reason}), samples, RATE, "PCM_24", format=container)
        for seconds in (0, 0.001, 0.1, 0.39, 0.4, 0.41, 0.5, 0.52, 0.53, 1.0, 1.899, 1.9):
            reason = DECODED if seconds - 0.4 >= 2_048 / RATE else "too_short" if seconds else "no_sound"
            self._add(f"{seconds}s", {reason}).write_bytes(self._audio("WAV", seconds))
        for channels in (1, 2, 3, 6, 16):
            reason = DECODED if channels <= 2 else "wrong_channels"
            soundfile.write(self._add("channels", {reason}), np.stack([speech] * channels, axis=1), RATE)
        for rate in (1, 100, 3_999, 4_000, 8_000, 11_025, 22_050, 24_414, 44_100, 96_000, 192_000, 768_000, 1_000_000):
            reason = DECODED if 4_000 <= rate <= 768_000 else "wrong_sample_rate"
            self._add(f"{rate}Hz", {reason}).write_bytes(self._audio("WAV", 2.5, rate))
        for subtype in (
            "PCM_U8",
            "PCM_24",
            "PCM_32",
            "FLOAT",
            "DOUBLE",
            "ULAW",
            "ALAW",
            "IMA_ADPCM",
            "MS_ADPCM",
            "GSM610",
        ):
            soundfile.write(self._add(subtype, {DECODED}), speech, RATE, subtype, format="WAV")
        for container, subtype in (("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("CAF", "ALAC_16")):
            soundfile.write(self._add(container, {DECODED}), speech, RATE, subtype, format=container)
        for extra in (1, 2, 7, 1_000):
            self._add("trailing", {DECODED}).write_bytes(self._audio() + self._rng.bytes(extra))


REASONS = {
    *("not_found", "unreadable", "empty_file", "not_audio", "truncated_header", "damaged_header", "wrong_sample_rate"),
    *("wrong_channels", "truncated_data", "damaged_data", "too_short", "nan_samples", "infinite_samples", "clipped"),
    *("silent", "overflow", "no_sound"),
}


@pytest.mark.parametrize("load_rate", [0, 22_050])
def test_every_odd_file_is_decoded_or_quarantined_with_the_right_reason(
    tmp_path, write_speech, write_summary, load_rate
):
    campaign = Campaign(tmp_path)
    campaign.cut_everywhere()
    campaign.flip_header_bytes()
    campaign.flip_data_bytes()
    campaign.write_noise()
    campaign.write_odd_samples()
    ids = {path: sha256_of(path) if pathlib.Path(path).is_file() else path for path in campaign.expected}
    clip_ids = {path: clip_id for clip_id, path in {clip_id: path for path, clip_id in ids.items()}.items()}
    campaign.expected = {path: campaign.expected[path] for path in clip_ids}  # one of those with the same content
    assert len(campaign.expected) >= 300

    labels = {"calm": "neutral", "happy": "happy", "surprised": "surprise", "sad": "unpleasant"}
    rows = []
    for split in ("train", "validation", "test"):
        for emotion, label in labels.items():
            path = write_speech(f"{split}-{emotion}.wav")
            clip_id = sha256_of(str(path))
            rows.append(ManifestRow(clip_id, str(path), "ravdess", split, emotion, label, split, 2.5, RATE, False))
    rows += [
        ManifestRow(clip_id, path, "ravdess", "odd", "calm", "neutral", "train", 2.5, RATE, False)
        for path, clip_id in clip_ids.items()
    ]
    write_manifest(str(tmp_path / "manifest.jsonl"), rows)
    write_summary(tmp_path / "manifest.jsonl")
    crop = {"crop": ("0.4:1.9",), "windows": "crop"}
    parameters = component.Parameters(load_rate=load_rate, max_quarantine_fraction=1.0, augment=("none",), **crop)
    component.run(str(tmp_path / "out"), parameters, manifest=str(tmp_path / "manifest.jsonl"))

    quarantine = [json.loads(line) for line in (tmp_path / "out/quarantine.jsonl").read_text().splitlines()]
    outcome = {row["path"]: row["reason"] for row in quarantine}
    examples = [e for split in ("train", "validation", "test") for e in read_split(str(tmp_path / "out"), split)]
    assert all(np.isfinite(example.mfcc).all() for example in examples)
    decoded = {example.clip_id for example in examples}
    assert len(examples) == len(decoded) and len(outcome) == len(quarantine)
    assert len(decoded) + len(quarantine) == len(rows)
    statistics = json.loads((tmp_path / "out/statistics.json").read_text())
    assert statistics["decoded"] == len(decoded) and sum(statistics["quarantined"].values()) == len(quarantine)

    found = {path: outcome.get(path, DECODED) for path in campaign.expected}
    assert {clip_ids[path] for path, reason in found.items() if reason == DECODED} == decoded & set(clip_ids.values())
    wrong = {
        pathlib.Path(p).name: r for p, r in found.items() if r not in (campaign.expected[p] or REASONS | {DECODED})
    }
    assert not wrong
    print(len(found), dict(collections.Counter(found.values()).most_common()))
