PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Modules are compiled when they are first imported, also where the environment forbids it, as containers do: every command would
# compile TensorFlow again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test test-slow faults differential check-wheel firmware coverage-firmware eva fuzz bench-transform bench-train bench-update bench-convert bench-strangers bench-quantization bench-splits bench-scaling bench-size bench-digests bench-bulk \
	bench-engine bench-boards bench-predict lint lock site tutorial sbom audit mutants clean

# Installs, makes the demo corpus, and runs every step on it.
demo: $(VENV)/installed
	$(BIN)/python -m ser_tinyml demo-corpus --output=build/demo/corpus
	$(BIN)/python -m ser_tinyml run --preset=demo

# In the order of tests/conftest.py. A test that waits for ever fails, and shows where it waits.
TESTS := pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder -o faulthandler_timeout=900 -o faulthandler_exit_on_timeout=true

install: $(VENV)/installed

# With COVERAGE=1 also the lines and branches that the tests run, those of the commands that they start, too: at least 95 % and
# 90 %, or it fails.
test: $(VENV)/installed
	tools/install_debian_packages.sh test
ifdef COVERAGE
	$(BIN)/python -m coverage erase
	PYTHONPATH=$(CURDIR) $(BIN)/python -m coverage run -m $(TESTS)  # where its plugin lies, for every process
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m tools.coverage_goals
else
	$(BIN)/python -m $(TESTS)
endif

# Kills, failing writes and damaged artifacts, on a small run: hours. `EVERY=20` tries every 20th write.
EVERY ?= 1
faults: $(VENV)/installed
	$(BIN)/python benchmarks/faults/damage.py
	$(BIN)/python benchmarks/faults/mutated_files.py
	$(BIN)/python benchmarks/faults/kills.py
	$(BIN)/python benchmarks/faults/writes.py --every=$(EVERY)

# Cross-validation of the demo corpus; whole training runs and every recording of the real corpora, where they are at hand.
test-slow: $(VENV)/installed
	$(BIN)/python -m pytest -m slow

# Random models, and models with something changed, through the generated engine and TFLM's kernels, so many of each.
MODELS ?= 10000
differential: $(VENV)/installed
	$(BIN)/python -m tests.firmware.differential --models=$(MODELS) --mutants=$(MODELS)

# Small changes to the code that its tests must notice, so many of each module.
MUTANTS ?= 20
mutants: $(VENV)/installed
	$(BIN)/python tools/mutants.py --count=$(MUTANTS)

# The wheel, in an environment of its own and from another directory.
check-wheel: $(VENV)/installed
	PYTHON=$(BIN)/python tools/check_wheel.sh

