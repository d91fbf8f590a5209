"""A benchmark ends with an error where its sides did not do the same work."""

import dataclasses
import hashlib
import pathlib

import engine
import notebook_fit
import notebook_loop
import numpy as np
import presets
import pytest
import same_work
import splits
import trainer
from same_work import Features, Fitting

from components.command_line import list_presets
from components.transform import component as transform
from schemas.front_end import FrontEnd, Standardisation
from schemas.manifest import PER_COPY, ManifestRow
from schemas.run_files import ManifestSummary, TrainedOn, Training
from ser_tinyml.audio.clip import decode_clip, make_records
from ser_tinyml.store import run_files

DIFFERENT = pytest.raises(SystemExit, match="different work")


@pytest.fixture(scope="module")
def recording(tmp_path_factory, write_summary) -> pathlib.Path:
    """Noise that is loud from 0.3 s to 1.6 s: the crop of 0.4 to 1.9 s ends in silence that a window of speech leaves out."""
    import soundfile

    samples = np.random.default_rng(0).standard_normal(48_000) * 0.001
    samples[7_200:38_400] *= 100
    path = tmp_path_factory.mktemp("recordings") / "x.wav"
    soundfile.write(path, samples, 24_000, subtype="PCM_16")
    write_summary(path, protocol="notebook")
    return path


def make_by_job(recording: pathlib.Path, **changes: str) -> dict[same_work.Copy, Features]:
    flags = presets.read("notebook") | changes
    parameters = transform.Parameters(
        crop=(flags["crop"],),
        windows=flags["windows"],
        load_rate=int(flags["load_rate"]),
        padding=flags["padding"],
        augment=(flags["augment"],),
    )
    summary = dataclasses.replace(
        run_files.read(ManifestSummary, str(recording.parent)), validation_fraction=0.18, test_fraction=0.1
    )
    settings = transform.make_settings(parameters, summary, manifest="")
    clip_id = hashlib.sha256(recording.read_bytes()).hexdigest()
    row = ManifestRow(clip_id, str(recording), "tess", "OAF", "happy", "happy", PER_COPY, 2.0, 24_000, False)
    made = list(make_records(decode_clip(row, settings.clip), settings.clip))
    return {(clip_id, m.example.copy): Features(m.example.label, m.example.mfcc) for m in made}


def make_by_loop(recording: pathlib.Path) -> dict[same_work.Copy, Features]:
    clip_id = hashlib.sha256(recording.read_bytes()).hexdigest()
    label = notebook_loop.LABELS.index("happy")
    copies = notebook_loop.process(str(recording), clip_id)
    return {(clip_id, copy): Features(label, mfcc) for copy, mfcc in enumerate(copies)}


def test_the_loop_and_the_job_make_the_same_features_with_the_notebooks_preset(recording):
    assert same_work.check_features(make_by_loop(recording), make_by_job(recording)) < same_work.TOLERANCE


def test_features_of_other_windows_are_different_work(recording):
    """So it was when the benchmark had a copy of the preset's flags without `--windows=crop`."""
    with DIFFERENT:
        same_work.check_features(make_by_loop(recording), make_by_job(recording, windows="speech"))


@pytest.mark.parametrize(
    "change",
    [
        lambda features: dataclasses.replace(features, mfcc=features.mfcc + np.float32(0.01)),
        lambda features: dataclasses.replace(features, mfcc=features.mfcc * np.float32(np.nan)),
        lambda features: dataclasses.replace(features, mfcc=features.mfcc[1:]),
        lambda features: dataclasses.replace(features, label=features.label + 1),
    ],
    ids=["value", "no number", "shape", "label"],
)
def test_one_copy_that_differs_is_different_work(change):
    features = {("a" * 64, copy): Features(0, np.ones((47, 13), np.float32)) for copy in (0, 1)}
    assert same_work.check_features(features, features) == 0
    with DIFFERENT:
        same_work.check_features(features, features | {("a" * 64, 1): change(features["a" * 64, 1])})


def test_a_copy_that_only_one_side_made_is_different_work():
    features = {("a" * 64, copy): Features(0, np.ones((47, 13), np.float32)) for copy in (0, 1)}
    with DIFFERENT:
        same_work.check_features(features, {("a" * 64, 0): features["a" * 64, 0]})


def write_arrays(path: pathlib.Path, examples: int) -> pathlib.Path:
    arrays = {}
    for split in ("train", "validation"):
        arrays[f"{split}_mfcc"] = np.zeros((examples, 47, 13), np.float32)
        arrays[f"{split}_label"] = np.zeros(examples, np.int64)
    np.savez(path, **arrays)
    return path


