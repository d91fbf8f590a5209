PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-slow bench-transform bench-train bench-quantization bench-splits bench-scaling bench-digests lint lock clean

# Installs, makes the demo corpus, and runs every step on it.
demo: $(VENV)/installed
	$(BIN)/python -m components.corpora --output=build/demo/corpus
	$(BIN)/python -m pipeline.run --flagfile=pipeline/configs/demo.flags

test: $(VENV)/installed
	$(BIN)/python -m pytest -m "not slow"

# Cross-validation of the demo corpus; whole training runs on the real recordings, where they are at hand.
test-slow: $(VENV)/installed
	$(BIN)/python -m pytest -m slow

# The benchmarks measure on ../shared/corpora, or on CORPORA="--corpus=ravdess:DIR --corpus=tess:DIR".

# The data job against the original notebook's loop.
bench-transform: $(VENV)/installed
	$(BIN)/python benchmarks/transform.py $(CORPORA)

# The trainer against the original notebook's model.fit.
bench-train: $(VENV)/installed
	$(BIN)/python benchmarks/trainer.py $(CORPORA)

# Accuracy of float, int8 and quantization-aware models over five seeds, of both presets.
bench-quantization: $(VENV)/installed
	$(BIN)/python benchmarks/quantization.py --preset=default $(CORPORA)
	$(BIN)/python benchmarks/quantization.py --preset=small $(CORPORA)

# What a leaking split flatters by: one training judged by three protocols.
bench-splits: $(VENV)/installed
	$(BIN)/python benchmarks/splits.py $(CORPORA)

# The data job's time and memory over 1, 4 and 16 times the recordings.
bench-scaling: $(VENV)/installed
	$(BIN)/python benchmarks/scaling.py $(CORPORA)

# One dataset's digest by every runner.
bench-digests: $(VENV)/installed
	$(BIN)/python benchmarks/digests.py $(CORPORA)

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy schemas pipeline components benchmarks

# Renews requirements.lock from setup.py.
lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet uv
	build/lock/bin/uv pip compile --quiet setup.py --extra train --extra dev --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-strip-extras --no-annotate --no-emit-index-url \
		--custom-compile-command "make lock" --output-file requirements.lock

clean:
	rm -rf build $(VENV)

$(VENV)/installed: requirements.lock setup.py tools/install_debian_packages.sh
	tools/install_debian_packages.sh
	$(PYTHON) -c "import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 13) else 'Python 3.11 or 3.12 is needed, this is ' + sys.version)"
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip check
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