# The firmware of the demo's model, for this machine and for every emulated board, with its tests: among them the replay of the
# golden vectors.
BOARDS := $(patsubst firmware/boards/%/board.cmake,firmware-%,$(wildcard firmware/boards/*/board.cmake))
firmware: $(BOARDS)
	$(BIN)/python -m pytest tests/firmware

firmware-%: build/demo/firmware/CMakeLists.txt
	cmake -S firmware -B build/firmware/$* -DSER_BOARD=$* $(GENERATED)
	cmake --build build/firmware/$* --parallel 2
	ctest --test-dir build/firmware/$* --output-on-failure

# Which lines and branches of the firmware's C the tests run: all, or it fails.
coverage-firmware: $(VENV)/installed
	$(BIN)/python tools/coverage_firmware.py

# Frama-C's Eva over kernels, a generated engine, ring buffer and front end: it fails where an alarm is not known as open. Debian's
# frama-c-base is needed.
eva: $(VENV)/installed
	$(BIN)/python -m tests.firmware.eva

# The WAV reader, both front ends and the whole app fuzzed under ASan and UBSan; then random models through the engine, and random
# sounds through random front ends, against Python's. So many seconds each.
FUZZ_SECONDS ?= 600
fuzz: build/demo/firmware/CMakeLists.txt
	cmake -S firmware -B build/firmware/fuzz -DSER_FUZZ=ON -DCMAKE_C_COMPILER=clang $(GENERATED)
	cmake --build build/firmware/fuzz --parallel 2
	mkdir -p $(addprefix build/firmware/fuzz/found/,wav frontend frontend_fixed app)
	cd build/firmware/fuzz && ./fuzz_wav -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 found/wav seeds/wav
	cd build/firmware/fuzz && ./fuzz_frontend -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -max_len=48007 found/frontend seeds/frontend
	cd build/firmware/fuzz && ./fuzz_frontend_fixed -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -max_len=48007 found/frontend_fixed seeds/frontend
	cd build/firmware/fuzz && ./fuzz_app -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -max_len=600 found/app seeds/app
	$(BIN)/python -m tests.firmware.differential --models=1000000 --mutants=1000000 --seconds=$(FUZZ_SECONDS)
	$(BIN)/python -m tests.firmware.differential_frontend --seconds=$(FUZZ_SECONDS)
	$(BIN)/python -m tests.firmware.differential_frontend --seconds=$(FUZZ_SECONDS) --fixed

BUNDLE := $(CURDIR)/build/demo/firmware
GENERATED := -DSER_GENERATED=$(BUNDLE)/generated -DSER_GOLDEN=$(BUNDLE)/golden/vectors.bin -DCMSIS_DSP_DIR=$(BUNDLE)/third_party/cmsis_dsp

build/demo/firmware/CMakeLists.txt:
	$(MAKE) demo

# The benchmarks measure on ../shared/corpora, or on CORPORA="--corpus=ravdess:DIR --corpus=tess:DIR".

# The data job against the original notebook's loop.
bench-transform: $(VENV)/installed
	$(BIN)/python benchmarks/transform.py $(CORPORA)

# Seconds until the accuracy of the original notebook's model.fit is reached, by it and by the trainer.
bench-train: $(VENV)/installed
	$(BIN)/python benchmarks/trainer.py $(CORPORA)

# One update of the trainer's network against one of model.fit's.
bench-update: $(VENV)/installed
	$(BIN)/python benchmarks/update.py

# The generated engine against TFLM's kernels and TFLite's int8 interpreter, on this machine.
bench-engine: $(VENV)/installed build/demo/firmware/CMakeLists.txt
	$(BIN)/python benchmarks/engine.py --root=build/demo

# The firmware's instructions on every emulated board, and Arduino's flags.
bench-boards: $(VENV)/installed build/demo/firmware/CMakeLists.txt
	$(BIN)/python benchmarks/boards.py --root=build/demo

# What `predict` does with the generated engine against librosa with TFLite's interpreter, and against real time.
bench-predict: $(VENV)/installed build/demo/firmware/CMakeLists.txt
	$(BIN)/python benchmarks/predict.py --root=build/demo

# The exporter's conversions against TensorFlow's from_keras_model.
bench-convert: $(VENV)/installed
	$(BIN)/python benchmarks/convert.py

# Accuracy on strangers of several ways to train, over folds and seeds: `VARIANTS='"--variant=reference" ...'`.
bench-strangers: $(VENV)/installed
	$(BIN)/python benchmarks/strangers.py $(CORPORA) $(VARIANTS)

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

# The trainer's time and memory over 1, 4 and 16 times the records, and over a million.
bench-size: $(VENV)/installed
	$(BIN)/python benchmarks/size.py $(CORPORA)

# One dataset's digest by every runner.
bench-digests: $(VENV)/installed
	$(BIN)/python benchmarks/digests.py $(CORPORA)

# What a model says of recordings, by every runner: `MODEL=build/demo INPUT=build/demo/corpus`.
bench-bulk: $(VENV)/installed
	$(BIN)/python benchmarks/bulk_digests.py --model=$(or $(MODEL),build/demo) --input=$(or $(INPUT),build/demo/corpus)

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy schemas ser_tinyml pipeline components benchmarks

# The pages of docs/ as a site, in build/site; a link that leads nowhere fails it.
site: $(VENV)/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# The tutorial, executed where `make demo` has run, and written with what its cells gave.
tutorial: $(VENV)/installed build/demo/firmware/CMakeLists.txt
	$(BIN)/python tools/tutorial.py

# What the locked environment is made of, as CycloneDX; the same lock gives the same bytes.
sbom: $(VENV)/installed
	mkdir -p build
	$(BIN)/cyclonedx-py requirements --output-reproducible --output-file build/sbom.cdx.json requirements.lock

# Advisories of the locked versions, where their database can be reached.
audit: $(VENV)/installed
	$(BIN)/python tools/audit.py

# Brings requirements.lock and constraints.txt up to setup.py, keeping the versions that they have: `make lock UPGRADE=--upgrade`
# takes the newest.
lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet uv
	build/lock/bin/uv pip compile --quiet setup.py --extra train --extra av --extra listen --extra board --extra tune --extra gcp --extra dev --universal --python-version 3.11 $(UPGRADE) \
		--generate-hashes --no-strip-extras --no-annotate --no-emit-index-url \
		--custom-compile-command "make lock" --output-file requirements.lock
	sed -nE 's/^([A-Za-z0-9._-]+)(\[[^]]*\])?==([^ ;]+).*/\1==\3/p' requirements.lock > constraints.txt

clean:
	rm -rf build $(VENV)

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
LOCKED := --require-hashes -r requirements.lock

# uv takes some 20 s where pip takes 3 minutes; where only pip knows the way (a mirror in its configuration), it goes. A link is
# refused: what it points to may serve others, and would be emptied.
$(VENV)/installed: requirements.lock setup.py tools/install_debian_packages.sh
	@test ! -L $(VENV) || { echo "$(VENV) is a link: remove it, and make will build an environment of its own" >&2; exit 1; }
	tools/install_debian_packages.sh
	$(PYTHON) -c "import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 13) else 'Python 3.11 or 3.12 is needed, this is ' + sys.version)"
	$(PYTHON) -m venv --clear $(VENV)
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.txt
	$(PIP) --require-hashes -r $(VENV)/uv.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps $(LOCKED) || $(PIP) $(LOCKED)
	$(BIN)/python -m pip check
	$(PIP) --no-build-isolation --editable .
	touch $@
