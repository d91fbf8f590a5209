"""The preprocessing loop of the original notebook, with librosa in one process: what `benchmarks/transform.py` compares with.

`python benchmarks/notebook_loop.py MANIFEST OUTPUT.npz` writes `mfcc` (float32 [2 * clips, 47, 13]) and `label`.
"""

import json
import pathlib
import sys

import librosa
import numpy as np

LOAD_RATE, SAMPLE_RATE = 22_050, 16_000  # Hz
START, END = 0.4, 1.9  # s
FRAMES = 47


def extract_features(samples: np.ndarray) -> np.ndarray:
    """MFCCs [frames, 13] with zero frames in front up to 47."""
    mfcc = librosa.feature.mfcc(y=samples, sr=SAMPLE_RATE, n_mfcc=13, n_fft=2048, hop_length=512).T
    return np.pad(mfcc, ((FRAMES - len(mfcc), 0), (0, 0)))


def add_noise(samples: np.ndarray) -> np.ndarray:
    """White noise of a random amplitude."""
    amplitude = 0.5 * np.random.uniform() * np.amax(samples)
    return samples + amplitude * np.random.normal(size=len(samples))


def process(path: str) -> list[np.ndarray]:
    """The features of a clip's two copies: with noise, and that one stretched and at another pitch."""
    samples, rate = librosa.load(path, sr=LOAD_RATE)
    samples = samples[int(START * rate) : int(END * rate)]
    noisy = add_noise(librosa.resample(samples, orig_sr=rate, target_sr=SAMPLE_RATE))
    stretched = librosa.effects.time_stretch(noisy, rate=0.8)[: int(SAMPLE_RATE * (END - START))]
    shifted = librosa.effects.pitch_shift(stretched, sr=SAMPLE_RATE, n_steps=0.7)
    return [extract_features(noisy), extract_features(shifted)]


def main(manifest: str, output: str) -> None:
    """Processes every clip of a manifest."""
    rows = [json.loads(line) for line in pathlib.Path(manifest).read_text().splitlines()]
    features, labels = [], []
    for row in rows:
        for mfcc in process(row["path"]):
            features.append(mfcc)
            labels.append(row["label"])
    np.savez(output, mfcc=np.array(features, np.float32), label=np.array(labels))


if __name__ == "__main__":
    main(*sys.argv[1:])
