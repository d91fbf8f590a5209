"""The bundle of the demo's model."""

import dataclasses
import hashlib
import json
import pathlib
import shutil
import subprocess

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from components.pusher import component
from schemas.run_files import Board, Evaluation
from ser_tinyml.codegen.bundle import make_zip
from ser_tinyml.judging.gates import judge
from ser_tinyml.store import run_files


@pytest.fixture(scope="module")
def bundle(demo_root, tmp_path_factory) -> pathlib.Path:
    """The zip, unpacked elsewhere."""
    folder = tmp_path_factory.mktemp("bundle")
    shutil.unpack_archive(demo_root / "firmware/ser_firmware.zip", folder)
    return folder / "ser_firmware"


def test_zip_and_directory_hold_the_same_files(bundle, demo_root):
    def contents(folder):
        return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.suffix != ".zip"}

    assert contents(bundle) == {
        path: content for path, content in contents(demo_root / "firmware").items() if path.name != "artifact.json"
    }


@pytest.mark.needs("cc", "cmake")
def test_bundle_builds_by_itself_and_passes_its_own_tests(bundle):
    """With no package index to ask, and no Python to ask it."""
    environment = {"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1"}
    for command in (["cmake", "-B", "build", "-DPython3_EXECUTABLE=/bin/false"], ["cmake", "--build", "build"]):
        subprocess.run(command, cwd=bundle, env=environment, check=True, capture_output=True)
    tested = subprocess.run(
        ["ctest", "--test-dir", "build"], cwd=bundle, env=environment, capture_output=True, text=True
    )
    assert tested.returncode == 0, tested.stdout
    assert "golden" in tested.stdout and "100% tests passed" in tested.stdout


@pytest.mark.needs("arm-none-eabi-gcc")
def test_arduino_library_compiles_from_one_folder(bundle, tmp_path):
    """As Arduino's IDE would: every C file of src/, with src/ the only folder of headers and no flag of ours."""
    sources = sorted((bundle / "arduino/ser-tinyml/src").glob("*.c"))
    assert {"ser_app.c", "ser_frontend.c", "ser_kernels.c", "ser_model.c"} <= {path.name for path in sources}
    cpu = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-std=gnu11"]
    command = ["arm-none-eabi-gcc", *cpu, "-Os", f"-I{sources[0].parent}", "-c", *sources]
    subprocess.run(command, cwd=tmp_path, check=True)


def test_sbom_is_sound_and_has_the_hashes_of_the_model_files(bundle):
    content = (bundle / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(content) is None
    cmsis_dsp, *model_files = json.loads(content)["components"]
    assert (cmsis_dsp["name"], cmsis_dsp["licenses"]) == ("cmsisdsp", [{"license": {"id": "Apache-2.0"}}])
    recipe = (bundle / "cmake/cmsis_dsp.cmake").read_text()
    assert f"CMSIS_DSP_VERSION {cmsis_dsp['version']})" in recipe
    assert f"CMSIS_DSP_SHA256 {cmsis_dsp['hashes'][0]['content']})" in recipe
    assert {bundle / file["name"] for file in model_files} == set((bundle / "generated").iterdir())
    for file in model_files:
        assert file["hashes"][0]["content"] == hashlib.sha256((bundle / file["name"]).read_bytes()).hexdigest()


def test_bundle_has_the_licences_and_the_card(bundle):
    assert "Apache License" in (bundle / "LICENSE").read_text()
    assert "Apache License" in (bundle / "third_party/cmsis_dsp/LICENSE").read_text()
    card = (bundle / "MODEL_CARD.md").read_text()
    assert "synthetic speech" in card and "speakers whom training never heard" in card
    assert "article 5, 1 f" in card


def test_the_card_begins_with_what_hugging_face_reads(bundle, demo_root):
    _, head, body = (bundle / "MODEL_CARD.md").read_text().split("---\n", 2)
    found = yaml.safe_load(head)
    assert found["pipeline_tag"] == "audio-classification" and found["language"] == ["en"]
    (result,) = found["model-index"][0]["results"]
    evaluation = run_files.read(Evaluation, str(demo_root / "evaluation"))
    metrics = {each["type"]: each["value"] for each in result["metrics"]}
    assert metrics["recall"] == pytest.approx(evaluation.models["tflm"].scores.uar, abs=1e-4)
    assert result["dataset"]["revision"] == evaluation.dataset_digest and body.startswith("# Emotion")


@pytest.mark.parametrize(
    ("kind", "folder", "step", "change", "reason"),
    [
        (Evaluation, "evaluation", "evaluator", {"blessed": False}, "no firmware bundle: the model is not blessed"),
        (
            Board,
            "board",
            "infra_validator",
            {"gates": (judge("flash", 9, "at most", 8, unit="bytes"),)},
            "no firmware bundle: the firmware did not pass: flash",
        ),
    ],
)
def test_nothing_is_pushed_of_a_model_that_failed(
    demo_root, tmp_path, capsys, seal, kind, folder, step, change, reason
):
    folders = {name: str(demo_root / name) for name in ("examples", "export", "evaluation", "board")}
    failed = dataclasses.replace(run_files.read(kind, folders[folder]), **change)
    folders[folder] = str(tmp_path / folder)
    run_files.write(failed, folders[folder])
    seal(folders[folder], step)
    component.run(str(tmp_path / "out"), component.Parameters(), **folders)
    assert reason in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["artifact.json"]


def test_zip_depends_on_the_files_alone():
    files = {"b": b"1", "a/c": b"2"}
    assert make_zip(files, "folder") == make_zip(dict(reversed(files.items())), "folder")
