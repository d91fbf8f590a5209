"""How the data job's time and memory grow: the corpus once, four times, and sixteen times over.

`python benchmarks/scaling.py [--corpus=NAME:DIR ...]` prints a table. A copy is a row with a clip id of its own and a link to
the recording. Start-up is the time of a job over twelve clips. The shorter jobs run several times, and the fastest counts.
Memory is the largest resident set of any worker process: in the first 80 % of the time, when records are made, and in all,
since Beam's local runner then hands over all records at once.
"""

import argparse
import hashlib
import json
import pathlib
import subprocess
import sys
import threading
import time

from corpora import make_manifest

RUNNER = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
START_UP_CLIPS = 12


def main() -> None:
    """Runs each size and prints its row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", action="append", default=[], help="NAME:DIR; default: the recordings in ../shared")
    parser.add_argument("--output", default="build/bench-scaling")
    arguments = parser.parse_args()
    output = pathlib.Path(arguments.output)
    rows = [json.loads(line) for line in make_manifest(output, arguments.corpus, []).read_text().splitlines()]
    few = [row for label in ("neutral", "happy", "surprise", "unpleasant") for row in _one_a_split(rows, label)]
    start_up = min(_run(output, few, num_shards=1)[0] for _ in range(3))
    print(f"start-up ({len(few)} clips): {start_up:.1f} s")
    print(f"{'':39}largest worker, MB:")
    print(f"{'copies':>6}{'clips':>8}{'seconds':>9}{'ms a clip':>11}{'making records':>17}{'all':>8}")
    for copies, times in ((1, 4), (4, 2), (16, 1)):
        copied = _copy_rows(output, rows, copies)
        seconds, (making, whole) = min(_run(output, copied, num_shards=4 * copies) for _ in range(times))
        clips = copies * len(rows)
        each = (seconds - start_up) / (clips - len(few)) * 1e3
        print(f"{copies:6}{clips:8}{seconds:9.1f}{each:11.2f}{making / 1e6:17.0f}{whole / 1e6:8.0f}", flush=True)


def _one_a_split(rows: list[dict], label: str) -> list[dict]:
    chosen = {row["split"]: row for row in rows if row["label"] == label}
    return list(chosen.values())


def _copy_rows(output: pathlib.Path, rows: list[dict], copies: int) -> list[dict]:
    folder = output / "links"
    folder.mkdir(exist_ok=True)
    copied = []
    for row in rows:
        for number in range(copies):
            clip_id = hashlib.sha256(f"{row['clip_id']}/{number}".encode()).hexdigest()
            link = folder / f"{clip_id}.wav"
            if not link.exists():
                link.symlink_to(pathlib.Path(row["path"]).resolve())
            copied.append({**row, "clip_id": clip_id, "path": str(link)})
    return copied


def _run(output: pathlib.Path, rows: list[dict], num_shards: int) -> tuple[float, tuple[int, int]]:
    """(seconds, the largest worker's bytes (in the first 80 % of the time, in all)) of a job over these rows."""
    manifest = output / "rows.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    flags = [f"--manifest={manifest}", f"--output={output / 'job'}", f"--num_shards={num_shards}", *RUNNER]
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
    making = max(memory for when, memory in seen if when - begin < 0.8 * seconds)
    return seconds, (making, max(memory for _, memory in seen))


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
