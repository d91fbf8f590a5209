"""The wheel, built from the source distribution as a package index would have it."""

import email
import email.message
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from ser_tinyml.version import VERSION

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ("schemas", "ser_tinyml", "components", "pipeline")


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> pathlib.Path:
    """The source distribution, unpacked; made in a copy, since setuptools takes up what an older build left behind."""
    folder = tmp_path_factory.mktemp("source")
    copy = folder / "repository"
    copy.mkdir()
    for name in (*PACKAGES, "firmware"):
        shutil.copytree(REPOSITORY / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, copy)
    code = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, folder], cwd=copy, check=True, capture_output=True)
    with tarfile.open(folder / f"ser_tinyml-{VERSION}.tar.gz") as archive:
        assert not [member.name for member in archive if member.issym() or member.islnk()]
        archive.extractall(folder, filter="data")
    return folder / f"ser_tinyml-{VERSION}"


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        folder,
        source,
    ]
    subprocess.run(command, check=True, capture_output=True)
    return zipfile.ZipFile(folder / f"ser_tinyml-{VERSION}-py3-none-any.whl")


@pytest.fixture(scope="module")
def metadata(wheel) -> email.message.Message:
    return email.message_from_string(wheel.read(f"ser_tinyml-{VERSION}.dist-info/METADATA").decode())


def test_the_wheel_holds_the_whole_firmware(wheel):
    for path in (p for p in (REPOSITORY / "firmware").rglob("*") if p.is_file()):
        name = f"ser_tinyml/firmware/{path.relative_to(REPOSITORY / 'firmware')}"
        assert wheel.read(name) == path.read_bytes(), name


def test_the_wheel_holds_every_module_and_all_data_beside_them(wheel):
    names = set(wheel.namelist())
    for package in PACKAGES:
        for path in (REPOSITORY / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert str(path.relative_to(REPOSITORY)) in names


def test_the_wheel_holds_nothing_else(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {*PACKAGES, f"ser_tinyml-{VERSION}.dist-info"}


def test_metadata_tells_version_licence_and_what_the_readme_says(wheel, metadata):
    assert (metadata["Name"], metadata["Version"]) == ("ser-tinyml", VERSION)
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload().strip() == (REPOSITORY / "README.md").read_text().strip()
    licences = [wheel.read(name) for name in wheel.namelist() if re.search(r"dist-info/(licenses/)?LICENSE$", name)]
    assert licences == [(REPOSITORY / "LICENSE").read_bytes()]


def test_the_console_script_is_the_clis_main(wheel):
    points = wheel.read(f"ser_tinyml-{VERSION}.dist-info/entry_points.txt").decode()
    assert points.split("\n")[:2] == ["[console_scripts]", "ser-tinyml = ser_tinyml.cli:main"]


def test_the_base_needs_neither_tensorflow_nor_googles_cloud(metadata):
    needed = metadata.get_all("Requires-Dist")
    base = {re.split(r"[ =<>!]", line)[0] for line in needed if "extra ==" not in line}
    assert {"apache-beam", "pydantic"} <= base  # and without Beam's extra [gcp]
    assert not {"tensorflow", "tf-keras", "librosa", "jinja2"} & base
    assert set(metadata.get_all("Provides-Extra")) == {"train", "av", "listen", "board", "tune", "gcp", "dev"}


def test_the_changelog_has_this_version():
    assert re.search(rf"^## {re.escape(VERSION)}\b", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_constraints_are_the_locked_versions():
    locked = re.findall(
        r"^([\w.-]+)(?:\[.*?\])?==([^ ;]+)", (REPOSITORY / "requirements.lock").read_text(), re.MULTILINE
    )
    assert (REPOSITORY / "constraints.txt").read_text().splitlines() == [f"{name}=={v}" for name, v in locked]
