"""Whole runs on the real recordings: minutes each."""

import json
import pathlib
import subprocess
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpora(real_corpora, tmp_path_factory):
    """The folder of the real recordings, unpacked as they are published."""
    folder = tmp_path_factory.mktemp("corpora")
    subprocess.run([sys.executable, real_corpora / "unpack.py", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def corpus_flags(corpora):
    """`--corpus` flags of those that figures are of."""
    return [
        f"--corpus=ravdess:{corpora / 'Audio_Speech_Actors_01-24'}",
        f"--corpus=tess:{corpora / 'TESS Toronto emotional speech set data'}",
    ]


def evaluate(root):
    return json.loads((root / "evaluation/evaluation.json").read_text())


def test_the_notebooks_protocol_reaches_the_notebooks_accuracy(corpus_flags, tmp_path, run):
    config = REPOSITORY / "pipeline/configs/notebook.flags"
    run("pipeline.run", f"--flagfile={config}", *corpus_flags, f"--pipeline_root={tmp_path}")
    evaluation = evaluate(tmp_path)
    assert evaluation["protocol"] == "notebook"
    assert evaluation["models"]["int8"]["scores"]["accuracy"] >= 0.729
    assert "leak" in (tmp_path / "report/index.html").read_text()


def test_the_default_flags_keep_speakers_apart_and_are_blessed(corpora, corpus_flags, tmp_path, run):
    run("pipeline.run", *corpus_flags, f"--pipeline_root={tmp_path}")
    evaluation = evaluate(tmp_path)
    assert evaluation["protocol"] == "disjoint_speakers" and evaluation["blessed"]
    assert evaluation["models"]["int8"]["scores"]["uar"] > 0.35

    nemo = f"--corpus=nemo:{corpora / 'nEMO'}"
    judged = run(
        "ser_tinyml", "evaluate", tmp_path, nemo, f"--output={tmp_path / 'nemo'}", "--noise_clips=0", check=False
    )
    elsewhere = evaluate(tmp_path / "nemo")
    assert judged.returncode == (0 if elsewhere["blessed"] else 3)
    assert elsewhere["protocol"] == "disjoint_speakers" and elsewhere["clips"] == 933
    flashed = elsewhere["models"]["tflm"]
    assert flashed["scores"]["uar"] < evaluation["models"]["tflm"]["scores"]["uar"]  # another language, other studios
    assert len(flashed["slices"]["speaker"]) == 9
