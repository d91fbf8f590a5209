"""What the campaigns run: the whole pipeline on a few dozen recordings, and what must come of it."""

import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys

WHOLE_FOUR = pathlib.Path(__file__).resolve().parents[1] / "whole_four.json"
FLAGS = [
    *("--validation_fraction=0.25", "--test_fraction=0.25", f"--classes={WHOLE_FOUR}", "--num_shards=2"),
    *("--augment=clean", "--lstm_units=4,4", "--dense_units=4", "--epochs=3", "--batch_size=16"),
    *(
        "--max_accuracy_loss=1",
        "--min_agreement=0",
        "--min_uar=0",
        "--min_recall=0",
        "--noise_clips=2",
        "--board_clips=2",
    ),
]

# What no two runs have in common: logs are named by the time, latency is measured, and the page says when it was made.
_VARIES = re.compile(r"(.*/)?((model|evaluation)/logs/.*|lineage\.json|artifact\.json|report/index\.html)")


def make_corpus(folder: pathlib.Path) -> pathlib.Path:
    """Returns a part of the demo's RAVDESS below a folder: one recording of each of four actors' emotions."""
    corpus = folder / "ravdess"
    if not corpus.is_dir():
        whole = folder / "demo"
        subprocess.run(
            [sys.executable, "-m", "ser_tinyml", "demo-corpus", f"--output={whole}"], check=True, capture_output=True
        )
        for path in whole.glob("ravdess/Actor_0[1-4]/*-01-01-*.wav"):
            (corpus / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, corpus / path.parent.name)
    return corpus


def command(corpus: pathlib.Path, root: pathlib.Path, *flags: str) -> list[str]:
    """Returns the command that runs the pipeline."""
    return [
        sys.executable,
        "-m",
        "pipeline.run",
        f"--corpus=ravdess:{corpus}",
        f"--pipeline_root={root}",
        *FLAGS,
        *flags,
    ]


def digest(root: pathlib.Path) -> dict[str, str]:
    """Returns the SHA-256 of every file below a root that is the same in every run."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if not path.is_file() or _VARIES.fullmatch(name):
            continue
        content = path.read_bytes()
        if path.name == "evaluation.json":
            content = json.dumps(_without_times(json.loads(content))).encode()
        found[name] = hashlib.sha256(content).hexdigest()
    return found


def _without_times(document: dict) -> dict:
    models = {name: {**model, "latency_ms": 0} for name, model in document["models"].items()}
    return document | {"models": models, "occasion": ""}


def differences(root: pathlib.Path, expected: dict[str, str]) -> list[str]:
    """Returns the names of files that are not as they must be: missing, others than expected, or in excess."""
    found = digest(root)
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
