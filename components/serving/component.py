"""A finished model -> a SavedModel that TensorFlow and tensorflow-io run without this project's code.

Writes:
  VERSION/saved_model.pb ...   the SavedModel: decoders, resampler, windows of speech, features and the trained network
  serving.json                 written last: what it takes, and how it compares with the Keras model on held-out clips
"""

import tensorflow as tf

from components.serving.parameters import MAKES, Parameters
from components.step import owns_output
from schemas.errors import UsageError, UserError
from schemas.manifest import ManifestRow
from schemas.run_files import Serving
from ser_tinyml.judging import gates
from ser_tinyml.judging.served import Tolerance, judge_served, measure_served
from ser_tinyml.network.loading import load_exported, load_model
from ser_tinyml.prediction.loading import describe_file, load
from ser_tinyml.serving.saved_model import ServedModel, encode_saved_model, load_saved_model
from ser_tinyml.store import files, run_files
from ser_tinyml.store.digests import sha256_of_model, unit_hash
from ser_tinyml.store.finished_model import Interface, find_model
from ser_tinyml.store.manifest import read_manifest
from ser_tinyml.store.occasion import describe_occasion

_HELD_OUT = "test"


@owns_output(MAKES)
def run(output: str, parameters: Parameters) -> None:
    """Writes the SavedModel, and judges what it says of held-out clips; `require_blessing` then tells whether it passed.

    Args:
      output: directory for the SavedModel: what a server calls the model's base path.
      parameters: see Parameters.

    Raises:
      UserError: the model can't be read, has no Keras form, or there are no held-out recordings.
    """
    rows = _choose_clips(parameters)
    reference = load(parameters.model, "keras", **parameters.describe_file())
    model, sha256 = _make_graphs(parameters)
    saved = encode_saved_model(model)
    for name, content in saved.items():
        files.write_bytes(files.join(output, str(parameters.model_version), name), content)
    served = load_saved_model(saved, parameters.decoders)
    forms, feature_difference = measure_served(served, reference, rows)
    tolerance = Tolerance(parameters.min_agreement, parameters.max_difference, parameters.max_feature_difference)
    judged = judge_served(forms, feature_difference, tolerance)
    serving = Serving(
        model_sha256=sha256,
        model_version=parameters.model_version,
        labels=reference.labels,
        front_end=reference.front_end,
        decoders=parameters.decoders,
        libraries=served.libraries,
        bytes=sum(map(len, saved.values())),
        feature_difference=feature_difference,
        forms=forms,
        gates=tuple(judged),
        faithful=all(gate.passed for gate in judged),
        occasion=describe_occasion(),
    )
    run_files.write(serving, output)
    for gate in judged:
        print(gates.describe(gate))


def require_blessing(output: str) -> None:
    """Raises GateFailed, naming the gates that failed and by how much, where the SavedModel is not what was trained."""
    gates.require_passed(run_files.read(Serving, output).gates, "the served model is not the trained one")


def _make_graphs(parameters: Parameters) -> tuple[ServedModel, str]:
    """Returns what a server runs, and the SHA-256 of the network in it."""
    found = find_model(parameters.model)
    if exported := found.exported:
        path = found.find_keras()
        interface, reject_below = Interface.of(exported), exported.reject_below
        network: tf.keras.Model = load_exported(path, exported)
    else:
        path = found.path
        interface, reject_below = describe_file(path, **parameters.describe_file())
        network = load_model(path)
    if interface.front_end.streaming:
        raise UserError(
            "serve-model says something of each window by itself, and this model goes on from window to window"
        )
    model = ServedModel(network, interface, reject_below=reject_below, with_decoders=parameters.decoders)
    return model, sha256_of_model(path)


def _choose_clips(parameters: Parameters) -> list[ManifestRow]:
    """Returns so many rows of the manifest's test split, by hash; raises UserError where there are none."""
    path = parameters.manifest or files.join(parameters.model, "manifest", "manifest.jsonl")
    if not files.exists(path):
        if parameters.manifest:
            raise UserError(f"--manifest={path}: there is no such file")
        raise UsageError(
            f"{parameters.model} has no manifest: --manifest=FILE names recordings to try the SavedModel on"
        )
    rows = [row for row in read_manifest(path) if row.split == _HELD_OUT]
    if not rows:
        raise UserError(f"{path} has no clip in its test split: there is nothing to try the SavedModel on")
    return sorted(rows, key=lambda row: unit_hash("serving", row.clip_id))[: parameters.clips]
