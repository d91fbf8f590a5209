"""Recordings for the benchmarks."""

import pathlib
import subprocess
import sys

import commands

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared" / "corpora"
WHOLE_FOUR = REPOSITORY / "benchmarks" / "whole_four.json"  # the four classes, none of which is thinned out


def list_corpora(output: pathlib.Path, corpora: list[str]) -> list[str]:
    """Returns NAME:DIR corpora as given; where none is, the recordings in ../shared, unpacked as they are published."""
    if corpora:
        return corpora
    if not SHARED.is_dir():
        sys.exit("error: no recordings at hand; pass --corpus=ravdess:DIR, --corpus=tess:DIR or --corpus=savee:DIR")
    unpacked = output.parent / "corpora"
    subprocess.run([sys.executable, SHARED / "unpack.py", unpacked], check=True, capture_output=True)
    return [
        f"ravdess:{unpacked / 'Audio_Speech_Actors_01-24'}",
        f"tess:{unpacked / 'TESS Toronto emotional speech set data'}",
    ]


def make_manifest(output: pathlib.Path, corpora: list[str], flags: list[str]) -> pathlib.Path:
    """Makes the manifest of `list_corpora`'s corpora, with summary.json beside it, and returns its path."""
    corpus_flags = [f"--corpus={corpus}" for corpus in list_corpora(output, corpora)]
    commands.run("-m", "components.example_gen", f"--output={output / 'manifest'}", *flags, *corpus_flags)
    return output / "manifest" / "manifest.jsonl"
