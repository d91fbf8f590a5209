"""What tests share: WAV files that they make, the real recordings where they are at hand, and one run of the demo."""

import importlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

import filelock
import numpy as np
import pytest
import soundfile

from schemas.classes import PRESETS, SPLITS
from schemas.run_files import ManifestSummary
from ser_tinyml.codegen.cmsis_dsp import read_cmsis_dsp
from ser_tinyml.corpora import CORPORA
from ser_tinyml.store import artifact, run_files

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
REAL_CORPORA = REPOSITORY.parent / "shared" / "corpora"

if shutil.which("ccache"):  # many tests build the same sources of the firmware
    os.environ |= {f"CMAKE_{language}_COMPILER_LAUNCHER": "ccache" for language in ("C", "CXX")}
    os.environ.setdefault("CCACHE_DIR", str(REPOSITORY / "build" / "ccache"))
    os.environ |= {"CCACHE_BASEDIR": "/", "CCACHE_NOHASHDIR": "true"}  # whichever temporary folder they lie in


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test that needs programs which are not installed: those of its mark `needs`, or a firmware test's compilers."""
    needed = [program for mark in item.iter_markers("needs") for program in mark.args]
    if item.path.is_relative_to(REPOSITORY / "tests" / "firmware"):
        needed += ["cc", "c++", "cmake"]
    if missing := [program for program in needed if not shutil.which(program)]:
        pytest.skip(f"{', '.join(missing)} not installed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with what takes longest, so that at the end no worker waits for another: one runs the demo, and the other has work
    that does without it."""
    without_demo = "components/transform", "firmware/test_differential.py", "ser_tinyml/audio", "ser_tinyml/network"
    longest = [REPOSITORY / "tests" / name for name in ("pipeline/test_run.py", *without_demo, "pipeline")]
    items.sort(key=lambda item: [not item.path.is_relative_to(path) for path in longest])


@pytest.fixture
def write_speech(tmp_path: pathlib.Path) -> Callable[..., pathlib.Path]:
    """Writes a WAV file of modulated noise that no other name shares: `write_speech("Actor_01/x.wav", seconds=2.5)`."""

    def write(name: str, seconds: float = 2.5, rate: int = 16_000, channels: int = 1) -> pathlib.Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(list(name.encode()))
        samples = rng.standard_normal((int(seconds * rate), channels)) * 0.05
        samples *= 1 + np.sin(np.arange(len(samples))[:, np.newaxis] * 2 * np.pi * 4 / rate)
        soundfile.write(path, samples, rate, subtype="PCM_16")
        return path

    return write


@pytest.fixture(scope="session")
def real_corpora() -> pathlib.Path:
    """The folder of real recordings; tests that need it are skipped where it is absent."""
    if not REAL_CORPORA.is_dir():
        pytest.skip("the real recordings (../shared/corpora) are not here")
    return REAL_CORPORA


def run_command(*arguments: object, check: bool = True, within: Sequence[str] = ()) -> subprocess.CompletedProcess:
    """Runs `python -m ...` as a user would, from the repository; `within` is a program, with its flags, that starts it."""
    command = [*within, sys.executable, "-m", *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, env=environment)
    if check and result.returncode:
        raise AssertionError(f"{command} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}")
    return result


@pytest.fixture(scope="session")
def run() -> Callable[..., subprocess.CompletedProcess]:
    """`run_command`, for tests in any folder."""
    return run_command


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder of this test run that its worker processes share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own


@pytest.fixture(scope="session")
def demo_corpus(shared_folder: pathlib.Path) -> pathlib.Path:
    """The demo corpus, made once."""
    folder = shared_folder / "demo" / "corpus"
    with filelock.FileLock(shared_folder / "demo_corpus.lock"):
        if not folder.is_dir():
            run_command("ser_tinyml", "demo-corpus", f"--output={folder}")
    return folder


@pytest.fixture(scope="session")
def demo_flags(demo_corpus: pathlib.Path) -> list[str]:
    """The demo's preset, with its corpus where this session made it; `--pipeline_root` is for the test to add."""
    lines = (REPOSITORY / "pipeline/configs/demo.flags").read_text().splitlines()
    corpora = [line for line in lines if line.startswith("--corpus=")]
    return ["--preset=demo", *(flag.replace("build/demo/corpus", str(demo_corpus)) for flag in corpora)]


@pytest.fixture(scope="session")
def demo_run(demo_flags: list[str], shared_folder: pathlib.Path) -> tuple[pathlib.Path, subprocess.CompletedProcess]:
    """(ROOT, how it was started and what it showed) of one whole run of the demo, where that can be without a network."""
    root, shown = shared_folder / "demo" / "run", shared_folder / "demo_run.json"
    with filelock.FileLock(shared_folder / "demo_run.lock"):
        if not shown.is_file():
            read_cmsis_dsp()  # into the cache
            within = WITHOUT_NETWORK if can_run(*WITHOUT_NETWORK, "true") else ()
            made = run_command("pipeline.run", *demo_flags, f"--pipeline_root={root}", within=within)
            shown.write_text(json.dumps({"args": within, "stdout": made.stdout, "stderr": made.stderr}))
    return root, subprocess.CompletedProcess(returncode=0, **json.loads(shown.read_text()))


WITHOUT_NETWORK = ("unshare", "--map-root-user", "--net")  # in a namespace of its own, which has no interface


def can_run(program: str, *arguments: str) -> bool:
    """Tells whether a program is here, and ends well."""
    return bool(shutil.which(program)) and not subprocess.run([program, *arguments], capture_output=True).returncode


@pytest.fixture(scope="session")
def demo_root(demo_run: tuple[pathlib.Path, subprocess.CompletedProcess]) -> pathlib.Path:
    """ROOT of the demo's run."""
    return demo_run[0]


@pytest.fixture(scope="session")
def mfcc_examples(demo_root, shared_folder) -> pathlib.Path:
    """The demo's examples without prosody and without augmented copies."""
    folder = shared_folder / "mfcc_examples"
    with filelock.FileLock(shared_folder / "mfcc_examples.lock"):
        if not folder.is_dir():
            manifest = f"--manifest={demo_root / 'manifest' / 'manifest.jsonl'}"
            run_command("components.transform", manifest, f"--output={folder}", "--prosody=", "--augment=clean")
    return folder


@pytest.fixture(scope="session")
def seal() -> Callable[[object, str], None]:
    """Records a folder as a step's finished work: `seal(folder, "trainer")`, after a test has changed what is in it."""

    def seal_folder(folder: object, step: str) -> None:
        makes = importlib.import_module(f"components.{step}.parameters").MAKES
        artifact.finish(str(folder), step, re.compile(makes))

    return seal_folder


@pytest.fixture(scope="session")
def write_summary() -> Callable[..., ManifestSummary]:
    """Writes how clips were divided beside their manifest, as example_gen does, and returns it."""

    def write(manifest: str | pathlib.Path, *, protocol: str = "speaker", fraction: float = 0.25) -> ManifestSummary:
        counts = {"files": 0, "clips": 0, "excluded": {}, "quarantined": {}, "speakers": {}}
        fractions = {"validation_fraction": fraction, "test_fraction": fraction}
        four = PRESETS["four"]
        summary = ManifestSummary(
            other_files={},
            **counts,
            **fractions,
            protocol=protocol,
            fold="",
            salt=0,
            synthetic=False,
            labels=four.labels,
            leds=four.leds,
            label_of_emotion={emotion: each.name for each in four.classes for emotion in each.emotions},
            corpora=tuple(CORPORA),
            train_only=(),
            clips_of_label={split: dict.fromkeys(four.labels, 1) for split in SPLITS},
        )
        run_files.write(summary, str(pathlib.Path(manifest).parent))
        return summary

    return write
