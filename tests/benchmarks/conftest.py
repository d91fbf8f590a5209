import pathlib
import sys

# A benchmark is a script: what lies beside it is found because Python looks in a script's folder.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "benchmarks"))
