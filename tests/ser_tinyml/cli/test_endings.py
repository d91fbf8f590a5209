"""How commands end: real ones, each in a process of its own."""

import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest

from ser_tinyml.cli.endings import EXIT_CODES

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
GOES_ON = "; the same command goes on after the last finished step\n"


def start(*arguments, **options):
    command = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.Popen(command, cwd=REPOSITORY, text=True, stderr=subprocess.PIPE, **options)


def is_one_sentence(shown):
    return shown.startswith("error: ") and shown.count("\n") == 1 and "Traceback" not in shown


# ---- trouble ----


def limit_files():
    """As a full disk does: what is written beyond 4096 bytes is refused."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (["components.example_gen", "--corpus={corpus}", "--output=README.md/below"], {}, "README.md/below"),
        (["components.example_gen", "--corpus={corpus}", "--output=/proc/none"], {}, "/proc/none"),
        (["components.example_gen", "--corpus={corpus}", "--output=foo://bar"], {}, "foo://bar"),
        (["components.example_gen", "--corpus=ravdess:{tmp}/none", "--output={tmp}/out"], {}, "{tmp}/none"),
        (["pipeline.run", "--corpus={corpus}", "--pipeline_root=README.md/below"], {}, "README.md/below"),
        (["ser_tinyml", "corpora"], {"TMPDIR": "/no/such/folder"}, "TMPDIR=/no/such/folder"),
        (["ser_tinyml", "demo-corpus", "--output=README.md/below"], {}, "README.md/below"),
        (["components.transform", "--manifest={tmp}/none.jsonl", "--output={tmp}/out"], {}, "{tmp}/none.jsonl"),
        (["components.trainer", "--examples={tmp}/foreign", "--output={tmp}/out"], {}, "{tmp}/foreign/artifact.json"),
        (["components.trainer", "--examples={tmp}/bytes", "--output={tmp}/out"], {}, "{tmp}/bytes/artifact.json"),
        (["components.trainer", "--examples={demo}/examples", "--output=README.md/below"], {}, "README.md"),
        (
            ["components.transform", "--manifest={demo}/manifest/manifest.jsonl", "--output=README.md/below"],
            {},
            "README.md",
        ),
    ],
    ids=lambda value: "-".join(value)[:60] if isinstance(value, list) else "",
)
def test_trouble_is_one_sentence_that_names_it(run_in, arguments, environment, told, places):
    ended = run_in(environment, *(word.format(**places) for word in arguments))
    assert ended.returncode == 1
    assert is_one_sentence(ended.stderr) and told.format(**places) in ended.stderr, ended.stderr


@pytest.fixture
def places(tmp_path, demo_corpus, demo_root):
    for name, content in (("foreign", b'{"kind": "cat"}'), ("bytes", b"\xff\x00{")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "artifact.json").write_bytes(content)
    return {"tmp": tmp_path, "corpus": f"ravdess:{demo_corpus}/ravdess", "demo": demo_root}


@pytest.fixture
def run_in():
    def run(environment, *arguments):
        process = start(*arguments, stdout=subprocess.DEVNULL, env=os.environ | environment)
        _, shown = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, stderr=shown)

    return run


def test_a_disk_that_takes_no_more_is_one_sentence(tmp_path, demo_corpus):
    """A limit of a file's size stands for the full disk, which needs no rights to be set up."""
    wanted = [f"--corpus=ravdess:{demo_corpus}/ravdess", f"--output={tmp_path}/out"]
    unmeasured = {
        name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")
    }  # it writes, too
    process = start(
        "components.example_gen", *wanted, stdout=subprocess.DEVNULL, preexec_fn=limit_files, env=unmeasured
    )
    _, shown = process.communicate()
    assert process.returncode == 1 and is_one_sentence(shown) and "File too large" in shown, shown


@pytest.mark.parametrize("arguments", [["corpora"], ["--help"], ["corpora", "--help"], ["run", "--help"]], ids=" ".join)
def test_an_output_that_can_not_be_written_is_one_sentence(arguments):
    with pathlib.Path("/dev/full").open("w") as full:
        process = start("ser_tinyml", *arguments, stdout=full)
        _, shown = process.communicate()
    assert process.returncode == 1 and is_one_sentence(shown) and "standard output" in shown, shown


def test_a_reader_that_has_gone_is_one_sentence():
    reading, writing = os.pipe()
    os.close(reading)
    process = start("ser_tinyml", "corpora", stdout=writing)
    os.close(writing)
    _, shown = process.communicate()
    assert process.returncode == 1 and is_one_sentence(shown) and "standard output" in shown, shown


def test_a_name_that_is_no_unicode_is_told(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xff"
    command = [
        sys.executable,
        "-m",
        "components.example_gen",
        b"--corpus=ravdess:" + folder,
        f"--output={tmp_path}/out",
    ]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert ended.returncode == 1 and is_one_sentence(ended.stderr) and r"\udcff" in ended.stderr, ended.stderr


RAISES = """
import sys
from ser_tinyml.cli.endings import told_in_one_message
with told_in_one_message(debug="--debug" in sys.argv):
    raise {}
"""


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ("ZeroDivisionError('no clips\\nat all')", "error: ZeroDivisionError: no clips (--debug shows where)\n"),
        ("KeyError('mean')", "error: KeyError: 'mean' (--debug shows where)\n"),
        ("MemoryError()", "error: out of memory\n"),
        (
            "ModuleNotFoundError(name='numpy')",
            "error: the package numpy is not installed: pip install 'ser-tinyml[train]'\n",
        ),
        ("FileNotFoundError(2, 'No such file', b'x/\\xff')", "error: x/\\udcff: No such file\n"),
    ],
    ids=lambda value: value.partition("(")[0],
)
def test_the_last_resort_is_type_and_message(raised, told):
    command = [sys.executable, "-c", RAISES.format(raised)]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (1, told)
    debugged = subprocess.run([*command, "--debug"], cwd=REPOSITORY, capture_output=True, text=True)
    assert "Traceback" in debugged.stderr and debugged.stderr.endswith(told)


