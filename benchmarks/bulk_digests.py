"""What a model says of recordings, by `ser-tinyml bulk` in every way that Beam's local runners know: all must be the same.

`python benchmarks/bulk_digests.py --model=ROOT --input=DIR` prints a table, and ends with an error where two digests or two
numbers of recordings differ.
"""

import argparse
import pathlib
import tempfile

import commands
from digests import direct, portable_services

from schemas.errors import UserError
from schemas.run_files import BulkPredictions
from ser_tinyml.store import run_files


def main() -> None:
    """Runs every variant and prints its row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="a finished model")
    parser.add_argument("--input", required=True, help="a directory of recordings, or a manifest")
    arguments = parser.parse_args()
    made = set()
    with tempfile.TemporaryDirectory() as folder, portable_services() as (job_service, worker_pool):
        portable = ["--runner=PortableRunner", f"--job_endpoint={job_service}"]
        variants = {
            "in memory": [],
            "in memory, 1 shard, csv": ["--num_shards=1", "--format=csv"],
            "in memory, 16 shards, parquet": ["--num_shards=16", "--format=parquet"],
            "DirectRunner, 2 threads": ["--runner=DirectRunner", *direct("multi_threading", 2)],
            "DirectRunner, 2 processes": ["--runner=DirectRunner", *direct("multi_processing", 2)],
            "job service, loopback worker": [*portable, "--environment_type=LOOPBACK"],
            "job service, worker process": [
                *portable,
                "--environment_type=EXTERNAL",
                f"--environment_config={worker_pool}",
            ],
        }
        print(f"{'runner':31}{'predicted':>10}{'seconds':>9}  digest")
        for number, (name, options) in enumerate(variants.items()):
            output = str(pathlib.Path(folder, str(number)))
            given = [f"--model={arguments.model}", f"--input={arguments.input}", f"--output={output}"]
            seconds = commands.run("-m", "components.bulk_inference", *given, *options)
            said = run_files.read(BulkPredictions, output)
            print(f"{name:31}{said.predicted:10}{seconds:9.1f}  {said.digest}", flush=True)
            made.add((said.recordings, said.predicted, said.digest))
    if len(made) > 1:
        raise UserError(f"the runners differ: {sorted(made)}")


if __name__ == "__main__":
    main()
