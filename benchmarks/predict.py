"""How fast `predict` is with the generated engine, on one core; against TFLite's interpreter with librosa on the same windows.

`python benchmarks/predict.py [--root=build/demo]` takes a run and the recordings that it holds out, as they are on the disk.
The engine's time is of all that the command does with a recording: decoding, resampling, finding speech, features, engine and
vote. The other way decodes and computes MFCCs with librosa, and runs the int8 file on the windows that were found: it need not
find them. Where the two do not give one class for a recording, the benchmark ends with an error. The last lines are
`real_time: X`, how many times faster than real time the engine is, and `ratio: Y`, how many times faster than the other way.
"""

import argparse
import os
import sys
import time

import librosa
import numpy as np

import ser_tinyml
from ser_tinyml.audio.clip import to_pcm
from ser_tinyml.audio.standardise import standardise
from ser_tinyml.audio.windows import cut_window
from ser_tinyml.prediction.model import Prediction
from ser_tinyml.runtimes.golden import reference_features
from ser_tinyml.runtimes.tflite import TFLite
from ser_tinyml.store import files
from ser_tinyml.store.finished_model import find_model
from ser_tinyml.store.manifest import read_manifest

_TIE = 0.02  # of probabilities: TFLite's kernels round otherwise, and a feature of librosa's may be a step off


def main() -> None:
    """Times both ways on every held-out recording, in turns, and prints the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default="build/demo", help="pipeline root of a finished run")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if len(cores := os.sched_getaffinity(0)) > 1:  # the libraries have counted them: begin again with one
        os.sched_setaffinity(0, {min(cores)})
        os.execv(sys.executable, [sys.executable, *sys.argv])
    if not files.exists(files.join(arguments.root, "export", "export.json")):
        sys.exit(f"error: {arguments.root} holds no finished run: `make demo` leaves one in build/demo")
    rows = read_manifest(files.join(arguments.root, "manifest", "manifest.jsonl"))
    paths = [row.path for row in rows if row.split == "test"]
    model, reference = ser_tinyml.load(arguments.root, "engine"), Reference(arguments.root)
    recordings = [model.predict_file(path) for path in paths]
    heard, windows = sum(r.seconds for r in recordings), sum(len(r.window_starts) for r in recordings)
    ours, theirs = [], []
    for _ in range(arguments.rounds):
        begin = time.perf_counter()
        predicted = [model.predict_file(path) for path in paths]
        middle = time.perf_counter()
        expected = [reference.predict(path, found) for path, found in zip(paths, recordings, strict=True)]
        ours.append(middle - begin)
        theirs.append(time.perf_counter() - middle)
        for each in zip(paths, predicted, expected, strict=True):
            require_one_class(*each)
    print(
        f"{len(paths)} recordings of {heard:.0f} s, {windows} windows, on one core, best of {arguments.rounds} rounds"
    )
    print(f"engine: {min(ours):.2f} s, librosa and TFLite's int8: {min(theirs):.2f} s")
    print(f"real_time: {heard / min(ours):.0f}")
    print(f"ratio: {min(theirs) / min(ours):.2f}")


class Reference:
    """librosa and TFLite's interpreter, with the same model and windows."""

    def __init__(self, root: str):
        found = find_model(root)
        assert found.exported
        self._exported = found.exported
        self._model = TFLite(found.read_tflite("int8"))

    def predict(self, path: str, found: Prediction) -> np.ndarray:
        """Returns the probabilities [classes] of a recording by the vote of the windows that were found."""
        front_end = self._exported.front_end
        samples, _ = librosa.load(path, sr=front_end.sample_rate, res_type="soxr_hq")
        starts = np.rint(found.window_starts * front_end.sample_rate).astype(int)
        windows = [cut_window(samples, start, front_end.window_samples) for start in starts]
        pcm = [to_pcm(window, front_end.window_samples) for window in windows]
        features = np.stack([reference_features(window, front_end) for window in pcm])
        return self._model.run(standardise(features, self._exported.standardisation)).mean(axis=0)


def require_one_class(path: str, predicted: Prediction, expected: np.ndarray) -> None:
    """Ends the program where two ways give two classes that are no tie."""
    ours = predicted.labels.index(predicted.label) if predicted.label else -1
    if expected.max() - expected[ours] > _TIE:
        sys.exit(f"error: different work: {path} is {predicted.label} by the engine, {expected} by librosa and TFLite")


if __name__ == "__main__":
    main()