def write_training(folder: pathlib.Path, updates_an_epoch: int) -> pathlib.Path:
    """Writes what the trainer leaves behind of 20 epochs of the notebook's network."""
    run_files.write(
        Training(
            model="ser.h5",
            fake_quantized=None,
            labels=("neutral",),
            front_end=FrontEnd(),
            standardisation=Standardisation.identity(13),
            synthetic=True,
            trained_on=TrainedOn(speakers=(), clips=(), has_unnamed_speakers=False),
            dataset_digest="",
            dataset_parameters={},
            splits={},
            parameters={"batch_size": 32},
            libraries={},
            trainable_parameters=126_532,
            updates_an_epoch=updates_an_epoch,
            epochs_trained={"float": 20},
            best_epoch=20,
            best_validation_uar=1.0,
            temperature=1.0,
        ),
        str(folder),
    )
    return folder


def test_the_notebooks_fit_makes_its_updates_of_the_trainers_network(tmp_path):
    """70 examples are three batches of 32 for `model.fit`, the last of 6, and two for the trainer."""
    notebook_fit.fit(write_arrays(tmp_path / "arrays.npz", 70), tmp_path / "notebook", seed=0)
    fit, ours = trainer.read_fit(tmp_path / "notebook"), trainer.read_trainer(write_training(tmp_path / "model", 2))
    assert (fit.updates, ours.updates) == (60, 40)
    same_work.check_networks({"notebook's fit": fit, "trainer": ours})


def test_another_network_is_different_work():
    fitting = Fitting(updates=40, examples_an_update=32, trainable_parameters=100)
    same_work.check_networks({"one": fitting, "other": dataclasses.replace(fitting, updates=41, examples_an_update=64)})
    with DIFFERENT:
        same_work.check_networks({"one": fitting, "other": dataclasses.replace(fitting, trainable_parameters=99)})


def test_models_that_were_trained_otherwise_are_different_work(tmp_path):
    training = run_files.read(Training, str(write_training(tmp_path, 2)))
    same_work.check_recipes(
        training, dataclasses.replace(training, updates_an_epoch=3)
    )  # another split has other sizes
    for change in ({"parameters": {"batch_size": 64}}, {"epochs_trained": {"float": 19}}):
        with DIFFERENT:
            same_work.check_recipes(training, dataclasses.replace(training, **change))


def test_fine_tunings_of_other_lengths_are_different_work():
    same_work.check_updates({"control": 100, "8 bits": 100})
    with DIFFERENT:
        same_work.check_updates({"control": 100, "8 bits": 101})


def test_updates_with_other_losses_are_different_work():
    assert same_work.check_losses({"plain": [1.5, 1.25], "fused": [1.5, 1.25]}) == 0
    for losses in ([1.5, 1.0], [1.5, np.nan], [1.5]):
        with DIFFERENT:
            same_work.check_losses({"plain": [1.5, 1.25], "fused": losses})


def test_datasets_with_two_digests_are_different_work():
    same_work.check_datasets({(10, "a")})
    with DIFFERENT:
        same_work.check_datasets({(10, "a"), (10, "b")})


def test_a_clip_that_was_not_decoded_is_different_work():
    same_work.check_decoded(12, 12)
    with DIFFERENT:
        same_work.check_decoded(11, 12)


def test_an_engine_that_gives_other_bits_than_tflm_is_different_work():
    windows, expected = np.zeros((2, 47, 13), np.int8), np.full((2, 4), 3, np.int8)
    assert len(engine.time_each("generated engine", lambda _: expected[0], windows, expected)) == 2
    with DIFFERENT:
        engine.time_each("generated engine", lambda _: expected[0] + np.int8(1), windows, expected)
    assert len(engine.time_each("TFLite int8", lambda _: expected[0] + np.int8(1), windows, expected)) == 2
    with DIFFERENT:
        engine.time_each("TFLite int8", lambda _: expected[0] + np.int8(17), windows, expected)


def test_a_pipeline_that_fails_ends_the_splits_benchmark_and_a_failed_gate_does_not():
    for exit_code in (0, 3):
        splits.run_pipeline(["-c", f"raise SystemExit({exit_code})"])
    with pytest.raises(SystemExit, match="ended with 1"):
        splits.run_pipeline(["-c", "raise SystemExit(1)"])


def test_presets_are_read_from_their_files():
    assert presets.read("notebook")["windows"] == "crop"
    assert presets.make_flag("notebook").removeprefix("--preset=") in list_presets()
