"""The preprocessing loop of the original notebook, with librosa in one process: what `benchmarks/transform.py` compares with.

`python benchmarks/notebook_loop.py MANIFEST OUTPUT.npz` writes a row a copy: `clip_id`, `copy`, `label`, and `mfcc`, float32
[47, 13]. The numbers here are the notebook's. One thing differs: its noise came from NumPy's unseeded generator; here it is
what the data job draws for the same clip, so that both sides make the same features.
"""

import hashlib
import json
import pathlib
import sys

import librosa
import numpy as np

LOAD_RATE, SAMPLE_RATE = 22_050, 16_000  # Hz
START, END = 0.4, 1.9  # s
FRAMES = 47
LABELS = ("neutral", "happy", "surprise", "unpleasant")


def extract_features(samples: np.ndarray) -> np.ndarray:
    """Returns MFCCs [frames, 13] with zero frames in front up to 47."""
    mfcc = librosa.feature.mfcc(y=samples, sr=SAMPLE_RATE, n_mfcc=13, n_fft=2048, hop_length=512).T
    return np.pad(mfcc, ((FRAMES - len(mfcc), 0), (0, 0)))


def add_noise(samples: np.ndarray, clip_id: str) -> np.ndarray:
    """Adds white noise of a random amplitude: that of the data job for a clip's copy 0."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(f"{clip_id}/0".encode()).digest(), "big"))
    amplitude = 0.5 * rng.uniform() * np.amax(samples)
    return samples + amplitude * rng.standard_normal(len(samples), np.float32).astype(np.float64)


def process(path: str, clip_id: str) -> list[np.ndarray]:
    """Returns the features of a clip's two copies: with noise, and that one stretched and at another pitch."""
    samples, rate = librosa.load(path, sr=LOAD_RATE)
    samples = samples[int(START * rate) : int(END * rate)]
    noisy = add_noise(librosa.resample(samples, orig_sr=rate, target_sr=SAMPLE_RATE), clip_id)
    stretched = librosa.effects.time_stretch(noisy, rate=0.8)[: int(SAMPLE_RATE * (END - START))]
    shifted = librosa.effects.pitch_shift(stretched, sr=SAMPLE_RATE, n_steps=0.7)
    return [extract_features(noisy), extract_features(shifted)]


def main(manifest: str, output: str) -> None:
    """Processes every clip of a manifest."""
    rows = [json.loads(line) for line in pathlib.Path(manifest).read_text().splitlines()]
    clip_ids, copies, labels, features = [], [], [], []
    for row in rows:
        for copy, mfcc in enumerate(process(row["path"], row["clip_id"])):
            clip_ids.append(row["clip_id"])
            copies.append(copy)
            labels.append(LABELS.index(row["label"]))
            features.append(mfcc)
    np.savez(output, clip_id=clip_ids, copy=copies, label=labels, mfcc=np.array(features, np.float32))


if __name__ == "__main__":
    main(*sys.argv[1:])
