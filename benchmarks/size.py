"""How the trainer's time and memory grow with the number of records, in memory and from a file.

`python benchmarks/size.py [--corpus=NAME:DIR ...] [--times=1,4,16] [--records=1000000]` prints a row each: the records of
`--times` the corpus, all in memory, then so many records with `--memory_mb=1024`. Records are there several times, which the
trainer does not know. Each row is a process of its own, which makes 300 updates of the default preset; the first is late, since
records are shuffled before it.
"""

import argparse
import dataclasses
import json
import pathlib
import subprocess
import sys
import time

import commands
import presets
from corpora import make_manifest

from components.trainer.parameters import Parameters
from schemas.run_files import Dataset, Split
from ser_tinyml.store import run_files

_UPDATES = 300
_SMALL_MB = 1024


def main() -> None:
    """Makes the records, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", action="append", default=[], help="NAME:DIR; default: the recordings in ../shared")
    parser.add_argument("--times", default="1,4,16", help="how often each record is there, a training each")
    parser.add_argument("--records", type=int, default=1_000_000, help="of the training that does not fit in memory")
    parser.add_argument("--examples", default="", help="a dataset that is there already, instead of a corpus")
    parser.add_argument("--output", default="build/bench-size")
    parser.add_argument("--measure", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        _measure(**json.loads(arguments.measure))
        return
    output = pathlib.Path(arguments.output)
    examples = pathlib.Path(arguments.examples or _make_examples(output, arguments.corpus))
    count = run_files.read(Dataset, str(examples)).splits["train"].examples
    wanted = [(int(times), Parameters.memory_mb) for times in arguments.times.split(",")]
    wanted.append((-(-arguments.records // count), _SMALL_MB))
    print(f"{'records':>10}{'MB allowed':>12}{'s to the first update':>23}{'ms an update':>14}{'largest, MB':>13}")
    for times, memory_mb in wanted:
        repeated = _repeat(examples, output / f"times-{times}", times)
        told = json.dumps({"examples": str(repeated), "memory_mb": memory_mb})
        ended = subprocess.run([sys.executable, __file__, f"--measure={told}"], capture_output=True, text=True)
        if ended.returncode:
            sys.exit(f"error: {ended.stderr[-2000:]}")
        found = json.loads(ended.stdout.splitlines()[-1])
        print(
            f"{times * count:>10,}{memory_mb:>12,}{found['first']:>23.1f}{found['each']:>14.1f}{found['peak']:>13,.0f}",
            flush=True,
        )


def _make_examples(output: pathlib.Path, corpora: list[str]) -> pathlib.Path:
    preset = presets.make_flag("default")
    manifest = make_manifest(output, corpora, [preset])
    commands.run("-m", "components.transform", preset, f"--manifest={manifest}", f"--output={output / 'examples'}")
    return output / "examples"


def _repeat(examples: pathlib.Path, folder: pathlib.Path, times: int) -> pathlib.Path:
    """Makes a dataset whose training shards are there several times, as links."""
    dataset = run_files.read(Dataset, str(examples))
    folder.mkdir(parents=True, exist_ok=True)
    for path in examples.glob("*.tfrecord*"):
        if not (folder / path.name).exists():
            (folder / path.name).symlink_to(path.resolve())
    train = dataset.splits["train"]
    repeated = Split(train.examples * times, train.shards * times, labels=train.labels, corpora=train.corpora)
    run_files.write(dataclasses.replace(dataset, splits=dataset.splits | {"train": repeated}), str(folder))
    return folder


def _measure(examples: str, memory_mb: int) -> None:
    """Trains, and prints the seconds to the first update, milliseconds for each after it, and the peak of memory in MB."""
    from components.trainer.component import Splits, make_architecture
    from ser_tinyml.network.averaging import make_optimizer

    parameters = Parameters(memory_mb=memory_mb)
    dataset = run_files.read(Dataset, examples)
    network = make_architecture(parameters, dataset).build_for_training(0)
    network.compile(make_optimizer(parameters.learning_rate, 0), loss="categorical_crossentropy")
    begin = time.perf_counter()
    splits = Splits(examples, dataset, parameters)  # it is with it that the file goes
    batches = splits.make_data(parameters).training
    ends = []
    for inputs, labels, weights in batches.take(_UPDATES):
        network.train_on_batch(inputs, labels, sample_weight=weights)
        ends.append(time.perf_counter())
    status = pathlib.Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    each = 1e3 * (ends[-1] - ends[0]) / (len(ends) - 1)
    print(json.dumps({"first": ends[0] - begin, "each": each, "peak": peak / 1000}))


if __name__ == "__main__":
    main()
