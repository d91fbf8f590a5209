import hashlib
import pathlib
import subprocess
import sys

import pytest

from schemas.manifest import ManifestRow
from ser_tinyml.store.manifest import write_manifest

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
UNLIKE = (
    *("in memory, manifest reversed", "in memory, 16 shards", "in memory, .tfrecord"),
    *("DirectRunner, 2 processes", "job service, worker process"),
)
OTHERS = (
    *("in memory", "in memory, 1 shard"),
    *("DirectRunner, 2 threads", "DirectRunner, 1 process", "job service, loopback worker"),
)


@pytest.mark.parametrize(
    "runners", [UNLIKE, pytest.param(UNLIKE + OTHERS, marks=pytest.mark.slow)], ids=["unlike", "all"]
)
def test_one_digest_whoever_runs_the_job(tmp_path, write_speech, write_summary, runners):
    labels = {"calm": "neutral", "happy": "happy", "surprised": "surprise", "sad": "unpleasant"}
    rows = []
    for split in ("train", "validation", "test"):
        for emotion, label in labels.items():
            path = write_speech(f"{split}-{emotion}.wav", seconds=2.0)
            clip_id = hashlib.sha256(path.read_bytes()).hexdigest()
            rows.append(ManifestRow(clip_id, str(path), "ravdess", split, emotion, label, split, 2.0, 16_000, False))
    write_manifest(str(tmp_path / "manifest.jsonl"), rows)
    write_summary(tmp_path / "manifest.jsonl")
    noise = write_speech("noise/street.wav", seconds=5.0).parent
    flags = [
        "--augment=default",
        "--augment=recorded_noise:0:20|time_shift:-0.1:0.1|gain:-6:6",
        "--augment=copy:1|pitch_shift:-1.5",
        f"--noise_dir={noise}",
    ]
    flags += [f"--runner_row={runner}" for runner in runners]
    command = [sys.executable, "benchmarks/digests.py", f"--manifest={tmp_path / 'manifest.jsonl'}", *flags]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()[1:]
    assert [line[:31].strip() for line in lines] == list(runners)
    assert len({line.split()[-1] for line in lines}) == 1
    assert {int(line[31:40]) for line in lines} == {2 * (4 * 10 + 2 * 4 * 2)}  # two windows a copy