BEAM_FAILS = """
import apache_beam, sys
from components.transform.component import make_options
from schemas.errors import UserError
from ser_tinyml.cli.endings import told_in_one_message
def refuse(row):
    raise {}("row " + row)
with told_in_one_message(), apache_beam.Pipeline(options=make_options([])) as pipeline:
    pipeline | apache_beam.Create(["7"]) | "Make records" >> apache_beam.Map(refuse)
"""


@pytest.mark.parametrize(
    ("kind", "told"),
    [("UserError", "error: row 7\n"), ("ValueError", "error: ValueError: row 7 (--debug shows where)\n")],
)
def test_an_error_in_a_stage_of_beam_is_told_as_it_was_raised(kind, told):
    ended = subprocess.run(
        [sys.executable, "-c", BEAM_FAILS.format(kind)], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr.splitlines(keepends=True)[-1]) == (1, told)
    assert "Traceback" not in ended.stderr


# ---- interruptions ----


def takes_signals(process):
    """Tells whether the process has begun to take SIGTERM; Python itself takes none but SIGINT."""
    status = pathlib.Path("/proc", str(process.pid), "status").read_text()
    return int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16) >> (signal.SIGTERM - 1) & 1


def interrupt(process, number, when):
    while not when():
        assert process.poll() is None, "it ended before it could be interrupted"
        time.sleep(0.02)
    process.send_signal(number)
    return process.communicate(timeout=60)[1]


@pytest.mark.parametrize(
    ("step", "number", "word"),
    [
        ("its imports", signal.SIGINT, "interrupted"),
        ("transform", signal.SIGTERM, "terminated"),
        ("trainer", signal.SIGINT, "interrupted"),
    ],
)
def test_an_interrupted_run_ends_with_one_line_and_leaves_no_temporary_file(
    tmp_path, demo_flags, demo_root, step, number, word
):
    root, temporary = tmp_path / "run", tmp_path / "temporary"
    temporary.mkdir()
    if step == "trainer":  # what is before it is done
        shutil.copytree(demo_root, root)
        shutil.rmtree(root / "model")
    begun = {
        "its imports": lambda: takes_signals(process),
        "transform": lambda: list(temporary.iterdir()) and (root / "examples").is_dir(),
        "trainer": lambda: list((root / "model").rglob("*")),
    }
    environment = os.environ | {"TMPDIR": str(temporary)}
    process = start("pipeline.run", *demo_flags, f"--pipeline_root={root}", stdout=subprocess.PIPE, env=environment)
    shown = interrupt(process, number, begun[step])
    assert (process.returncode, shown) == (128 + number, word + GOES_ON)
    assert list(temporary.iterdir()) == []


def list_children(process):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True)
    return found.stdout.split()


SIGNAL_IN_THE_END = """
import os, signal, sys
from ser_tinyml.cli.endings import told_in_one_message

class Last:
    def __del__(self, kill=os.kill, process=os.getpid(), number=int(sys.argv[1])):
        kill(process, number)  # when the interpreter has let go of signals

with told_in_one_message():
    last = Last()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_comes_when_all_is_done_changes_nothing(number):
    ended = subprocess.run([sys.executable, "-c", SIGNAL_IN_THE_END, str(int(number))], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.needs("cmake", "cc", "ps")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_programs_that_a_step_runs_end_with_it(tmp_path, demo_root, number):
    inputs = [f"--{name}={demo_root}/{name}" for name in ("examples", "export", "evaluation")]
    process = start("components.infra_validator", *inputs, f"--output={tmp_path}/board", stdout=subprocess.PIPE)
    children = []

    def builds():
        children[:] = list_children(process)
        return children

    shown = interrupt(process, number, builds)
    assert process.returncode == 128 + number and shown.endswith(GOES_ON)
    deadline = time.monotonic() + 5  # for what was killed to be buried
    while (
        left := [child for child in children if pathlib.Path("/proc", child).exists()]
    ) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == []


# ---- exit codes ----


def test_the_readme_lists_the_exit_codes_that_help_lists(run):
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", (REPOSITORY / "docs" / "install.md").read_text(), re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == EXIT_CODES
    listed = ", ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items())
    assert f"Exit codes: {listed}." in run("ser_tinyml", "--help").stdout


@pytest.mark.parametrize("code", [code for code in EXIT_CODES if code != 3])  # tests/pipeline/test_evaluate.py sees a 3
def test_a_real_command_ends_with_each_code(tmp_path, demo_root, code):
    evaluate = ["components.evaluator", *(f"--{name}={demo_root}/{name}" for name in ("examples", "export", "model"))]
    command = {
        0: ["ser_tinyml", "corpora"],
        1: ["components.example_gen", f"--corpus=tess:{tmp_path}/none", f"--output={tmp_path}/out"],
        2: ["components.example_gen", "--no_such_flag"],
    }
    if code < 128:
        process = start(*command[code], stdout=subprocess.PIPE)
        process.communicate()
    else:
        process = start(*evaluate, f"--output={tmp_path}/out", stdout=subprocess.PIPE)
        interrupt(process, code - 128, lambda: takes_signals(process))
    assert process.returncode == code
