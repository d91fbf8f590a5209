import pathlib
import sys

# A benchmark is a script: what lies beside it is found because Python looks in a script's folder.
_BENCHMARKS = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"
sys.path[:0] = [str(_BENCHMARKS), str(_BENCHMARKS / "faults")]
