import os
import shutil
import subprocess
import sys

import pytest

from ser_tinyml.codegen.cmsis_dsp import read_cmsis_dsp

WITHOUT_NETWORK = ("unshare", "--map-root-user", "--net")


@pytest.mark.needs("unshare", "cmake", "cc")
def test_a_whole_run_needs_no_network_once_cmsis_dsp_is_in_the_cache(demo_corpus, tmp_path):
    """In a network namespace that has no interface, not even the loopback's."""
    tried = subprocess.run([*WITHOUT_NETWORK, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no network namespace: {tried.stderr.strip()}")
    read_cmsis_dsp()
    root = tmp_path / "run"
    flags = [f"--corpus={name}:{demo_corpus}/{name}" for name in ("ravdess", "savee")]
    flags += ["--validation_fraction=0.3", "--augment=none", "--epochs=1", "--board_clips=4"]
    gates = [
        "--max_accuracy_loss=100",
        "--min_agreement=0",
        "--min_uar=0",
        "--min_recall=0",
        "--noise_clips=2",
    ]  # a network of one epoch is of no use
    command = [sys.executable, "-m", "pipeline.run", *flags, *gates, f"--pipeline_root={root}"]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    ended = subprocess.run([*WITHOUT_NETWORK, *command], capture_output=True, text=True, env=environment)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout + ended.stderr
    assert (root / "firmware" / "ser_firmware.zip").exists() and (root / "report" / "index.html").exists()
    shutil.rmtree(root)
