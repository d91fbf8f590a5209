"""A finished run as a folder for the Hugging Face hub, which `ser_tinyml.load` reads as it is."""

import dataclasses
import json
from typing import Any

from schemas.errors import UserError
from schemas.run_files import Board, Dataset, Evaluation, Export
from ser_tinyml.codegen.generated import APART_SOURCES, FIRMWARE_SOURCES, TFLM_SOURCES
from ser_tinyml.judging import gates
from ser_tinyml.report.model_card import render_card
from ser_tinyml.store import artifact, files, run_files
from ser_tinyml.store.finished_model import find_model

_JUDGED_BY = ("examples", "evaluation", "board")  # folders of a run that its card tells of
_BY_LFS = ("*.tflite", "ser_model.bin", "ser_model.c", "ser_model_data.cc")


def make_folder(root: str) -> dict[str, bytes]:
    """Returns the folder's files by their names.

      README.md                   the model card, with its YAML head and a snippet that uses the model
      config.json                 classes, in the order of the outputs
      preprocessor_config.json    the front end, and the constants that its features are standardised with
      export.json                 all that the exporter knows of the model, by which `ser_tinyml.load` finds it
      ser_*.tflite  ser_model.*   the exported files; ser_model_data.* for TensorFlow Lite Micro
      .gitattributes              which of them git keeps as large files

    Args:
      root: of a finished run; all that is read of it is verified.

    Raises:
      UserError: it is no finished run, or not as its steps left it; GateFailed where its model is not blessed.
    """
    found = find_model(root)
    folders = {name: files.join(root, name) for name in _JUDGED_BY}
    if not found.exported or not all(map(artifact.is_recorded, folders.values())):
        raise UserError(f"{root} is no finished run: its card needs {', '.join(_JUDGED_BY)} and export")
    for folder in folders.values():
        artifact.verify(folder)
    dataset, evaluation = (
        run_files.read(Dataset, folders["examples"]),
        run_files.read(Evaluation, folders["evaluation"]),
    )
    board = run_files.read(Board, folders["board"])
    gates.require_passed((*evaluation.gates, *board.gates), f"{root} is not for others: its model is not blessed")
    exported = dataclasses.replace(found.exported, model_path="")  # nobody's business
    tflite = [f"ser_{name}.tflite" for name in found.list_tflite()]
    sources = [name for name in (*FIRMWARE_SOURCES, *APART_SOURCES, *TFLM_SOURCES) if name in exported.files]
    card = render_card(exported, dataset, evaluation=evaluation, board=board, for_hub=True)
    return {
        ".gitattributes": "".join(f"{name} filter=lfs diff=lfs merge=lfs -text\n" for name in _BY_LFS).encode(),
        "README.md": card.encode(),
        "config.json": _encode(_describe_outputs(exported)),
        "preprocessor_config.json": _encode(_describe_inputs(exported)),
        Export.FILE_NAME: run_files.encode(exported),
        **found.read_sources(*tflite, *sources),
    }


def _describe_outputs(exported: Export) -> dict[str, Any]:
    return {
        "model_type": "ser-tinyml",
        "id2label": {str(number): label for number, label in enumerate(exported.labels)},
        "label2id": {label: number for number, label in enumerate(exported.labels)},
        "reject_below": exported.reject_below,
    }


def _describe_inputs(exported: Export) -> dict[str, Any]:
    front_end = dataclasses.asdict(exported.front_end)
    return {"feature_extractor_type": "ser-tinyml"} | front_end | dataclasses.asdict(exported.standardisation)


def _encode(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
