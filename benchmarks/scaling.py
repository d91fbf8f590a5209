"""How the data job's time and memory grow with the corpus: once, four times, and sixteen times over, with the default preset.

`python benchmarks/scaling.py [--corpus=NAME:DIR ...] [--times=1,4,16]` prints a table. A clip that is there again is a row with
a clip id of its own and a link to the recording. Start-up is the time of a job over twelve clips. The shorter jobs run several
times, and the fastest counts. Memory is the largest resident set of any worker process: in the first 80 % of the time, when
records are made, and in all, since Beam's local runner then hands over all records at once. A job that decoded fewer clips than
it was given ends the benchmark with an error.
"""

import argparse
import dataclasses
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import threading
import time

import presets
import same_work
from corpora import make_manifest

from schemas.classes import PRESETS
from schemas.run_files import Dataset
from ser_tinyml.store import run_files

DEFAULT = presets.make_flag("default")
RUNNER = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
WIDTHS = (6, 8, 9, 12, 9, 11, 16, 8)  # of the table's columns


def main() -> None:
    """Runs each size and prints its row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", action="append", default=[], help="NAME:DIR; default: the recordings in ../shared")
    parser.add_argument("--times", default="1,4,16", help="how often each clip is there, a job each")
    parser.add_argument("--output", default="build/bench-scaling")
    arguments = parser.parse_args()
    output = pathlib.Path(arguments.output)
    manifest = make_manifest(output, arguments.corpus, [DEFAULT])
    shutil.copy(manifest.with_name("summary.json"), output)  # how the clips were divided
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    few = [row for label in PRESETS["four"].labels for row in _one_a_split(rows, label)]
    start_up = min(_run(output, few, num_shards=1).seconds for _ in range(3))
    print(f"start-up ({len(few)} clips): {start_up:.1f} s")
    print(f"{'':56}largest worker, MB:")
    heads = ("times", "clips", "records", "bytes each", "seconds", "ms a clip", "making records", "in all")
    print("".join(f"{head:>{width}}" for head, width in zip(heads, WIDTHS, strict=True)))
    for times in map(int, arguments.times.split(",")):
        repeated = _repeat_rows(output, rows, times)
        jobs = [_run(output, repeated, num_shards=4 * times) for _ in range(max(1, 4 // times))]
        job = min(jobs, key=lambda job: job.seconds)
        each = (job.seconds - start_up) / (len(repeated) - len(few)) * 1e3
        cells = (
            *(str(times), str(len(repeated)), str(job.records), f"{job.stored_bytes / job.records:.0f}"),
            *(
                f"{job.seconds:.1f}",
                f"{each:.2f}",
                f"{job.worker_bytes_making / 1e6:.0f}",
                f"{job.worker_bytes / 1e6:.0f}",
            ),
        )
        print("".join(f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True)), flush=True)


@dataclasses.dataclass(frozen=True)
class _Job:
    """What a job took, and what it made."""

    seconds: float
    records: int
    stored_bytes: int  # of all shards
    worker_bytes_making: int  # the largest worker's in the first 80 % of the time
    worker_bytes: int  # and in all


def _one_a_split(rows: list[dict], label: str) -> list[dict]:
    chosen = {row["split"]: row for row in rows if row["label"] == label}
    return list(chosen.values())


def _repeat_rows(output: pathlib.Path, rows: list[dict], times: int) -> list[dict]:
    folder = output / "links"
    folder.mkdir(exist_ok=True)
    repeated = []
    for row in rows:
        for number in range(times):
            clip_id = hashlib.sha256(f"{row['clip_id']}/{number}".encode()).hexdigest()
            link = folder / f"{clip_id}.wav"
            if not link.exists():
                link.symlink_to(pathlib.Path(row["path"]).resolve())
            repeated.append({**row, "clip_id": clip_id, "path": str(link)})
    return repeated


def _run(output: pathlib.Path, rows: list[dict], num_shards: int) -> _Job:
    """Runs a job over these rows; ends with an error where it fails, or leaves a clip out."""
    manifest, examples = output / "rows.jsonl", output / "job"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    flags = [DEFAULT, f"--manifest={manifest}", f"--output={examples}", f"--num_shards={num_shards}", *RUNNER]
    command = [sys.executable, "-m", "components.transform", *flags]
    begin = time.perf_counter()
    job = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen: list[tuple[float, int]] = []
    watcher = threading.Thread(target=_watch, args=(job, seen))
    watcher.start()
    if job.wait():
        sys.exit(f"error: {command} ended with {job.returncode}")
    seconds = time.perf_counter() - begin
    watcher.join()
    dataset = run_files.read(Dataset, str(examples))
    same_work.check_decoded(dataset.decoded, len(rows))
    return _Job(
        seconds,
        records=sum(split.examples for split in dataset.splits.values()),
        stored_bytes=sum(path.stat().st_size for path in examples.glob("*.tfrecord.gz")),
        worker_bytes_making=max(memory for when, memory in seen if when - begin < 0.8 * seconds),
        worker_bytes=max(memory for _, memory in seen),
    )


def _watch(job: subprocess.Popen, seen: list[tuple[float, int]]) -> None:
    """Notes the resident sets of the job's workers."""
    while job.poll() is None:
        for status in pathlib.Path("/proc").glob("[0-9]*/status"):
            try:
                if b"sdk_worker_main" in status.with_name("cmdline").read_bytes():
                    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
                    seen.append((time.perf_counter(), int(fields.get("VmRSS", "0 kB").split()[0]) * 1024))
            except OSError:
                continue  # it ended meanwhile
        time.sleep(0.1)


if __name__ == "__main__":
    main()
