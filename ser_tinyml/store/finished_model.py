"""What stands at a path that names a finished model: a run, an export, a firmware bundle, or a file from anywhere."""

import dataclasses
import hashlib

from schemas.errors import UserError
from schemas.front_end import FrontEnd, Standardisation
from schemas.run_files import Export, Training
from ser_tinyml.store import artifact, files, run_files
from ser_tinyml.store.digests import sha256_of

_TFLITE_MARK, _TFLITE_MARK_AT = b"TFL3", 4


@dataclasses.dataclass(frozen=True)
class Interface:
    """What a model takes and gives."""

    labels: tuple[str, ...]  # in the order of its outputs
    front_end: FrontEnd
    standardisation: Standardisation

    @classmethod
    def of(cls, exported: Export) -> "Interface":
        """Returns that of an exported model."""
        return cls(exported.labels, exported.front_end, exported.standardisation)


@dataclasses.dataclass(frozen=True)
class FinishedModel:
    """A finished model, found."""

    path: str  # that names it
    export: str  # the directory with its export.json; "" for a file from anywhere
    exported: Export | None  # what that says
    trained: str  # the directory of a run's trained network; "" where that is not at hand

    def read_tflite(self, form: str) -> bytes:
        """Returns an exported TFLite file: float, dynamic or int8.

        Raises:
          UserError: it can't be read, or is not as it was exported.
        """
        return self._read_exported(f"ser_{form}.tflite")

    def list_tflite(self) -> list[str]:
        """Returns which exported TFLite files are at hand: a firmware bundle has but int8, which always is there."""
        assert self.exported, "a file from anywhere has no other forms"
        names = {name: files.join(self.export, f"ser_{name}.tflite") for name in self.exported.formats}
        return [name for name, path in names.items() if name == "int8" or files.exists(path)]

    def read_sources(self, *names: str) -> dict[str, bytes]:
        """Returns exported C files by their names; raises UserError where one is not there, or not as it was exported."""
        return {name: self._read_exported(name) for name in names}

    def find_keras(self) -> str:
        """Returns the path of the trained Keras model that was exported; "" where that is not at hand, or is none."""
        assert self.exported, "a file from anywhere is its own"
        if self.exported.model_path:
            return "" if self.exported.is_tflite else self.exported.model_path
        return files.join(self.trained, run_files.read(Training, self.trained).model) if self.trained else ""

    def _read_exported(self, name: str) -> bytes:
        assert self.exported
        path = files.join(self.export, name)
        content = files.read_bytes(path)
        if hashlib.sha256(content).hexdigest() != self.exported.files[name].sha256:
            raise UserError(f"{path} is not the file that was exported")
        return content


def find_model(path: str) -> FinishedModel:
    """Finds the parts of a model, whose folders are verified.

    Args:
      path: the root of a run, an export, a firmware bundle, a Keras model or a TFLite file.

    Raises:
      UserError: there is nothing, or a folder is not as its step has left it.
    """
    if not files.is_folder(path) and not files.exists(path):
        raise UserError(f"{path}: there is no such file or directory")
    export = _find_export(path)
    exported = run_files.read(Export, export) if export else None
    return FinishedModel(path, export, exported, _find_trained(path) if exported else "")


def find_export_of(path: str) -> Export | None:
    """Returns the export that wrote a TFLite file, or whose trained network a Keras file is; None of files from anywhere.

    Raises:
      UserError: its export.json can't be read.
    """
    if files.is_folder(path):
        return None
    folder = path.rpartition("/")[0] or "."
    for place in (folder, files.join(folder, "..", "export")):
        if files.exists(files.join(place, Export.FILE_NAME)):
            exported = run_files.read(Export, place)
            if sha256_of(path) in {exported.model_sha256, *(file.sha256 for file in exported.files.values())}:
                return exported
    return None


def is_tflite(path: str) -> bool:
    """Tells whether a file is a TFLite model, by its content; a folder is none."""
    if files.is_folder(path):
        return False
    with files.open_binary(path) as file:
        return file.read(_TFLITE_MARK_AT + len(_TFLITE_MARK))[_TFLITE_MARK_AT:] == _TFLITE_MARK


def _find_export(path: str) -> str:
    if not files.is_folder(path):
        return ""
    below = [files.join(path, "export"), files.join(path, "firmware", "generated"), files.join(path, "generated"), path]
    found = [folder for folder in below if files.exists(files.join(folder, Export.FILE_NAME))]
    if found and artifact.is_recorded(found[0]):
        artifact.verify(found[0])
    return found[0] if found else ""


def _find_trained(path: str) -> str:
    folder = files.join(path, "model")
    if not artifact.is_recorded(folder):
        return ""
    artifact.verify(folder)
    return folder
