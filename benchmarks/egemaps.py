"""What a researcher would use instead of this project: eGeMAPS functionals of the whole clip, and an SVM.

opensmile stays out of the project's environment, as its licence is for research: it is called in one of its own,
`python3 -m venv DIR && DIR/bin/pip install opensmile`.
"""

import pathlib
import subprocess
from collections.abc import Sequence

import numpy as np
import sklearn.calibration
import sklearn.frozen
import sklearn.metrics
import sklearn.pipeline
import sklearn.preprocessing
import sklearn.svm

from schemas.manifest import ManifestRow

_EXTRACT = """
import sys, numpy, opensmile
smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals, num_workers=2)
numpy.save(sys.argv[1], smile.process_files(sys.stdin.read().split("\\0")).to_numpy())
"""

_COSTS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # of a linear SVM; the validation speakers choose


def compute_functionals(python: str, paths: list[str], kept: pathlib.Path) -> dict[str, np.ndarray]:
    """Returns the 88 functionals of each recording, by its path.

    Args:
      python: the interpreter of an environment with opensmile.
      paths: of the recordings.
      kept: the .npy file that keeps them from one call to the next, for the same paths.
    """
    if not kept.exists():
        subprocess.run([python, "-c", _EXTRACT, str(kept)], input="\0".join(paths), text=True, check=True)
    return dict(zip(paths, np.load(kept), strict=True))


def predict_test_clips(
    rows: list[ManifestRow], functionals: dict[str, np.ndarray], labels: Sequence[str]
) -> dict[str, np.ndarray]:
    """Fits SVMs to a fold's training clips, and predicts its test clips with the one that the validation speakers choose.

    Returns:
      Of the test clips, in the order of their ids: `true` classes, int64, `probabilities`, float64 [clips, classes], whose
      temperature the validation speakers choose, and `speakers`.
    """
    ordered = sorted(rows, key=lambda row: row.clip_id)
    by_split = {split: [row for row in ordered if row.split == split] for split in ("train", "validation", "test")}
    inputs = {split: np.array([functionals[row.path] for row in found]) for split, found in by_split.items()}
    true = {split: np.array([labels.index(row.label) for row in found]) for split, found in by_split.items()}
    fitted = []
    for cost in _COSTS:
        svm = sklearn.svm.SVC(C=cost, kernel="linear", class_weight="balanced", break_ties=True)
        model = sklearn.pipeline.make_pipeline(sklearn.preprocessing.StandardScaler(), svm)
        model.fit(inputs["train"], true["train"])
        uar = sklearn.metrics.balanced_accuracy_score(true["validation"], model.predict(inputs["validation"]))
        fitted.append((uar, -cost, model))
    best = sklearn.frozen.FrozenEstimator(max(fitted, key=lambda each: each[:2])[2])
    calibrated = sklearn.calibration.CalibratedClassifierCV(best, method="temperature")
    calibrated.fit(inputs["validation"], true["validation"])
    return {
        "true": true["test"],
        "probabilities": calibrated.predict_proba(inputs["test"]),
        "speakers": np.array([row.speaker_key for row in by_split["test"]]),
    }
