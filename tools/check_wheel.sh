#!/usr/bin/env bash
# Builds the source distribution, from it the wheel, installs that into an empty environment, and runs a small corpus with it from
# another directory. The packages of requirements.lock are borrowed from PYTHON's environment; the project is the wheel's.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(realpath --no-symlinks "${PYTHON:-.venv/bin/python}")
work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT

"$python" -c "from setuptools import build_meta; build_meta.build_sdist('$work')" >"$work/sdist.log"
"$python" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$work" "$work"/*.tar.gz
"$python" -m venv "$work/venv"
bin=$work/venv/bin
"$bin/python" -m pip install --quiet --no-deps "$work"/*.whl
site() { "$1" -c "import sysconfig; print(sysconfig.get_path('purelib'))"; }
site "$python" >"$(site "$bin/python")/locked_packages.pth"

mkdir "$work/elsewhere"
cd "$work/elsewhere"
"$bin/python" - <<END
import components, pipeline, schemas, ser_tinyml
for package in (components, pipeline, schemas, ser_tinyml):
    assert package.__file__.startswith("$work/venv/"), package.__file__
END
"$bin/ser-tinyml" --version
"$bin/ser-tinyml" demo-corpus --output=build/demo/corpus
# Gates as low as this: a network so small, trained for one epoch, is to pass them, or no bundle would be made.
"$bin/ser-tinyml" run --preset=demo --augment=clean --lstm_units=16 --dense_units=16 --epochs=1 --board_clips=4 --noise_clips=0 \
	--min_agreement=0 --max_accuracy_loss=100 --min_uar=0 --min_recall=0 --max_calibration_error=1
for artifact in examples/dataset.json export/ser_int8.tflite evaluation/evaluation.json firmware/LICENSE report/index.html; do
	[ -s "build/demo/$artifact" ] || { echo "error: the run with the wheel left no $artifact" >&2; exit 1; }
done
echo "the wheel works"
