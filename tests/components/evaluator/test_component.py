import dataclasses
import shutil

import numpy as np
import pytest

from components.evaluator import component
from schemas.errors import UserError
from schemas.run_files import ALONE, BEHIND_A_STRANGER, Evaluation, Export
from ser_tinyml.audio.standardise import standardise
from ser_tinyml.codegen.source_check import count_differing_bytes
from ser_tinyml.judging import verdicts
from ser_tinyml.runtimes.tflite import TFLite
from ser_tinyml.runtimes.tflm import Tflm
from ser_tinyml.store import run_files
from ser_tinyml.store.dataset import read_split


@pytest.fixture(scope="module")
def evaluation(demo_root):
    return run_files.read(Evaluation, str(demo_root / "evaluation"))


@pytest.fixture(scope="module")
def held_out(demo_root):
    """TFLite and TFLM with the int8 model, and the demo's held-out windows as its inputs."""
    exported = run_files.read(Export, str(demo_root / "export"))
    records = read_split(str(demo_root / "examples"), "test")
    inputs = standardise(np.stack([example.features for example in records]), exported.standardisation)
    content = (demo_root / "export/ser_int8.tflite").read_bytes()
    runtimes = TFLite(content), Tflm(content, exported.arena_bytes)
    return runtimes, inputs


def test_every_model_is_evaluated_with_every_metric(evaluation):
    assert evaluation.split == "test" and evaluation.synthetic
    assert set(evaluation.models) == {"keras", "float", "dynamic", "int8", "tflm"}
    for name, row in evaluation.models.items():
        assert set(row.per_class) == set(evaluation.labels)
        assert np.sum(row.confusion) == row.scores.clips == evaluation.clips
        assert np.trace(row.confusion) / evaluation.clips == pytest.approx(row.scores.accuracy)
        for groups in row.slices.values():
            clips = {name: group.clips for name, group in groups.items()}
            assert (
                clips.pop(ALONE, evaluation.clips) == clips.pop(BEHIND_A_STRANGER, evaluation.clips) == evaluation.clips
            )
            assert sum(clips.values()) == evaluation.clips
        assert bool(row.alone) == (name == evaluation.flashed)
    assert evaluation.models["keras"].agreement == 1.0


def test_the_demo_is_neither_trivial_nor_hopeless(evaluation):
    assert 0.60 <= evaluation.models["int8"].scores.accuracy <= 0.97


def test_float_tflite_is_keras(evaluation):
    assert evaluation.models["float"].agreement == 1.0


def test_the_demo_is_blessed(evaluation):
    assert evaluation.blessed and all(gate.passed for gate in evaluation.gates)


def test_tflm_and_tflite_agree(held_out):
    """Outputs are within 10/256 on every clip; the class may differ only where two outputs all but tie."""
    runtimes, inputs = held_out
    tflite, tflm = (runtime.predict(inputs) for runtime in runtimes)
    assert np.abs(tflite.quantized.astype(int) - tflm.quantized.astype(int)).max() <= 10
    assert np.mean(tflite.classes == tflm.classes) >= 0.99


def test_state_is_reset_before_each_clip(held_out):
    """A clip's output does not depend on the clips before it; in both runtimes it would without the reset."""
    runtimes, inputs = held_out
    for runtime in runtimes:
        forwards, backwards = runtime.predict(inputs), runtime.predict(inputs[::-1])
        np.testing.assert_array_equal(forwards.quantized, backwards.quantized[::-1])
        carried = runtime.predict(inputs, np.zeros(len(inputs), bool))
        assert np.mean(np.any(carried.quantized != forwards.quantized, axis=1)) > 0.5


@pytest.mark.needs("c++")
def test_source_holds_the_int8_file_byte_for_byte(demo_root, tmp_path):
    export = tmp_path / "export"
    shutil.copytree(demo_root / "export", export)
    assert count_differing_bytes(str(export)) == 0
    content = bytearray((export / "ser_int8.tflite").read_bytes())
    content[5000] ^= 1
    content[90000] ^= 1
    (export / "ser_int8.tflite").write_bytes(bytes(content))
    assert count_differing_bytes(str(export)) == 2


def test_without_a_compiler_the_source_is_not_judged_and_that_is_said(demo_root, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/no/compilers/here")
    assert count_differing_bytes(str(demo_root / "export")) is None
    assert capsys.readouterr().out.startswith("skipped: TFLM source difference")


@pytest.mark.needs("c++")
def test_a_source_that_does_not_compile_is_told(demo_root, tmp_path):
    shutil.copytree(demo_root / "export", tmp_path / "export")
    (tmp_path / "export/ser_model_data.cc").write_text("#include <nothing_of_this_name.h>\n")
    with pytest.raises(UserError, match=r"does not compile(.|\n)*nothing_of_this_name"):
        count_differing_bytes(str(tmp_path / "export"))


def test_a_model_that_was_not_exported_is_refused(demo_root, tmp_path, seal):
    shutil.copytree(demo_root / "model", tmp_path / "model")
    with (tmp_path / "model/ser.h5").open("ab") as file:
        file.write(b"more")
    seal(tmp_path / "model", "trainer")
    folders = {"examples": demo_root / "examples", "export": demo_root / "export", "model": tmp_path / "model"}
    with pytest.raises(UserError, match="not the model that was exported"):
        component.run(str(tmp_path / "out"), component.Parameters(), **{k: str(v) for k, v in folders.items()})


def test_a_class_without_held_out_clips_is_told(evaluation, tmp_path):
    """CREMA-D, for one, has no surprise."""
    models = {
        name: dataclasses.replace(
            model, per_class=model.per_class | {"surprise": dataclasses.replace(model.per_class["surprise"], clips=0)}
        )
        for name, model in evaluation.models.items()
    }
    run_files.write(dataclasses.replace(evaluation, models=models), str(tmp_path))
    last = verdicts.format_table(str(tmp_path)).splitlines()[-1]
    assert last == "no held-out clip is surprise: macro-F1 and UAR average the other classes"
