"""The digest of one dataset, made in every way that Beam's local runners know: all must be the same.

`python benchmarks/digests.py [--manifest=FILE | --corpus=NAME:DIR ...] [--preset=NAME] [job flags]` prints a table, and ends
with an error where two digests or two numbers of records differ. A manifest's summary.json must lie beside it.
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import commands
import presets
import same_work
from corpora import make_manifest

from schemas.run_files import Dataset
from ser_tinyml.store import run_files

_RUNNERS = "apache_beam.runners"


def main() -> None:
    """Runs every variant and prints its row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", action="append", default=[], help="NAME:DIR; default: the recordings in ../shared")
    parser.add_argument("--manifest", type=pathlib.Path, help="instead of a corpus")
    parser.add_argument("--preset", default="", help="whose flags the job runs with; default: the flags' defaults")
    parser.add_argument("--runner_row", action="append", default=[], help="one of the table's rows; default: all")
    arguments, flags = parser.parse_known_args()
    preset = [presets.make_flag(arguments.preset)] if arguments.preset else []
    manifest = arguments.manifest or make_manifest(pathlib.Path("build/bench-digests"), arguments.corpus, preset)
    made = set()
    with tempfile.TemporaryDirectory() as folder, portable_services() as (job_service, worker_pool):
        reversed_manifest = pathlib.Path(folder, "reversed.jsonl")
        lines = manifest.read_text().splitlines(keepends=True)
        reversed_manifest.write_text("".join(reversed(lines)))
        shutil.copy(manifest.with_name("summary.json"), folder)  # how the clips were divided
        portable = ["--runner=PortableRunner", f"--job_endpoint={job_service}"]
        variants = {
            "in memory": [],
            "in memory, manifest reversed": [f"--manifest={reversed_manifest}"],
            "in memory, 1 shard": ["--num_shards=1"],
            "in memory, 16 shards": ["--num_shards=16"],
            "in memory, .tfrecord": ["--compression=none"],
            "DirectRunner, 2 threads": ["--runner=DirectRunner", *direct("multi_threading", 2)],
            "DirectRunner, 1 process": ["--runner=DirectRunner", *direct("multi_processing", 1)],
            "DirectRunner, 2 processes": ["--runner=DirectRunner", *direct("multi_processing", 2)],
            "job service, loopback worker": [*portable, "--environment_type=LOOPBACK"],
            "job service, worker process": [
                *portable,
                "--environment_type=EXTERNAL",
                f"--environment_config={worker_pool}",
            ],
        }
        chosen = arguments.runner_row or [*variants]
        if unknown := set(chosen) - variants.keys():
            sys.exit(f"error: --runner_row={min(unknown)}: expected one of {', '.join(variants)}")
        print(f"{'runner':31}{'records':>9}{'seconds':>9}  digest")
        for number, (name, options) in enumerate((name, variants[name]) for name in chosen):
            output = pathlib.Path(folder, str(number))
            places = [f"--manifest={manifest}", f"--output={output}"]
            seconds = commands.run("-m", "components.transform", *preset, *places, *flags, *options)
            dataset = run_files.read(Dataset, str(output))
            records = sum(split.examples for split in dataset.splits.values())
            print(f"{name:31}{records:9}{seconds:9.1f}  {dataset.digest}", flush=True)
            made.add((records, dataset.digest))
    same_work.check_datasets(made)


def direct(mode: str, workers: int) -> list[str]:
    """Returns the options of DirectRunner in a mode, with so many workers."""
    return [f"--direct_running_mode={mode}", f"--direct_num_workers={workers}"]


@contextlib.contextmanager
def portable_services() -> Iterator[tuple[str, str]]:
    """Yields the addresses of Beam's job service, and of a pool that starts a process for each worker: what a cluster has."""
    ports = [_free_port(), _free_port()]
    commands = [
        [f"{_RUNNERS}.portability.local_job_service_main", f"--port={ports[0]}"],
        [f"{_RUNNERS}.worker.worker_pool_main", f"--service_port={ports[1]}"],
    ]
    # The pool starts its workers as `python`.
    environment = {**os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for command in commands
    ]
    try:
        for port, process in zip(ports, processes, strict=True):
            _wait_for(port, process)
        yield f"localhost:{ports[0]}", f"localhost:{ports[1]}"
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return listener.getsockname()[1]


def _wait_for(port: int, process: subprocess.Popen) -> None:
    while process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("localhost", port), 1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} ended with {process.returncode}")


if __name__ == "__main__":
    main()
