"""Recordings for the benchmarks."""

import pathlib
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared" / "corpora"


def make_manifest(output: pathlib.Path, corpora: list[str], flags: list[str]) -> pathlib.Path:
    """A manifest of NAME:DIR corpora, or where none is given of the recordings in ../shared, unpacked as they are published."""
    if not corpora:
        if not SHARED.is_dir():
            sys.exit("error: no recordings at hand; pass --corpus=ravdess:DIR, --corpus=tess:DIR or --corpus=savee:DIR")
        unpacked = output.parent / "corpora"
        subprocess.run([sys.executable, SHARED / "unpack.py", unpacked], check=True, capture_output=True)
        corpora = [
            f"ravdess:{unpacked / 'Audio_Speech_Actors_01-24'}",
            f"tess:{unpacked / 'TESS Toronto emotional speech set data'}",
        ]
    command = [sys.executable, "-m", "components.example_gen", f"--output={output / 'manifest'}", *flags]
    subprocess.run([*command, *(f"--corpus={corpus}" for corpus in corpora)], check=True, capture_output=True)
    return output / "manifest" / "manifest.jsonl"
